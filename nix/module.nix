# services.snapline.backups.<name>: one hardened unit and one timer for each pipe from Vault to S3, and a second pair for
# pruning where that has credentials of its own.
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

  # The rules of retention that count, as snap-prune calls them, and what the newest is kept of.
  rules = {
    keepLast = {
      option = "--keep-last";
      description = "Keep this many of the newest snapshots.";
    };
    keepHourly = {
      option = "--keep-hourly";
      description = "Keep the newest snapshot of each of this many hours.";
    };
    keepDaily = {
      option = "--keep-daily";
      description = "Keep the newest snapshot of each of this many days.";
    };
    keepWeekly = {
      option = "--keep-weekly";
      description = "Keep the newest snapshot of each of this many weeks, from Monday on.";
    };
    keepMonthly = {
      option = "--keep-monthly";
      description = "Keep the newest snapshot of each of this many months.";
    };
    keepYearly = {
      option = "--keep-yearly";
      description = "Keep the newest snapshot of each of this many years.";
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
              type = types.nullOr (types.either types.ints.positive (types.enum [ "unlimited" ]));
              default = null;
              description = ''
                ${rule.description} Only periods count that have a snapshot, and a snapshot stays if any rule keeps it.
                Without any rule nothing is pruned.
              '';
            }
          ) rules
          // {
            keepWithin = mkOption {
              type = types.nullOr (types.strMatching "([0-9]+[ymdh])+");
              default = null;
              example = "1y6m14d12h";
              description = "Keep all snapshots that are at most so much older than the newest.";
            };

            opts = mkOption {
              type = types.listOf types.str;
              default = [ ];
              example = [
                "--keep-daily 7"
                "--keep-weekly 5"
              ];
              description = ''
                Further options of {command}`snap-prune`, in the form of {option}`services.restic.backups.<name>.pruneOpts`:
                each may have its value behind a blank. A rule is given here or by its own option, not by both.
              '';
            };

            maxDelete = mkOption {
              type = types.nullOr types.ints.positive;
              default = null;
              description = ''
                How many snapshots one run may delete. If it were more, it deletes none and fails. The default is a third of
                the series, or 5 where that is more.
              '';
            };

            maxShrink = mkOption {
              type = types.nullOr (types.ints.between 1 99);
              default = 50;
              description = ''
                By how many per cent the newest snapshot may be smaller than the largest that is kept. Beyond that nothing is
                deleted, and the unit fails. With `null` they are not compared.
              '';
            };

            trustNames = mkOption {
              type = types.bool;
              default = false;
              description = ''
                Whether a snapshot counts that was stored more than a day after the time in its name. For buckets that were
                copied.
              '';
            };

            abortUploadsOlderThan = mkOption {
              type = types.nullOr types.str;
              default = null;
              example = "48h";
              description = "Abort unfinished uploads of the series that are older.";
            };

            environmentFile = mkOption {
              type = types.nullOr types.externalPath;
              default = null;
              example = "/run/secrets/snapline-prune.env";
              description = ''
                File of variables with `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY` of a pruner. With it, a unit of its own
                prunes with these credentials alone, at the times of {option}`prune.timerConfig`, and the backup needs no
                right to delete.
              '';
            };

            timerConfig = mkOption {
              type = types.nullOr (types.attrsOf utils.systemdUtils.unitOptions.unitOption);
              default = {
                OnCalendar = "*-*-* 00/6:45:00";
                Persistent = true;
              };
              example = {
                OnCalendar = "daily";
              };
              description = ''
                When to prune, where {option}`prune.environmentFile` makes that a unit of its own; see
                {manpage}`systemd.timer(5)`. With `null` there is no timer, and the unit is started by something else.
              '';
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
  pruneUnitOf = name: "snapline-prune-${name}";

  # Words of a command line, and nothing where there is no value.
  given =
    option: value:
    optionals (value != null) [
      option
      (toString value)
    ];

  # As words: an option and its value may be in one string.
  pruneOpts =
    backup: lib.filter (word: word != "") (lib.concatMap (lib.splitString " ") backup.prune.opts);

  pruneOptsHave = prefix: backup: lib.any (lib.hasPrefix prefix) (pruneOpts backup);

  prunes =
    backup:
    lib.any (rule: backup.prune.${rule} != null) (lib.attrNames rules)
    || backup.prune.keepWithin != null
    || pruneOptsHave "--keep-" backup;

  # By a unit of its own.
  prunesApart = backup: prunes backup && backup.prune.environmentFile != null;

  stage =
    backup: program: arguments:
    [ program ] ++ arguments ++ backup.extraArgs.${program};

  pipe =
    stages:
    [ (lib.getExe' cfg.package "snap-pipe") ] ++ lib.concatLists (lib.intersperse [ "|" ] stages);

  storeOptions =
    backup:
    given "--endpoint-url" backup.s3.endpointUrl
    ++ given "--region" backup.s3.region
    ++ given "--name" backup.s3.name;

  pruneStage =
    backup: series:
    stage backup "snap-prune" (
      storeOptions backup
      ++ series
      ++ lib.concatLists (lib.mapAttrsToList (name: rule: given rule.option backup.prune.${name}) rules)
      ++ given "--keep-within" backup.prune.keepWithin
      ++ given "--max-delete" backup.prune.maxDelete
      # Its default gives way, as no option may be there twice.
      ++ optionals (!pruneOptsHave "--max-shrink" backup) (given "--max-shrink" backup.prune.maxShrink)
      ++ optional backup.prune.trustNames "--trust-names"
      ++ given "--abort-uploads-older-than" backup.prune.abortUploadsOlderThan
      ++ pruneOpts backup
    );

  commandLine =
    backup:
    let
      vault = lib.concatMap (given "--address") (lib.toList backup.vault.address);
    in
    pipe (
      [
        (stage backup "vault-login" (
          vault
          ++ given "--namespace" backup.vault.namespace
          ++ [
            "--method"
            backup.vault.method
          ]
          ++ given "--path" backup.vault.path
          ++ given "--role-id" backup.vault.roleId
        ))
        (stage backup "vault-snapshot" (vault ++ optional backup.vault.revoke "--revoke"))
        (stage backup "s3-put" (
          storeOptions backup ++ given "--metrics-file" backup.metricsFile ++ [ backup.s3.uri ]
        ))
      ]
      ++ optional (prunes backup && !prunesApart backup) (pruneStage backup [ ])
    );

  pruneCommandLine =
    backup:
    pipe [
      (pruneStage backup [
        "--series"
        backup.s3.uri
      ])
    ];

  # What is handed over: the variable that names its file, and where it comes from.
  secrets =
    backup:
    lib.filterAttrs (_variable: file: file != null) {
      VAULT_APPROLE_ROLE_ID_FILE = backup.vault.roleIdFile;
      VAULT_APPROLE_SECRET_ID_FILE = backup.vault.secretIdFile;
      VAULT_TOKEN_FILE = backup.vault.tokenFile;
    };

  # A unit that runs a pipe once, with variables from a file, and may do nothing else.
  hardened = description: environmentFile: command: {
    inherit description;
    wants = [ "network-online.target" ];
    after = [ "network-online.target" ];
    # Not in the middle of a run; the timer starts the new one.
    restartIfChanged = false;
    path = [ cfg.package ];
    environment.SSL_CERT_FILE = cfg.caBundle;

    serviceConfig = {
      Type = "oneshot";
      ExecStart = utils.escapeSystemdExecArgs command;
      EnvironmentFile = optional (environmentFile != null) environmentFile;
      # snap-pipe passes TERM on and waits until uploads are aborted and tokens revoked.
      KillMode = "mixed";
      TimeoutStopSec = 60;

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

  backupService =
    name: backup:
    lib.recursiveUpdate
      (hardened "Backup of Vault to S3: ${name}" backup.environmentFile (commandLine backup))
      {
        environment = lib.mapAttrs (variable: _file: "%d/${variable}") (secrets backup);
        serviceConfig = {
          LoadCredential = lib.mapAttrsToList (variable: file: "${variable}:${file}") (secrets backup);
          ReadWritePaths = optional (backup.metricsFile != null) (dirOf backup.metricsFile);
          SupplementaryGroups = optional (backup.metricsGroup != null) backup.metricsGroup;
        };
      };

  pruneService =
    name: backup:
    hardened "Pruning of the backups of Vault in S3: ${name}" backup.prune.environmentFile (
      pruneCommandLine backup
    );

  timer = description: timerConfig: {
    inherit description timerConfig;
    wantedBy = [ "timers.target" ];
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
        assertion =
          backup.prune.maxDelete != null
          || backup.prune.environmentFile != null
          || backup.prune.abortUploadsOlderThan != null
          || backup.prune.trustNames
          || backup.prune.opts != [ ]
          -> prunes backup;
        message = "${option}.prune: nothing is pruned without a rule what to keep, such as prune.keepDaily.";
      }
      {
        # It reads the series of which it deletes; a key is none.
        assertion = prunesApart backup -> lib.hasSuffix "/" backup.s3.uri || lib.hasInfix "%" backup.s3.uri;
        message = "${option}.s3.uri: it names one object, which is no series to prune; let it end in /, or be a template.";
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
            prune = {
              keepLast = 14;
              keepDaily = 14;
              keepWeekly = 8;
              keepMonthly = 12;
              # With keys that may list and delete; those of the backup need not delete then.
              environmentFile = "/run/secrets/snapline-prune.env";
            };
            environmentFile = "/run/secrets/snapline-s3.env";
          };
        }
      '';
    };
  };

  config = lib.mkIf (cfg.backups != { }) {
    assertions = lib.concatLists (lib.mapAttrsToList assertionsFor cfg.backups);

    systemd.services =
      lib.mapAttrs' (
        name: backup: lib.nameValuePair (unitOf name) (backupService name backup)
      ) cfg.backups
      // lib.mapAttrs' (name: backup: lib.nameValuePair (pruneUnitOf name) (pruneService name backup)) (
        lib.filterAttrs (_name: prunesApart) cfg.backups
      );

    systemd.timers =
      lib.mapAttrs' (
        name: backup:
        lib.nameValuePair (unitOf name) (
          timer "Timer of the backup of Vault to S3: ${name}" backup.timerConfig
        )
      ) (lib.filterAttrs (_name: backup: backup.timerConfig != null) cfg.backups)
      //
        lib.mapAttrs'
          (
            name: backup:
            lib.nameValuePair (pruneUnitOf name) (
              timer "Timer of the pruning of the backups of Vault in S3: ${name}" backup.prune.timerConfig
            )
          )
          (
            lib.filterAttrs (_name: backup: prunesApart backup && backup.prune.timerConfig != null) cfg.backups
          );
  };
}
