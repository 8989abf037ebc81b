# `nix run .#<program>`, and `nix run .#demo`.
{
  lib,
  packages,
}:
let
  app = program: description: {
    type = "app";
    inherit program;
    meta = { inherit description; };
  };
  inherit (packages) snapline;
  descriptionOf = name: (lib.importTOML ../bins/${name}/Cargo.toml).package.description;
in
lib.genAttrs snapline.programs (name: app (lib.getExe' snapline name) (descriptionOf name))
// lib.optionalAttrs (packages ? demo) {
  demo = app (lib.getExe packages.demo) packages.demo.meta.description;
}
