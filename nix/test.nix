# A machine with Vault on Raft, MinIO, and backups by the module: the timer fires, and the object is there; old ones go, in
# the same unit or in one of their own.
{
  lib,
  pkgs,
  module,
}:
let
  accessKey = "snapline-test";
  secretKey = "snapline-test-secret";
in
pkgs.testers.runNixOSTest {
  name = "snapline";

  nodes.machine =
    { config, ... }:
    {
      imports = [ module ];

      virtualisation = {
        diskSize = 4096;
        memorySize = 2048;
      };

      environment = {
        systemPackages = [
          config.services.vault.package
          pkgs.curl
          pkgs.jq
        ];
        variables.VAULT_ADDR = "http://127.0.0.1:8200";
      };

      services = {
        vault = {
          enable = true;
          storageBackend = "raft";
          storageConfig = ''
            node_id = "machine"
          '';
          extraConfig = ''
            api_addr = "http://127.0.0.1:8200"
            cluster_addr = "http://127.0.0.1:8201"
            disable_mlock = true
          '';
        };

        minio = {
          enable = true;
          rootCredentialsFile = pkgs.writeText "minio.env" ''
            MINIO_ROOT_USER=${accessKey}
            MINIO_ROOT_PASSWORD=${secretKey}
          '';
        };

        snapline.backups = {
          vault = {
            vault = {
              address = "http://127.0.0.1:8200";
              roleIdFile = "/run/keys/role-id";
              secretIdFile = "/run/keys/secret-id";
            };
            s3 = {
              uri = "s3://backups/vault/";
              endpointUrl = "http://127.0.0.1:9000";
            };
            prune.keepLast = 2;
            environmentFile = "/run/keys/s3.env";
            timerConfig = {
              OnActiveSec = 1;
              OnUnitInactiveSec = 3;
              AccuracySec = "100ms";
            };
          };

          # Pruned by a unit of its own, with rules in restic's form; both are started by the test.
          apart = {
            vault = {
              address = "http://127.0.0.1:8200";
              roleIdFile = "/run/keys/role-id";
              secretIdFile = "/run/keys/secret-id";
            };
            s3 = {
              uri = "s3://backups/apart/";
              endpointUrl = "http://127.0.0.1:9000";
            };
            prune = {
              opts = [ "--keep-last 1" ];
              environmentFile = "/run/keys/pruner.env";
              timerConfig = null;
            };
            environmentFile = "/run/keys/s3.env";
            timerConfig = null;
          };

          # With nothing but what has no default, a name with an escape in it, and no timer.
          refused = {
            vault = {
              address = [
                "http://127.0.0.1:1"
                "http://127.0.0.1:8200"
              ];
              roleId = "no-such-role";
              secretIdFile = "/run/keys/secret-id";
            };
            s3 = {
              uri = "s3://backups/refused-%Y%m%d%H%M%S.snap";
              endpointUrl = "http://127.0.0.1:9000";
            };
            environmentFile = "/run/keys/s3.env";
            timerConfig = null;
          };
        };
      };

      # The test starts it, once there is a role to log in with.
      systemd.timers.snapline-backup-vault.wantedBy = lib.mkForce [ ];
    };

  testScript = ''
    import json

    UNIT = "snapline-backup-vault"
    S3 = (
        "curl --silent --show-error --fail --aws-sigv4 aws:amz:us-east-1:s3 --user ${accessKey}:${secretKey}"
        " --header x-amz-content-sha256:UNSIGNED-PAYLOAD"
    )


    def keys(prefix=""):
        listing = machine.succeed(f"{S3} 'http://127.0.0.1:9000/backups?list-type=2'")
        found = [part.split("</Key>")[0] for part in listing.split("<Key>")[1:]]
        return [key for key in found if key.startswith(prefix)]


    machine.wait_for_unit("vault.service")
    machine.wait_for_unit("minio.service")
    machine.wait_for_open_port(8200)
    machine.wait_for_open_port(9000)

    with subtest("a Vault with a role that may do no more than a backup needs"):
        init = json.loads(machine.succeed("vault operator init -key-shares=1 -key-threshold=1 -format=json"))
        machine.succeed(f"vault operator unseal {init['unseal_keys_b64'][0]}")
        machine.wait_until_succeeds("curl --silent --fail http://127.0.0.1:8200/v1/sys/health")
        vault = f"VAULT_TOKEN={init['root_token']} vault"
        machine.succeed(
            "echo 'path \"sys/storage/raft/snapshot\" { capabilities = [\"read\"] }'"
            f" | {vault} policy write snapshot -",
            f"{vault} auth enable approle",
            f"{vault} write auth/approle/role/backup token_policies=snapshot token_ttl=10m",
        )
        role_id = machine.succeed(f"{vault} read -field=role_id auth/approle/role/backup/role-id")
        secret_id = machine.succeed(f"{vault} write -force -field=secret_id auth/approle/role/backup/secret-id")

    with subtest("a bucket, and the secrets as files of root"):
        machine.wait_until_succeeds(f"{S3} --request PUT http://127.0.0.1:9000/backups")
        machine.succeed(
            "umask 077 && mkdir -p /run/keys",
            f"umask 077 && printf %s '{role_id}' > /run/keys/role-id",
            f"umask 077 && printf %s '{secret_id}' > /run/keys/secret-id",
            "umask 077 && printf 'AWS_ACCESS_KEY_ID=${accessKey}\\nAWS_SECRET_ACCESS_KEY=${secretKey}\\n'"
            " > /run/keys/s3.env",
            "umask 077 && cp /run/keys/s3.env /run/keys/pruner.env",
        )

    with subtest("the timer fires, and the object is there and is a snapshot"):
        machine.succeed(f"systemctl start {UNIT}.timer")
        machine.wait_until_succeeds(f"journalctl --unit {UNIT} | grep -F 's3-put: stored'")
        machine.wait_until_succeeds(f"{S3} 'http://127.0.0.1:9000/backups?list-type=2' | grep -F '<Key>vault/'")
        machine.succeed(
            f"{S3} --output /tmp/backup.snap http://127.0.0.1:9000/backups/{keys()[-1]}",
            "vault operator raft snapshot inspect /tmp/backup.snap",
        )

    with subtest("it fires again, and only two are kept"):
        machine.wait_until_succeeds(
            f"test $(journalctl --unit {UNIT} | grep -cF 's3-put: stored') -ge 3"
        )
        machine.succeed(f"systemctl stop {UNIT}.timer")
        machine.wait_until_fails(f"systemctl is-active {UNIT}.service | grep -x activating")
        assert len(keys()) == 2, keys()

    with subtest("with credentials of its own, pruning is a unit of its own, which knows no Vault"):
        for _ in range(2):
            machine.succeed("systemctl start snapline-backup-apart.service")
        stored = keys("apart/")
        assert len(stored) == 2, stored
        # The backup has what it needs without the other one's file, and the reverse.
        machine.succeed("mv /run/keys/s3.env /run/keys/s3.env.away")
        machine.succeed("systemctl start snapline-prune-apart.service")
        machine.succeed("mv /run/keys/s3.env.away /run/keys/s3.env")
        assert keys("apart/") == stored[1:], keys("apart/")
        credentials = machine.succeed("systemctl show --property LoadCredential --value snapline-prune-apart.service")
        assert credentials.strip() == "", credentials
        machine.fail("systemctl cat snapline-backup-apart.service | grep -F snap-prune")
        machine.succeed("systemd-analyze security --threshold=20 snapline-prune-apart.service")

    with subtest("a refused login fails the unit with 77, and stores nothing"):
        machine.fail("systemctl start snapline-backup-refused.service")
        status = machine.succeed(
            "systemctl show --property ExecMainStatus --value snapline-backup-refused.service"
        ).strip()
        assert status == "77", status
        assert not any(key.startswith("refused") for key in keys()), keys()

    with subtest("the unit is hardened, and no secret is in the journal"):
        machine.succeed(f"systemd-analyze security --threshold=20 {UNIT}.service")
        machine.fail(f"journalctl | grep -F '{secret_id}'")
  '';
}
