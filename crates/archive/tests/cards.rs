//! The card of every sample: real clusters of Vault and OpenBao, made for this.
// clippy.toml allows these in test functions only, not in what they share.
#![allow(clippy::unwrap_used, clippy::panic)]

mod common;

use common::{Parts, meta_json};
use snapline_archive::card::{Encoding, Product, Warning};
use snapline_archive::{Card, Inspection, Inspector, Verifier};

const MAIN: &[u8] = include_bytes!("data/barrier/main.snap");
const OTHER: &[u8] = include_bytes!("data/barrier/other.snap");
const AUTO: &[u8] = include_bytes!("data/barrier/auto.snap");
const OPENBAO: &[u8] = include_bytes!("data/barrier/openbao.snap");
const REKEY_WINDOW: &[u8] = include_bytes!("data/barrier/rekey-window.snap");

fn inspect(archive: &[u8]) -> Inspection {
    let mut inspector = Inspector::new(Verifier::new().with_digest()).with_keys(2);
    for chunk in archive.chunks(4096) {
        inspector.push(chunk).unwrap();
    }
    inspector.finish().unwrap()
}

fn card(archive: &[u8]) -> Card {
    inspect(archive).card
}

/// An archive of Vault whose entries are those given, in order.
fn archive_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut state = Vec::new();
    for (key, value) in entries {
        // Lengths below 128 in this test, so that each is one byte.
        let mut message = vec![0x0a, key.len() as u8];
        message.extend_from_slice(key.as_bytes());
        message.extend_from_slice(&[0x12, value.len() as u8]);
        message.extend_from_slice(value);
        assert!(value.len() < 128);
        let length = message.len();
        if length >= 128 {
            state.extend_from_slice(&[length as u8 | 0x80, (length >> 7) as u8]);
        } else {
            state.push(length as u8);
        }
        state.extend_from_slice(&message);
    }
    Parts::of(meta_json(state.len()).as_bytes(), &state).stored()
}

#[test]
fn card_of_a_vault_whose_barrier_was_rotated_twice() {
    let expected = "\
taken          2026-11-26T11:26:27Z
raft           index 693, term 3
size           182518 bytes, compressed; state.bin has 244564
sha256         3da6a059a0824e6ee654f771b10dc0bf12f651b9855619fecad8ac98156275a8
server         main-0 at 127.0.0.1:28201, voter
product        Vault; versions that ran on it: 1.21.0
cluster name   vault-cluster-c5dec9d0
seal           shamir: 3 of 5 unseal keys are needed
keyring        highest term 3; entries of term 3: 166, term 2: 111, term 1: 266
secrets        kv version 2: 151 in 244 versions; other engines, kv version 1 among them: 90 entries
tokens         5
leases         4: 4 of logins, 0 of secrets
entries        549: auth 6 (2156 bytes), core 24 (8108 bytes), logical 497 (219701 bytes), sys 22 (13515 bytes)";
    assert_eq!(card(MAIN).to_string(), expected);
}

#[test]
fn card_of_a_vault_with_one_key() {
    let card = card(OTHER);
    let seal = card.seal.unwrap();
    assert_eq!((seal.kind.as_str(), seal.shares, seal.threshold), ("shamir", 1, 1));
    assert_eq!(card.origin.cluster_name.unwrap(), "vault-cluster-e006501e");
    assert_eq!((card.keyring.highest_term, card.raft.index), (1, 45));
    assert_eq!(card.warnings, []);
}

#[test]
fn card_of_a_vault_that_unseals_itself() {
    let card = card(AUTO);
    let text = card.to_string();
    assert!(
        text.contains("\nseal           transit: unseals by itself, with the key 'prefix-/v1'\n"),
        "{text}"
    );
    assert!(
        text.contains("\nrecovery keys  3 of 5; they do not unseal it\n"),
        "{text}"
    );
    assert_eq!(card.seal.unwrap().key_ids, ["prefix-/v1"]);
    assert_eq!((card.contents.tokens, card.contents.leases), (1, 0));
    assert_eq!(card.warnings, []);
}

#[test]
fn card_of_an_openbao_with_namespaces() {
    let card = card(OPENBAO);
    assert_eq!(card.origin.product, Product::OpenBao);
    assert_eq!(card.origin.versions, ["2.0.0"]);
    assert_eq!(card.origin.cluster_name, None);
    assert_eq!(card.archive.encoding, Encoding::Stored);
    assert_eq!((card.namespaces.count, card.namespaces.own_seal), (3, 1));
    assert_eq!(card.warnings, [Warning::OwnSeals { count: 1 }]);
    assert_eq!(card.keyring.highest_term, 3);
    // Five secrets in each of the four, the root among them: 30 versions in three of them, 5 behind a seal of its own.
    assert_eq!((card.contents.kv2_secrets, card.contents.kv2_versions), (20, 35));
    let text = card.to_string();
    assert!(
        text.contains("\nnamespaces     3; with a seal of their own: 1\n"),
        "{text}"
    );
    assert!(
        text.contains("\nwarning        1 namespace has a seal of its own: it needs"),
        "{text}"
    );
}

