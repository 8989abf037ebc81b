{
  description = "Small static programs that back up the Raft storage of Vault and OpenBao to S3, as one Unix pipe";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [
        "x86_64-linux"
        "aarch64-linux"
        # The tools alone: no images, no static programs, no NixOS module.
        "aarch64-darwin"
      ];
      forAllSystems = f: lib.genAttrs systems (system: f nixpkgs.legacyPackages.${system});
    in
    {
      overlays.default = import ./nix/overlay.nix;

      packages = forAllSystems (pkgs: import ./nix/packages.nix { inherit lib pkgs; });

      apps = forAllSystems (
        pkgs:
        import ./nix/apps.nix {
          inherit lib;
          packages = self.packages.${pkgs.stdenv.hostPlatform.system};
        }
      );

      checks = forAllSystems (
        pkgs:
        import ./nix/checks.nix {
          inherit lib pkgs self;
        }
      );

      devShells = forAllSystems (pkgs: {
        default = pkgs.callPackage ./nix/shell.nix {
          inherit (self.packages.${pkgs.stdenv.hostPlatform.system}) snapline;
        };
      });

      formatter = forAllSystems (pkgs: pkgs.nixfmt-tree);

      nixosModules.default =
        { lib, pkgs, ... }:
        {
          imports = [ ./nix/module.nix ];
          services.snapline.package = lib.mkDefault self.packages.${pkgs.stdenv.hostPlatform.system}.default;
        };
    };
}
