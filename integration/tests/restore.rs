//! What vault-restore does to real servers, and what they are afterwards.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::json;
use snapline_integration::cluster;
use snapline_integration::front::{Answer, Front};
use snapline_integration::page::Page;
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault};
use snapline_integration::wait::wait_for;
use tempfile::TempDir;

/// Restores `archive` with `token` at `address`.
fn restore(address: &str, token: &str, options: &[&str], archive: &[u8]) -> Outcome {
    Environment::new()
        .set("VAULT_ADDR", address)
        .set("VAULT_TOKEN", token)
        .run("vault-restore", options, archive)
}

fn says(outcome: &Outcome, words: &[&str]) {
    for word in words {
        assert!(outcome.stderr.contains(word), "no '{word}' in {}", outcome.stderr);
    }
    assert!(outcome.stdout.is_empty());
}

/// What docs/vault.md says that a restore needs.
fn policy_of_the_page() -> String {
    let block = Page::open("docs/vault.md").blocks("## Restoring").remove(0);
    let (_, policy) = block.split_once("<<'END'\n").unwrap();
    policy.split_once("END").unwrap().0.to_owned()
}

/// Writes a secret.
fn write(vault: &Vault, value: &str) {
    if vault.call("GET", "sys/mounts", None)["secret/"].is_null() {
        vault.call("POST", "sys/mounts/secret", Some(&json!({"type": "kv"})));
    }
    vault.call("POST", "secret/it", Some(&json!({"value": value})));
}

/// What the secret is for somebody with `token`; null where it cannot be read.
fn read(vault: &Vault, token: &str) -> serde_json::Value {
    vault.send("GET", "secret/it", token, None).1["data"]["value"].clone()
}

/// A fresh node with so many unseal keys, as many of them as are needed, and where it keeps its data.
struct Fresh {
    vault: Vault,
    keys: Vec<String>,
    _data: TempDir,
}

impl Fresh {
    fn new(shares: usize, threshold: usize) -> Self {
        let data = TempDir::new().unwrap();
        let mut vault = Vault::uninitialised(data.path());
        let mut keys = vault.initialise_with(shares, threshold);
        keys.truncate(threshold);
        Self {
            vault,
            keys,
            _data: data,
        }
    }
}

/// A snapshot of a cluster that is gone, which held a secret; with its root token and its keys.
struct Lost {
    archive: Vec<u8>,
    token: String,
    keys: Vec<String>,
}

impl Lost {
    fn new(shares: usize, threshold: usize) -> Self {
        // The cluster ends with this: while it runs, it refuses every node that holds its data and is not one of its members.
        let Fresh { vault, keys, _data } = Fresh::new(shares, threshold);
        write(&vault, "from the lost one");
        Self {
            archive: vault.snapshot(),
            token: vault.root_token().to_owned(),
            keys,
        }
    }
}

/// Gives a sealed node these keys. Says whether all were taken.
fn unseal(vault: &Vault, keys: &[String]) -> bool {
    keys.iter().all(|key| {
        let (status, _) = vault.send("PUT", "sys/unseal", "", Some(&json!({"key": key})));
        status == 200
    })
}

#[test]
fn the_same_cluster_has_its_secrets_and_its_tokens_back() {
    let vault = Vault::start();
    write(&vault, "then");
    let token = vault.token(&policy_of_the_page());
    let archive = vault.snapshot();
    write(&vault, "now");
    let old = vault.token(SNAPSHOT_POLICY);
    let options = ["--yes"];
    let outcome = restore(&vault.address(), &token, &options, &archive).expect(0);
    let address = vault.address();
    let restored = format!(
        "restored '{address}/v1/sys/storage/raft/snapshot' bytes={} ",
        archive.len()
    );
    says(
        &outcome,
        &[
            &restored,
            "sha256=",
            &format!("'{address}': active: it has the restored data"),
            "what it has written since is lost",
            "tokens and leases are those of the snapshot again",
        ],
    );
    assert_eq!(read(&vault, vault.root_token()), "then");
    assert!(
        vault.accepts(&token) && !vault.accepts(&old),
        "tokens are those of then"
    );
}

