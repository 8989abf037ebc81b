//! A Vault of several nodes: any of them will do, whoever leads.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use snapline_integration::cluster;
use snapline_integration::minio::Minio;
use snapline_integration::program::{Environment, nowhere};
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::wait::wait_for;

const PIPE: &str = "vault-login | vault-snapshot --revoke | s3-put s3://cluster/vault/ | snap-prune --keep-last 3";

#[test]
fn a_standby_leads_to_the_active_node_and_a_new_one_after_the_old_one_died() {
    let mut nodes = cluster::start(3);
    let minio = Minio::shared();
    let bucket = minio.bucket_named("cluster");
    let role = nodes[0].app_role(SNAPSHOT_POLICY);
    let through = |node: &Vault| Environment::new().vault(node, &role).minio(&minio);

    assert!(nodes[0].is_active() && !nodes[1].is_active() && !nodes[2].is_active());
    through(&nodes[1]).shell(PIPE).expect(0);
    let keys = bucket.keys();
    assert_eq!(keys.len(), 1);
    assert!(inspect(&bucket.get(&keys[0]).unwrap()).status.success());

    let old = nodes.remove(0);
    old.container().kill();
    let leader = wait_for("another node leads", || nodes.iter().position(Vault::is_active));
    let standby = &nodes[1 - leader];
    let told = |node: &Vault| node.call("GET", "sys/leader", None)["leader_address"] == nodes[leader].address();
    wait_for("the standby knows who leads", || told(standby).then_some(()));
    through(standby).shell(PIPE).expect(0);
    let keys = bucket.keys();
    assert_eq!(keys.len(), 2);
    assert!(inspect(&bucket.get(&keys[1]).unwrap()).status.success());

    nodes.remove(leader).container().kill();
    let lonely = &nodes[0];
    let words: Vec<&str> = PIPE.split(' ').collect();
    // Nobody is left to wait for.
    let outcome = through(lonely)
        .set("VAULT_MAX_RETRIES", "0")
        .run("snap-pipe", &words, b"")
        .expect(69);
    assert_eq!(bucket.keys().len(), 2, "{}", outcome.stderr);
}

#[test]
fn the_next_address_is_tried_where_nothing_answers() {
    let vault = Vault::shared();
    let environment = Environment::new();
    let token = vault.token(SNAPSHOT_POLICY);
    let addresses = ["--address", &nowhere(), "--address", &vault.address()].map(str::to_owned);
    let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
    let outcome = environment
        .run("vault-snapshot", &addresses, token.as_bytes())
        .expect(0);
    assert!(inspect(&outcome.stdout).status.success());
}
