//! What docs/restore.md tells people to paste, as they would do it on the day: with Vault's own command line, and our programs.
//! Only addresses and the name of the image are replaced.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;
use snapline_integration::cluster;
use snapline_integration::container::{LABEL, engine_program, run_id};
use snapline_integration::minio::Minio;
use snapline_integration::page::Page;
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault};
use snapline_integration::versions::vault_image;
use snapline_integration::wait::wait_for;
use tempfile::TempDir;

const BACKUP: &str = "vault-login | vault-snapshot --revoke | s3-put s3://backups/vault/";

/// Somebody at a keyboard, with a bucket that has one backup of a cluster and the keys of that cluster in files.
struct Operator {
    environment: Environment,
    replaced: Vec<(String, String)>,
    /// Holds the bucket.
    _minio: Minio,
}

impl Operator {
    /// One whose cluster with so many keys held a secret when it was backed up. The cluster comes along.
    fn new(shares: usize, threshold: usize) -> (Self, Vault, TempDir) {
        let folder = TempDir::new().unwrap();
        let mut old = Vault::uninitialised(folder.path());
        let keys = old.initialise_with(shares, threshold);
        (Self::with_backup_of(&old, &keys), old, folder)
    }

    /// One with a backup of `old`, whose keys are in files.
    fn with_backup_of(old: &Vault, keys: &[String]) -> Self {
        old.call(
            "POST",
            "sys/mounts/secret",
            Some(&json!({"type": "kv", "options": {"version": "2"}})),
        );
        write_secret(old, "before");
        let minio = Minio::start();
        minio.bucket_named("backups");
        let environment = Environment::new()
            .vault(old, &old.app_role(SNAPSHOT_POLICY))
            .minio(&minio);
        for (number, key) in keys.iter().enumerate() {
            fs::write(
                environment.home().join(format!("unseal-key-{}", number + 1)),
                format!("{key}\n"),
            )
            .unwrap();
        }
        environment.shell(BACKUP).expect(0);
        let (image, tag) = vault_image();
        Self {
            environment: with_vaults_command(environment),
            replaced: vec![
                ("hashicorp/vault:1.21.0 vault".to_owned(), format!("{image}:{tag}")),
                (
                    "docker run".to_owned(),
                    format!("docker run --label {LABEL}={}", run_id()),
                ),
                ("docker".to_owned(), engine_program()),
            ],
            _minio: minio,
        }
    }

    fn at(mut self, vault: &Vault) -> Self {
        self.environment = self.environment.set("VAULT_ADDR", &vault.address());
        self
    }

    fn replacing(mut self, what: &str, with: &str) -> Self {
        self.replaced.insert(0, (what.to_owned(), with.to_owned()));
        self
    }

    fn file(&self, name: &str) -> PathBuf {
        self.environment.home().join(name)
    }

    /// Runs a block as it stands, each line of which must succeed.
    fn pastes(&self, block: &str) -> Outcome {
        let mut block = block.to_owned();
        for (what, with) in &self.replaced {
            block = block.replace(what, with);
        }
        self.environment.shell(&format!("set -e\n{block}")).expect(0)
    }
}

fn page() -> Page {
    Page::open("docs/restore.md")
}

/// The blocks of a section, of which there are so many.
fn blocks<const N: usize>(heading: &str) -> [String; N] {
    let blocks = page().blocks(heading);
    let count = blocks.len();
    blocks
        .try_into()
        .unwrap_or_else(|_| panic!("{heading} has {count} blocks"))
}

