//! The two lines that README begins with, run from the page, in dash.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::json;
use snapline_integration::minio::Minio;
use snapline_integration::page::Page;
use snapline_integration::program::Environment;
use snapline_integration::vault::Vault;
use snapline_integration::wait::wait_for;

/// What both lines need; in earnest, two roles have one each.
const POLICY: &str = r#"path "sys/storage/raft/snapshot" { capabilities = ["read", "update"] }"#;

#[test]
fn the_two_lines_at_the_top_back_up_and_bring_back() {
    let vault = Vault::start();
    let write = |value: &str| vault.call("POST", "secret/app", Some(&json!({"value": value})));
    vault.call("POST", "sys/mounts/secret", Some(&json!({"type": "kv"})));
    write("before");
    let minio = Minio::start();
    minio.bucket_named("backups");
    let environment = Environment::new().vault(&vault, &vault.app_role(POLICY)).minio(&minio);

    let blocks = Page::open("README.md").blocks("# snapline");
    let [back_up, bring_back] = blocks.as_slice() else {
        unreachable!("README begins with {} blocks", blocks.len())
    };
    assert!(back_up.contains("s3-put") && bring_back.contains("vault-restore"));
    environment.shell(back_up).expect(0);
    write("after");
    environment.shell(bring_back).expect(0);
    let secret = wait_for("Vault serves the secret again", || {
        let (status, reply) = vault.send("GET", "secret/app", vault.root_token(), None);
        (status == 200).then(|| reply["data"]["value"].clone())
    });
    assert_eq!(secret, "before");
}