#[test]
fn a_fresh_node_takes_it_only_by_force_and_is_unsealed_with_the_lost_keys() {
    let lost = Lost::new(1, 1);
    let Fresh { vault, keys, _data } = Fresh::new(1, 1);
    write(&vault, "own");
    let outcome = restore(&vault.address(), vault.root_token(), &["--yes"], &lost.archive).expect(77);
    says(
        &outcome,
        &[
            "different set of unseal keys",
            "nothing was changed",
            "hint: ",
            "--force",
        ],
    );
    assert_eq!(read(&vault, vault.root_token()), "own");

    let outcome = restore(
        &vault.address(),
        vault.root_token(),
        &["--yes", "--force"],
        &lost.archive,
    )
    .expect(0);
    let sealed = format!(
        "'{}': sealed: unseal it with 1 of the 1 unseal keys of the cluster that the archive came from",
        vault.address()
    );
    says(
        &outcome,
        &["is replaced by another cluster's", "keep them apart", &sealed],
    );
    assert!(!unseal(&vault, &keys), "its own key is of no use any more");
    assert!(unseal(&vault, &lost.keys));
    wait_for("the restored node leads", || vault.is_active().then_some(()));
    assert_eq!(read(&vault, &lost.token), "from the lost one");
}

#[test]
fn another_number_of_keys_needs_a_restart_before_they_are_taken() {
    let lost = Lost::new(3, 2);
    let Fresh { vault, _data, .. } = Fresh::new(1, 1);
    let outcome = restore(
        &vault.address(),
        vault.root_token(),
        &["--yes", "--force"],
        &lost.archive,
    )
    .expect(0);
    says(
        &outcome,
        &[
            "the archive's keys are 2 of 3, and the target's are 1 of 1",
            "sealed: restart it (it still expects 1 of 1 keys), then unseal it with 2 of the 3 unseal keys",
        ],
    );
    assert!(!unseal(&vault, &lost.keys), "it still expects one key of one");
    vault.restart();
    assert!(unseal(&vault, &lost.keys));
    wait_for("the restored node leads", || vault.is_active().then_some(()));
    assert_eq!(read(&vault, &lost.token), "from the lost one");
}

#[test]
fn three_nodes_have_their_own_snapshot_back_through_a_standby() {
    let nodes = cluster::start(3);
    write(&nodes[0], "then");
    let archive = nodes[0].snapshot();
    write(&nodes[0], "now");
    let token = nodes[0].root_token();
    // The leader is not named at all: the standby knows it.
    let options = [
        "--yes",
        "-v",
        "--address",
        &nodes[1].address(),
        "--address",
        &nodes[2].address(),
    ];
    let outcome = restore("", token, &options, &archive).expect(0);
    says(
        &outcome,
        &[
            &format!("restored '{}/v1/sys/storage/raft/snapshot'", nodes[0].address()),
            &format!("names '{}' as the leader", nodes[0].address()),
            &format!("'{}': active: it has the restored data", nodes[0].address()),
            &format!("'{}': standby: it has the restored data", nodes[1].address()),
            &format!("'{}': standby: it has the restored data", nodes[2].address()),
        ],
    );
    for node in &nodes {
        assert_eq!(read(node, token), "then");
    }
}

#[test]
fn three_fresh_nodes_take_it_by_force_and_each_is_unsealed_with_the_lost_keys() {
    let lost = Lost::new(1, 1);
    let nodes = cluster::start(3);
    write(&nodes[0], "own");
    let options = [
        "--yes",
        "--force",
        "--address",
        &nodes[1].address(),
        "--address",
        &nodes[2].address(),
    ];
    let outcome = restore("", nodes[0].root_token(), &options, &lost.archive);
    // The leader seals itself some seconds after the restore. On a busy machine a node may not have got the data by then: it is
    // named, and what the page says about it holds.
    let has_missed = |outcome: &Outcome, node: &Vault| {
        let words = format!("'{}': standby that does not reach the leader", node.address());
        outcome.stderr.contains(&words)
    };
    let missed = nodes.iter().filter(|node| has_missed(&outcome, node)).count();
    let outcome = outcome.expect(if missed == 0 { 0 } else { 69 });
    assert!(missed < 2, "{}", outcome.stderr);
    for node in &nodes {
        if has_missed(&outcome, node) {
            says(&outcome, &["it holds the old keys: restart it"]);
            node.restart();
        } else {
            says(
                &outcome,
                &[&format!(
                    "'{}': sealed: unseal it with 1 of the 1 unseal keys",
                    node.address()
                )],
            );
        }
        assert!(unseal(node, &lost.keys));
    }
    wait_for("one of them leads", || nodes.iter().any(Vault::is_active).then_some(()));
    for node in &nodes {
        wait_for("the secret is on every node", || {
            (read(node, &lost.token) == "from the lost one").then_some(())
        });
    }
}

