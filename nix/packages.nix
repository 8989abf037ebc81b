# What one system can build.
{ lib, pkgs }:
let
  inherit (pkgs.stdenv) hostPlatform;
  snapline = pkgs.callPackage ./package.nix { };
  snapline-static = pkgs.pkgsStatic.callPackage ./package.nix { };

  imagesOf = static: pkgs.callPackages ./images.nix { snapline-static = static; };

  # The images of the other architecture: cross-built here, and named after it.
  foreign =
    if hostPlatform.isx86_64 then pkgs.pkgsCross.aarch64-multiplatform else pkgs.pkgsCross.gnu64;
  foreignImages = imagesOf (foreign.pkgsStatic.callPackage ./package.nix { });
in
{
  inherit snapline;
  default = snapline;
}
// lib.optionalAttrs hostPlatform.isLinux (
  {
    inherit snapline-static;
    demo = pkgs.callPackage ./demo.nix { inherit snapline-static; };
  }
  // imagesOf snapline-static
  // lib.mapAttrs' (
    name: image: lib.nameValuePair "${name}-${foreign.stdenv.hostPlatform.go.GOARCH}" image
  ) foreignImages
)
