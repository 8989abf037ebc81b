# The images: static programs, which carry Mozilla's certificate authorities, and a /tmp to mount on; no shell, no store.
#
# image.json says what is in them, for integration/images/snapline as well.
{
  lib,
  dockerTools,
  snapline-static,
}:
let
  facts = lib.importJSON ./image.json;

  image =
    name:
    let
      programs = facts.programs.${name};
      missing = lib.subtractLists snapline-static.programs programs;
    in
    assert lib.assertMsg (
      missing == [ ]
    ) "image.json: ${name} names programs that are not in bins/: ${toString missing}";
    dockerTools.streamLayeredImage {
      inherit name;
      tag = snapline-static.version;
      # Of the programs' platform, which need not be the one that the image is put together on.
      architecture = snapline-static.stdenv.hostPlatform.go.GOARCH;

      # Copies, not links into the store: a half must not hold the programs of the other, and every path is as documented.
      includeStorePaths = false;
      extraCommands = ''
        install -D -m 0755 -t bin ${
          lib.escapeShellArgs (map (program: lib.getExe' snapline-static program) programs)
        }
        install -d -m 1777 tmp
      '';

      config = {
        User = facts.user;
        Entrypoint = facts.entrypoint;
        Env = facts.env;
        Labels = facts.labels // {
          "org.opencontainers.image.title" = name;
          "org.opencontainers.image.version" = snapline-static.version;
        };
      };
    };
in
{
  image = image "snapline";
  image-s3 = image "snapline-s3";
  image-vault = image "snapline-vault";
}