#[test]
fn only_who_may_update_the_snapshot_path_restores_and_a_large_upload_hears_it_at_once() {
    let vault = Vault::start();
    vault.fill(32);
    write(&vault, "then");
    let archive = vault.snapshot();
    write(&vault, "now");
    for token in [vault.token(SNAPSHOT_POLICY), "hvs.unknown".to_owned()] {
        let outcome = restore(&vault.address(), &token, &["--yes"], &archive).expect(77);
        says(
            &outcome,
            &[
                "status 403",
                "permission denied",
                "nothing was changed",
                "update on sys/storage/raft/snapshot",
            ],
        );
    }
    assert_eq!(read(&vault, vault.root_token()), "now");
}

#[test]
fn an_upload_that_takes_longer_than_the_listener_allows_is_told_with_its_setting() {
    let listener = r#"
listener "tcp" {
  address           = "0.0.0.0:8300"
  tls_disable       = true
  http_read_timeout = "20ms"
}
"#;
    let share = TempDir::new().unwrap();
    let vault = Vault::start_with(listener, &[], &[8300], share.path());
    vault.fill(24);
    let archive = vault.snapshot();
    let address = format!("http://{}", vault.container().address_of(8300));
    // Where the leader says that it is, another listener is.
    let options = ["--yes", "--disable-redirects"];
    let outcome = restore(&address, vault.root_token(), &options, &archive).expect(69);
    says(&outcome, &["nothing was changed", "http_read_timeout"]);
}

#[test]
fn a_standby_behind_the_only_name_does_not_get_the_archive() {
    let nodes = cluster::start(3);
    write(&nodes[0], "then");
    let archive = nodes[0].snapshot();
    write(&nodes[0], "now");
    let front = Front::new(&nodes[2].address(), |_| Answer::Behind);
    restore(&front.url(), nodes[0].root_token(), &["--yes"], &archive).expect(0);
    assert_eq!(read(&nodes[0], nodes[0].root_token()), "then");
    let lines: Vec<String> = front.happened().into_iter().map(|happened| happened.line).collect();
    assert!(lines.iter().all(|line| line.starts_with("GET /v1/sys/")), "{lines:?}");
}

#[test]
fn no_byte_of_a_broken_archive_reaches_the_server() {
    let vault = Vault::shared();
    let archive = vault.snapshot();
    let front = Front::new(&vault.address(), |_| Answer::Behind);
    let environment = Environment::new()
        .set("VAULT_ADDR", &front.url())
        .set("VAULT_TOKEN", vault.root_token());
    let mut broken: Vec<Vec<u8>> = (0..40)
        .map(|number| archive[..1 + number * (archive.len() - 2) / 39].to_vec())
        .collect();
    // What Vault itself takes without a word.
    broken.extend([1, 8, 14].map(|missing| archive[..archive.len() - missing].to_vec()));
    broken.extend((10..archive.len()).step_by(archive.len() / 40).map(|place| {
        let mut flipped = archive.clone();
        flipped[place] ^= 0xff;
        flipped
    }));
    broken.push([archive.clone(), archive.clone()].concat());
    for archive in broken {
        let outcome = environment
            .run("vault-restore", &["--yes", "--force"], &archive)
            .expect(65);
        says(&outcome, &["check the archive from standard input"]);
    }
    assert_eq!(front.happened(), []);
}
