//! snap-inspect beside Vault's own `operator raft snapshot inspect`, on archives of real servers.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::{Value, json};
use snapline_archive::synthetic::broken;
use snapline_integration::page::Page;
use snapline_integration::program::Environment;
use snapline_integration::vault::{Vault, inspect_with};

/// What ours says of an archive, as JSON.
fn ours(archive: &[u8], options: &[&str]) -> Value {
    let options = [&["--format", "json"], options].concat();
    let outcome = Environment::new().run("snap-inspect", &options, archive).expect(0);
    serde_json::from_str(outcome.text()).unwrap()
}

/// What Vault's says.
fn vaults(archive: &[u8], options: &[&str]) -> String {
    let output = inspect_with(options, archive);
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A Vault with a thousand secrets in several mounts: 600 of kv version 2, half of them with two versions, and 400 of version 1.
fn thousand_secrets() -> Vault {
    let vault = Vault::start();
    for (mount, version) in [("team/app", "2"), ("infra", "2"), ("old", "1"), ("old-er/deep", "1")] {
        let body = json!({"type": "kv", "options": {"version": version}});
        vault.call("POST", &format!("sys/mounts/{mount}"), Some(&body));
    }
    // Version 2 sets itself up in the background.
    snapline_integration::wait::wait_for("kv version 2 is ready", || {
        let ready = |mount| {
            vault
                .send("GET", &format!("{mount}/config"), vault.root_token(), None)
                .0
                == 200
        };
        (ready("team/app") && ready("infra")).then_some(())
    });
    for number in 0..300 {
        let secret = json!({"password": "x".repeat(number)});
        for mount in ["team/app", "infra"] {
            let body = json!({"data": secret});
            vault.call("POST", &format!("{mount}/data/a/{number}/b"), Some(&body));
        }
        vault.call(
            "POST",
            &format!("infra/data/a/{number}/b"),
            Some(&json!({"data": secret})),
        );
    }
    for number in 0..200 {
        let secret = json!({"password": "x".repeat(number * 7)});
        vault.call("POST", &format!("old/a-{number}"), Some(&secret));
        vault.call("POST", &format!("old-er/deep/a/{number}/b/c"), Some(&secret));
    }
    vault
}

#[test]
fn keys_and_card_are_those_of_a_real_vault_with_a_thousand_secrets() {
    let vault = thousand_secrets();
    let tokens = vault.token_count();
    let archive = vault.snapshot();
    for depth in [None, Some("1"), Some("2"), Some("3"), Some("7"), Some("0")] {
        let mut options = vec!["--keys"];
        options.extend(depth.iter().flat_map(|depth| ["--depth", depth]));
        let depth = depth.map(|depth| format!("-depth={depth}"));
        let their: Vec<&str> = ["-format=json"].into_iter().chain(depth.as_deref()).collect();
        let theirs: Value = serde_json::from_str(&vaults(&archive, &their)).unwrap();
        let ours = ours(&archive, &options);
        for name in ["Meta", "StatsKV", "TotalCountKV", "TotalSizeKV"] {
            assert!(!theirs[name].is_null(), "{theirs}");
            assert_eq!(ours[name], theirs[name], "{name} at {depth:?}");
        }
    }

    let json = ours(&archive, &[]);
    let contents = &json["card"]["contents"];
    assert_eq!(contents["kv2_secrets"], 600);
    assert_eq!(contents["kv2_versions"], 900);
    // Those of version 1, and what identity, cubbyhole and the like have written by themselves.
    assert!(
        (400..500).contains(&contents["other_engine_entries"].as_u64().unwrap()),
        "{contents}"
    );
    assert_eq!(contents["tokens"], tokens);
    assert_eq!(json["card"]["origin"]["product"], "vault");
    assert_eq!(json["card"]["seal"]["threshold"], 1);
}

#[test]
fn the_table_of_keys_reads_like_vaults() {
    let archive = Vault::shared().snapshot();
    let outcome = Environment::new().run("snap-inspect", &["--keys"], &archive).expect(0);
    let words = |text: &str| -> Vec<String> {
        let table = text
            .lines()
            .skip_while(|line| !line.trim_start().starts_with("Key Name"));
        table.flat_map(str::split_whitespace).map(str::to_owned).collect()
    };
    let theirs = words(&vaults(&archive, &[]));
    assert!(theirs.len() > 20, "{theirs:?}");
    assert_eq!(words(outcome.text()), theirs);
}

#[test]
fn a_rotated_vault_has_its_terms_on_the_card() {
    let vault = Vault::start();
    vault.call("PUT", "sys/rotate", None);
    vault.call("PUT", "sys/rotate", None);
    let json = ours(&vault.snapshot(), &[]);
    assert_eq!(json["card"]["keyring"]["highest_term"], 3);
    assert_eq!(json["card"]["seal"]["shares"], 1);
    assert_eq!(json["card"]["namespaces"]["count"], 0);
    assert_eq!(json["card"]["warnings"], json!([]));
}

#[test]
fn what_vaults_inspect_refuses_ours_refuses_and_more() {
    let environment = Environment::new();
    let mut refused_by_vault = 0;
    for broken in broken(3000).into_iter().filter(|broken| !broken.archive.is_empty()) {
        let said = environment.run("snap-inspect", &[], &broken.archive).expect(65).stderr;
        assert!(
            said.contains(&format!("at gate {}", broken.gate)),
            "{}: {said}",
            broken.what
        );
        refused_by_vault += u32::from(!inspect_with(&[], &broken.archive).status.success());
    }
    // It looks neither at SHA256SUMS.sealed nor at the order of the keys.
    assert!(refused_by_vault >= 10, "{refused_by_vault}");
}

#[test]
fn the_page_shows_what_is_printed() {
    let archive = include_bytes!("../../crates/archive/tests/data/barrier/main.snap");
    let outcome = Environment::new().run("snap-inspect", &["-"], archive).expect(0);
    let page = Page::open("docs/inspect.md").blocks("## The report").join("\n");
    assert_eq!(outcome.text(), page);
}
