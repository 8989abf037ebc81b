# pkgs.snapline; pkgs.pkgsStatic.snapline is the static build.
final: _prev: {
  snapline = final.callPackage ./package.nix { };
}
