# services.snapline.backups.<name>: one hardened unit and one timer for each pipe from Vault to S3.
{
  config,
  lib,
  pkgs,
  utils,
  ...
}:
let
  inherit (lib)
    literalExpression
    mkOption
    optional
    optionals
    types
    ;

  cfg = config.services.snapline;

  programs = [
    "vault-login"
    "vault-snapshot"
    "s3-put"
    "snap-prune"
  ];

  # The rules of retention that snap-prune knows.
  rules = {
    keepLast = {
      option = "--keep-last";
      description = "Keep this many of the newest snapshots.";
    };
  };

  secretFile =
    description:
    mkOption {
      type = types.nullOr types.externalPath;
      default = null;
      description = ''
        ${description}

        The service manager reads the file and hands its content to the service alone; only root needs access to it.
      '';
    };

  backupModule =
    { config, ... }:
    {
      options = {
        vault = {
          address = mkOption {
            type = types.either types.str (types.nonEmptyListOf types.str);
            example = "https://vault.example.com:8200";
            description = "Address of Vault or OpenBao, or of several nodes, which are tried in turn.";
          };

          namespace = mkOption {
            type = types.nullOr types.str;
            default = null;
            description = "Namespace to log in to.";
          };

          method = mkOption {
            type = types.enum [
              "approle"
              "token"
            ];
            default = "approle";
            description = "Way to log in.";
          };

          path = mkOption {
            type = types.nullOr types.str;
            default = null;
            example = "approle-backup";
            description = "Where the method is mounted, below `auth/`. The default is the name of the method.";
          };

          roleId = mkOption {
            type = types.nullOr types.str;
            default = null;
            description = "Role id for the method `approle`. It is no secret by itself, and readable by everybody here.";
          };

          roleIdFile = secretFile "File that holds the role id for the method `approle`.";

          secretIdFile = secretFile "File that holds the secret id for the method `approle`. A role may do without one.";

          tokenFile = secretFile "File that holds the token for the method `token`.";

          revoke = mkOption {
            type = types.bool;
            default = config.vault.method != "token";
            defaultText = literalExpression ''method != "token"'';
            description = "Whether to revoke the token as soon as the snapshot is there. Only a token of one's own may be.";
          };
        };

        s3 = {
          uri = mkOption {
            type = types.strMatching "s3://[^/]+/.*";
            example = "s3://backups/vault/";
            description = ''
              Where to store the snapshots. What ends in `/` is a prefix, to which a name made of {option}`name` and the
              time is added.
            '';
          };

          name = mkOption {
            type = types.nullOr types.str;
            default = null;
            example = "vault_raft_%Y%m%d_%H%M%S.snap";
            description = "Template for the names of the objects, in UTC. The default is the one of {command}`s3-put`.";
          };

          endpointUrl = mkOption {
            type = types.nullOr types.str;
            default = null;
            example = "https://s3.eu-de.cloud-object-storage.appdomain.cloud";
            description = "Address of the store, if it is not the one of AWS.";
          };

          region = mkOption {
            type = types.nullOr types.str;
            default = null;
            example = "eu-central-1";
            description = "Region of the store.";
          };
        };

        prune =
          lib.mapAttrs (
            _name: rule:
            mkOption {
              type = types.nullOr types.ints.positive;
              default = null;
              description = "${rule.description} Without any rule nothing is pruned.";
            }
          ) rules
          // {
            maxDelete = mkOption {
              type = types.nullOr types.ints.positive;
              default = null;
              description = "How many snapshots one run deletes at most.";
            };
          };

        metricsFile = mkOption {
          type = types.nullOr types.externalPath;
          default = null;
          example = "/var/lib/node-exporter/textfile/vault.prom";
          description = ''
            File for metrics of each success, for the textfile collector of the Prometheus node exporter. Its folder must exist,
            and the group {option}`metricsGroup` must be allowed to write there.
          '';
        };

        metricsGroup = mkOption {
          type = types.nullOr types.str;
          default = null;
          example = "node-exporter";
          description = "Group that the service joins, to write {option}`metricsFile`.";
        };

        extraArgs = lib.genAttrs programs (
          program:
          mkOption {
            type = types.listOf types.str;
            default = [ ];
            description = "Further arguments of {command}`${program}`. They are readable by everybody here.";
          }
        );

        environmentFile = mkOption {
          type = types.nullOr types.externalPath;
          default = null;
          example = "/run/secrets/snapline-s3.env";
          description = ''
            File of variables in the format of {manpage}`systemd.exec(5)`, which holds `AWS_ACCESS_KEY_ID` and
            `AWS_SECRET_ACCESS_KEY`, and any other variable that the programs know.
          '';
        };

        timerConfig = mkOption {
          type = types.nullOr (types.attrsOf utils.systemdUtils.unitOptions.unitOption);
          default = {
            OnCalendar = "*-*-* 00/12:00:00";
            Persistent = true;
          };
          example = {
            OnCalendar = "hourly";
            RandomizedDelaySec = "5m";
          };
          description = ''
            When to back up, see {manpage}`systemd.timer(5)`. With `null` there is no timer, and the unit is started by
            something else.
          '';
        };
      };
    };

  unitOf = name: "snapline-backup-${name}";

  # Words of a command line, and nothing where there is no value.
  given =
    option: value:
    optionals (value != null) [
      option
      (toString value)
    ];

  prunes = backup: lib.any (rule: backup.prune.${rule} != null) (lib.attrNames rules);

  commandLine =
    backup:
    let
      vault = lib.concatMap (given "--address") (lib.toList backup.vault.address);
      s3 =
        given "--endpoint-url" backup.s3.endpointUrl
        ++ given "--region" backup.s3.region
        ++ given "--name" backup.s3.name;
      stage = program: arguments: [ program ] ++ arguments ++ backup.extraArgs.${program};
      stages = [
        (stage "vault-login" (
          vault
          ++ given "--namespace" backup.vault.namespace
          ++ [
            "--method"
            backup.vault.method
          ]
          ++ given "--path" backup.vault.path
          ++ given "--role-id" backup.vault.roleId
        ))
        (stage "vault-snapshot" (vault ++ optional backup.vault.revoke "--revoke"))
        (stage "s3-put" (s3 ++ given "--metrics-file" backup.metricsFile ++ [ backup.s3.uri ]))
      ]
      ++ optional (prunes backup) (
        stage "snap-prune" (
          s3
          ++ lib.concatLists (lib.mapAttrsToList (name: rule: given rule.option backup.prune.${name}) rules)
          ++ given "--max-delete" backup.prune.maxDelete
        )
      );
    in
    [ (lib.getExe' cfg.package "snap-pipe") ] ++ lib.concatLists (lib.intersperse [ "|" ] stages);

  # What is handed over: the variable that names its file, and where it comes from.
  secrets =
    backup:
    lib.filterAttrs (_variable: file: file != null) {
      VAULT_APPROLE_ROLE_ID_FILE = backup.vault.roleIdFile;
      VAULT_APPROLE_SECRET_ID_FILE = backup.vault.secretIdFile;
      VAULT_TOKEN_FILE = backup.vault.tokenFile;
    };

  service = name: backup: {
    description = "Backup of Vault to S3: ${name}";
    wants = [ "network-online.target" ];
    after = [ "network-online.target" ];
    # Not in the middle of a backup; the timer starts the new one.
    restartIfChanged = false;
    path = [ cfg.package ];
    environment = {
      SSL_CERT_FILE = cfg.caBundle;
    }
    // lib.mapAttrs (variable: _file: "%d/${variable}") (secrets backup);

    serviceConfig = {
      Type = "oneshot";
      ExecStart = utils.escapeSystemdExecArgs (commandLine backup);
      LoadCredential = lib.mapAttrsToList (variable: file: "${variable}:${file}") (secrets backup);
      EnvironmentFile = optional (backup.environmentFile != null) backup.environmentFile;
      # snap-pipe passes TERM on and waits until uploads are aborted and tokens revoked.
      KillMode = "mixed";
      TimeoutStopSec = 60;

      ReadWritePaths = optional (backup.metricsFile != null) (dirOf backup.metricsFile);
      SupplementaryGroups = optional (backup.metricsGroup != null) backup.metricsGroup;

      DynamicUser = true;
      AmbientCapabilities = "";
      CapabilityBoundingSet = "";
      DevicePolicy = "closed";
      KeyringMode = "private";
      LimitCORE = 0;
      LockPersonality = true;
      MemoryDenyWriteExecute = true;
      NoNewPrivileges = true;
      PrivateDevices = true;
      PrivateTmp = true;
      PrivateUsers = true;
      ProcSubset = "pid";
      ProtectClock = true;
      ProtectControlGroups = true;
      ProtectHome = true;
      ProtectHostname = true;
      ProtectKernelLogs = true;
      ProtectKernelModules = true;
      ProtectKernelTunables = true;
      ProtectProc = "invisible";
      ProtectSystem = "strict";
      RemoveIPC = true;
      RestrictAddressFamilies = [
        "AF_INET"
        "AF_INET6"
        # The resolver of the system.
        "AF_UNIX"
      ];
      RestrictNamespaces = true;
      RestrictRealtime = true;
      RestrictSUIDSGID = true;
      SystemCallArchitectures = "native";
      SystemCallErrorNumber = "EPERM";
      SystemCallFilter = [
        "@system-service"
        "~@privileged"
        "~@resources"
      ];
      UMask = "0077";
    };
  };

  assertionsFor =
    name: backup:
    let
      option = "services.snapline.backups.${name}";
      inherit (backup) vault;
    in
    [
      {
        assertion = builtins.match "[a-zA-Z0-9_.-]+" name != null;
        message = "${option}: the name becomes that of a unit; use letters, digits, and the characters _ . - only.";
      }
      {
        assertion = vault.method == "approle" -> (vault.roleId != null) != (vault.roleIdFile != null);
        message = "${option}.vault: the method approle needs either roleId or roleIdFile, and not both.";
      }
      {
        assertion =
          vault.method != "approle"
          -> vault.roleId == null && vault.roleIdFile == null && vault.secretIdFile == null;
        message = "${option}.vault: roleId, roleIdFile and secretIdFile are for the method approle, and the method is ${vault.method}.";
      }
      {
        assertion = (vault.method == "token") == (vault.tokenFile != null);
        message = "${option}.vault: the method token needs tokenFile, and no other method takes it; the method is ${vault.method}.";
      }
      {
        assertion = backup.environmentFile != null;
        message = "${option}.environmentFile: name a file with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY; without it there are no credentials for the store.";
      }
      {
        assertion = backup.prune.maxDelete != null -> prunes backup;
        message = "${option}.prune.maxDelete: nothing is pruned without a rule what to keep, such as prune.keepLast.";
      }
    ];
in
{
  options.services.snapline = {
    package = lib.mkPackageOption pkgs "snapline" { };

    caBundle = mkOption {
      type = types.path;
      default = config.security.pki.caBundle;
      defaultText = literalExpression "config.security.pki.caBundle";
      description = "Certificate authorities that Vault's and the store's certificates may come from, in PEM.";
    };

    backups = mkOption {
      type = types.attrsOf (types.submodule backupModule);
      default = { };
      description = "Backups of the Raft storage of Vault or OpenBao to S3.";
      example = literalExpression ''
        {
          vault = {
            vault = {
              address = "https://vault.example.com:8200";
              roleIdFile = "/run/secrets/vault-role-id";
              secretIdFile = "/run/secrets/vault-secret-id";
            };
            s3 = {
              uri = "s3://backups/vault/";
              region = "eu-central-1";
            };
            prune.keepLast = 30;
            environmentFile = "/run/secrets/snapline-s3.env";
          };
        }
      '';
    };
  };

  config = lib.mkIf (cfg.backups != { }) {
    assertions = lib.concatLists (lib.mapAttrsToList assertionsFor cfg.backups);

    systemd.services = lib.mapAttrs' (
      name: backup: lib.nameValuePair (unitOf name) (service name backup)
    ) cfg.backups;

    systemd.timers = lib.mapAttrs' (
      name: backup:
      lib.nameValuePair (unitOf name) {
        description = "Timer of the backup of Vault to S3: ${name}";
        wantedBy = [ "timers.target" ];
        inherit (backup) timerConfig;
      }
    ) (lib.filterAttrs (_name: backup: backup.timerConfig != null) cfg.backups);
  };
}