/// Vault's command line, in a container that sees the machine's loopback and the working directory.
fn with_vaults_command(environment: Environment) -> Environment {
    let (image, tag) = vault_image();
    let bin = environment.home().join("bin");
    fs::create_dir(&bin).unwrap();
    let command = format!(
        "#!/bin/sh\nexec {} run --rm --interactive --network host --label {LABEL}={} --env HOME=/tmp --env VAULT_ADDR --env VAULT_TOKEN \
         --volume \"$PWD:$PWD\" --workdir \"$PWD\" {image}:{tag} \"$@\"\n",
        engine_program(),
        run_id(),
    );
    fs::write(bin.join("vault"), command).unwrap();
    fs::set_permissions(bin.join("vault"), fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", bin.display(), environment.get("PATH"));
    environment.set("PATH", &path)
}

fn write_secret(vault: &Vault, value: &str) {
    let secret = json!({"data": {"value": value}});
    // A kv mount of version 2 answers 400 while it sets itself up.
    wait_for("the secret is written", || {
        let (status, _) = vault.send("POST", "secret/data/app", vault.root_token(), Some(&secret));
        (status == 200).then_some(())
    });
}

/// The secret as the root token of the old cluster reads it.
fn secret_at(vault: &Vault, token: &str) -> String {
    wait_for("the secret can be read", || {
        let (status, reply) = vault.send("GET", "secret/data/app", token, None);
        (status == 200).then(|| reply["data"]["data"]["value"].as_str().unwrap().to_owned())
    })
}

#[test]
fn the_first_block_says_which_keys_and_the_list_names_the_backup() {
    let (operator, _old, _folder) = Operator::new(5, 3);
    let [card] = blocks("# Bringing it back");
    let report = operator.pastes(&card);
    assert!(report.text().contains("3 of 5 unseal keys"), "{}", report.text());
    let [list, before] = blocks("## Which snapshot");
    let listed = operator.pastes(&list);
    assert!(
        listed.text().starts_with("s3://backups/vault/vault_raft_"),
        "{}",
        listed.text()
    );
    let later = operator.replacing("2026-11-26T06:00:00Z", "2999-01-01T00:00:00Z");
    later.pastes(&before);
}

#[test]
fn the_same_cluster_gets_its_data_back_as_pasted() {
    let (operator, old, _folder) = Operator::new(5, 3);
    write_secret(&old, "after");
    let [right] = blocks("## The right to restore");
    let operator = Operator {
        environment: operator.environment.set("VAULT_TOKEN", old.root_token()),
        ..operator
    };
    operator.pastes(&right);
    let [dry, real] = blocks("## The same cluster");
    operator.pastes(&dry);
    assert_eq!(secret_at(&old, old.root_token()), "after");
    operator.pastes(&real);
    assert_eq!(secret_at(&old, old.root_token()), "before");
}

#[test]
fn a_new_cluster_gets_the_old_data_and_opens_with_the_old_keys_as_pasted() {
    let (operator, old, _folder) = Operator::new(5, 3);
    let token = old.root_token().to_owned();
    drop(old);
    let folder = TempDir::new().unwrap();
    let new = Vault::uninitialised(folder.path());
    let operator = operator.at(&new);
    let [begin, restore, unseal] = blocks("## A new cluster");
    operator.pastes(&begin);
    wait_for("the new cluster is active", || new.is_active().then_some(()));
    operator.pastes(&restore);
    new.restart();
    operator.pastes(&unseal);
    assert_eq!(secret_at(&new, &token), "before");
}

#[test]
fn last_nights_archive_opens_on_a_node_without_network_as_pasted() {
    let (operator, old, _folder) = Operator::new(5, 3);
    let token = old.root_token().to_owned();
    drop(old);
    // The page's name may be somebody's on this machine.
    let name = format!("try-{}", run_id());
    let operator = [
        "--name try",
        "docker restart try",
        "--volumes try",
        "volume rm try",
        "--volume try",
    ]
    .iter()
    .fold(operator, |operator, words| {
        operator.replacing(words, &words.replace("try", &name))
    });
    let [make, restore, remove] = blocks("## Try last night's archive");
    operator.pastes(&make);
    operator.pastes(&restore);
    let socket = operator.file("try/vault.sock");
    let read = format!(
        "until curl --silent --fail --unix-socket {} --header 'X-Vault-Token: {token}' http://localhost/v1/secret/data/app; do sleep 0.2; done",
        socket.display()
    );
    let secret = operator.environment.shell(&read).expect(0);
    assert!(secret.text().contains("before"), "{}", secret.text());
    operator.pastes(&remove);
}

#[test]
fn three_new_nodes_get_the_old_data_and_open_with_the_old_key_as_pasted() {
    let (operator, old, _folder) = Operator::new(1, 1);
    let token = old.root_token().to_owned();
    drop(old);
    let nodes = cluster::start(3);
    fs::write(operator.file("root-token"), nodes[0].root_token()).unwrap();
    let mut environment = operator.environment;
    for (number, node) in nodes.iter().enumerate() {
        environment = environment.set(&format!("NODE_{}", number + 1), &node.address());
    }
    let operator = Operator {
        environment,
        ..operator
    };
    let [restore, unseal] = blocks("## Three nodes");
    operator.pastes(&restore);
    operator.pastes(&unseal);
    // Until then the nodes lead to the leader of the old cluster.
    wait_for("one of them leads", || nodes.iter().any(Vault::is_active).then_some(()));
    for node in &nodes {
        assert_eq!(secret_at(node, &token), "before");
    }
}

#[test]
fn a_new_cluster_with_the_same_auto_unseal_opens_by_itself_as_pasted() {
    let transit = Vault::start();
    transit.call("POST", "sys/mounts/transit", Some(&json!({"type": "transit"})));
    transit.call("POST", "transit/keys/autounseal", None);
    let (old_folder, new_folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let mut old = Vault::auto_unsealed(old_folder.path(), &transit);
    old.initialise_for_auto_unseal();
    let operator = Operator::with_backup_of(&old, &[]);
    let token = old.root_token().to_owned();
    drop(old);
    let mut new = Vault::auto_unsealed(new_folder.path(), &transit);
    new.initialise_for_auto_unseal();
    let operator = operator.at(&new);
    fs::write(operator.file("root-token"), new.root_token()).unwrap();
    let [restore] = blocks("## A new cluster with the same auto-unseal");
    operator.pastes(&restore);
    assert_eq!(secret_at(&new, &token), "before");
}