#[test]
fn card_of_the_openbao_of_the_other_tests() {
    let card = card(common::FIXTURE);
    assert_eq!(card.origin.product, Product::OpenBao);
    assert_eq!(card.seal.unwrap().stored_shares, 1);
    assert_eq!((card.contents.entries, card.contents.tokens), (27, 1));
}

#[test]
fn card_of_a_snapshot_that_was_taken_while_a_rekey_ran_looks_like_any_other() {
    // Only with the keys it is seen that nobody can unseal it.
    let card = card(REKEY_WINDOW);
    assert_eq!(card.warnings, []);
    assert_eq!(card.seal.unwrap().stored_shares, 1);
}

#[test]
fn json_has_stable_names() {
    let json = serde_json::to_value(card(AUTO)).unwrap();
    assert_eq!(json["archive"]["taken"], "2026-11-26T11:26:53Z");
    assert_eq!(json["archive"]["encoding"], "compressed");
    assert_eq!(json["archive"]["bytes"], AUTO.len());
    assert_eq!(json["archive"]["state_bytes"], 14_471);
    assert_eq!(json["raft"]["servers"][0]["id"], "auto-0");
    assert_eq!(json["raft"]["servers"][0]["suffrage"], "voter");
    assert_eq!(json["origin"]["product"], "vault");
    assert_eq!(json["origin"]["versions"][0], "1.21.0");
    assert_eq!(json["seal"]["type"], "transit");
    assert_eq!(json["seal"]["key_ids"][0], "prefix-/v1");
    assert_eq!(json["recovery"]["threshold"], 3);
    assert_eq!(json["keyring"]["highest_term"], 1);
    assert_eq!(json["keyring"]["entries_by_term"][0]["term"], 1);
    assert_eq!(json["contents"]["tokens"], 1);
    assert_eq!(json["namespaces"]["own_seal"], 0);
    assert_eq!(json["prefixes"][0]["prefix"], "core");
    assert_eq!(json["warnings"], serde_json::json!([]));
    let json = serde_json::to_value(card(OPENBAO)).unwrap();
    assert_eq!(json["origin"]["product"], "openbao");
    assert_eq!(json["warnings"][0]["code"], "namespaces_with_own_seal");
}

#[test]
fn a_storage_that_vault_began_and_openbao_took_over_is_openbaos() {
    let both: [(&str, &[u8]); 3] = [("core/master", b""), ("core/mounts", b""), ("core/root-key", b"")];
    assert_eq!(card(&archive_of(&both)).origin.product, Product::OpenBao);
    assert_eq!(card(&archive_of(&both[..2])).origin.product, Product::Vault);
}

#[test]
fn an_old_shamir_seal_is_warned_of() {
    let config = br#"{"type":"shamir","secret_shares":5,"secret_threshold":3,"stored_shares":0}"#;
    let archive = archive_of(&[
        ("core/keyring", &[0; 99]),
        ("core/master", &[0; 99]),
        ("core/seal-config", config),
    ]);
    let card = card(&archive);
    assert_eq!(card.warnings, [Warning::OldShamir]);
    assert!(
        card.to_string().contains("\nwarning        stored_shares is 0: "),
        "{card}"
    );
}

#[test]
fn a_storage_without_seal_and_keyring_is_warned_of() {
    let card = card(&archive_of(&[("sys/policy/default", &[0; 99])]));
    assert_eq!(card.warnings, [Warning::NoKeyring, Warning::NoSealConfig]);
    assert_eq!((card.origin.product, card.keyring.highest_term), (Product::Unknown, 0));
    assert!(card.to_string().contains("\nseal           unknown\n"), "{card}");
}

#[test]
fn foreign_text_in_a_card_is_escaped_and_bounded() {
    let archive = archive_of(&[
        (
            "core/cluster/local/name",
            b"{\"name\":\"\\u001b[2J\\nevil\",\"id\":\"\"}",
        ),
        (
            "core/seal-config",
            b"{\"type\":\"\\u001b[31m\",\"secret_shares\":1,\"secret_threshold\":1}",
        ),
        ("core/versions/\x1b[0m", b""),
        ("unheard-of/x", b""),
    ]);
    let card = card(&archive);
    let text = card.to_string();
    assert!(
        text.chars()
            .all(|character| character == '\n' || !character.is_control()),
        "{text:?}"
    );
    assert!(text.contains("cluster name   \\u{1b}[2J evil"), "{text}");
    assert_eq!(card.prefixes.last().unwrap().prefix, "other");
}

#[test]
fn keys_are_counted_beside_the_card() {
    let inspection = inspect(MAIN);
    let keys = inspection.keys.unwrap();
    assert_eq!(keys.total_count(), inspection.card.contents.entries);
    let sizes: u64 = inspection.card.prefixes.iter().map(|share| share.size).sum();
    assert_eq!(keys.total_size(), sizes);
    assert_eq!(keys.by_count()[0].name.split('/').next(), Some("logical"));
    assert!(inspection.summary.archive_sha256.is_some());
}
