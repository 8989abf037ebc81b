//! The jobs beside the backup have identities of their own: what the check and the pruner may do, and what they never see.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeSet;

use serde_json::Value;
use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::Bucket;
use snapline_integration::image::run_container;
use snapline_integration::manifest::{Container, CronJob, Manifest, Reference};
use snapline_integration::minio::Minio;
use snapline_integration::name::snapshot_name;
use snapline_integration::page::Page;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault};
use time::OffsetDateTime;

const ONE: &str = "kubernetes/base/cronjob.yaml";
const CHECK: &str = "kubernetes/check/cronjob.yaml";
const PRUNE: &str = "kubernetes/prune/cronjob.yaml";
const READERS_SECRET: &str = "kubernetes/check/secret.example.yaml";
const PRUNERS_SECRET: &str = "kubernetes/prune/secret.example.yaml";
const SEPARATE_CREDENTIALS: &str = "kubernetes/overlays/separate-credentials/kustomization.yaml";
/// A chart that prunes with a Secret, and one that does so with a role.
const APART: [&str; 2] = [
    "helm/snapline/ci/golden/separate-pruner.yaml",
    "helm/snapline/ci/golden/aws-irsa.yaml",
];
const VAULT_SECRET: &str = "vault-snapshot-agent-token";
const S3_SECRET: &str = "vault-snapshot-s3";
const READER_SECRET: &str = "vault-snapshot-s3-reader";
const PRUNER_SECRET: &str = "vault-snapshot-s3-pruner";
/// Headings in docs/s3.md.
const WRITERS_POLICY: &str = "### The writer: `s3-put`";
const PRUNERS_POLICY: &str = "### The pruner: `snap-prune`";
const READERS_POLICY: &str = "### The reader: `s3-get` and `snap-check`";

/// Neither Vault, nor the backup's own rights, nor a whole Secret; every variable that is a secret by its name.
fn assert_only_secret(job: &CronJob<'_>, container: &Container, secret: &str, keys: &[&str]) {
    let references: Vec<_> = keys
        .iter()
        .map(|key| Reference {
            variable: (*key).to_owned(),
            secret: secret.to_owned(),
            key: (*key).to_owned(),
        })
        .collect();
    assert_eq!(container.references, references);
    assert!(container.secrets.is_empty());
    assert!(container.definition["envFrom"].is_null());
    let text = job.document.to_string();
    assert!(
        !text.contains("VAULT_")
            && ![VAULT_SECRET, S3_SECRET]
                .iter()
                .any(|name| text.contains(&format!("\"{name}\"")))
    );
}

#[test]
fn the_check_and_the_pruner_take_each_variable_by_its_name_from_a_secret_of_their_own() {
    for (file, name, example, secret) in [
        (CHECK, "check", READERS_SECRET, READER_SECRET),
        (PRUNE, "prune", PRUNERS_SECRET, PRUNER_SECRET),
    ] {
        let manifest = Manifest::read(file);
        let jobs = manifest.cron_jobs();
        let container = jobs[0].container(name);
        let secrets = Manifest::read(example).secrets();
        assert_eq!(secrets.keys().collect::<Vec<_>>(), [secret]);
        let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"];
        assert_eq!(
            secrets[secret].keys().map(String::as_str).collect::<BTreeSet<_>>(),
            BTreeSet::from(keys)
        );
        assert_only_secret(&jobs[0], container, secret, &keys);
        assert_eq!(container.references.len(), container.env.len());
    }
}

/// The value behind an option.
fn value<'a>(args: &'a [String], option: &str) -> Option<&'a str> {
    let at = args.iter().position(|word| word == option)?;
    Some(&args[at + 1])
}

/// The labels of a CronJob's pods.
fn labels(job: &CronJob<'_>) -> Value {
    job.job()["template"]["metadata"]["labels"].clone()
}

/// Whether a NetworkPolicy is about pods with these labels.
fn selects(policy: &Value, labels: &Value) -> bool {
    let wanted = policy["spec"]["podSelector"]["matchLabels"].as_object().unwrap();
    wanted.iter().all(|(name, value)| labels[name] == *value)
}

#[test]
fn where_the_chart_prunes_apart_each_series_has_a_pruner_and_no_backup_deletes() {
    for file in APART {
        let manifest = Manifest::read(file);
        let jobs = manifest.cron_jobs();
        let (pruners, backups): (Vec<_>, Vec<_>) = jobs
            .iter()
            .partition(|job| job.containers[0].programs() == ["snap-prune"]);
        assert!(!backups.is_empty() && pruners.len() == backups.len(), "{file}");
        for (backup, pruner) in backups.iter().zip(&pruners) {
            let (stores, prunes) = (backup.container("snapline"), pruner.container("prune"));
            assert_eq!(stores.programs(), ["vault-login", "vault-snapshot", "s3-put"], "{file}");
            assert_eq!(stores.args.last().unwrap(), value(&prunes.args, "--series").unwrap());
            for option in ["--addressing-style", "--name"] {
                assert_eq!(
                    value(&stores.args, option),
                    value(&prunes.args, option),
                    "{file}: {option}"
                );
            }
            for variable in ["AWS_ENDPOINT_URL_S3", "AWS_REGION", "SNAPLINE_NAME"] {
                let of = |container: &Container| container.env.iter().find(|(name, _)| name == variable).cloned();
                assert_eq!(of(stores), of(prunes), "{file}: {variable}");
            }
            let accounts = [backup, pruner].map(|job| job.pod()["serviceAccountName"].clone());
            assert_ne!(accounts[0], accounts[1], "{file}");
            // The policy that leads to Vault is not about the pruner.
            for policy in manifest.of_kind("NetworkPolicy") {
                let leads_to_vault = policy.to_string().contains("8200");
                assert_eq!(selects(policy, &labels(backup)), leads_to_vault, "{file}");
                assert_eq!(selects(policy, &labels(pruner)), !leads_to_vault, "{file}");
            }
        }
        assert_eq!(manifest.of_kind("NetworkPolicy").count(), 2, "{file}");
    }
    let manifest = Manifest::read(APART[0]);
    let jobs = manifest.cron_jobs();
    let mut names = BTreeSet::new();
    for job in &jobs {
        let name = job.document["metadata"]["name"].as_str().unwrap();
        assert!(names.insert(name) && name.len() <= 52, "{name}");
    }
    let keys = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"];
    for pruner in jobs.iter().filter(|job| job.containers[0].name == "prune") {
        assert_only_secret(pruner, pruner.container("prune"), PRUNER_SECRET, &keys);
    }
}

#[test]
fn the_overlay_with_separate_credentials_cuts_the_pipe_of_the_backup_behind_s3_put() {
    let patches = Manifest::read(SEPARATE_CREDENTIALS).patches();
    let [patch] = &patches[..] else { panic!("one patch") };
    let cut = CronJob::new(patch).container("snapline").args.clone();
    let whole = Manifest::read(ONE).cron_jobs()[0].container("snapline").args.clone();
    assert_eq!(whole[..cut.len()], cut);
    assert_eq!(whole[cut.len()..][..2], ["|", "snap-prune"]);
    let pruner = Manifest::read(PRUNE).cron_jobs()[0].container("prune").args.clone();
    assert_eq!(value(&pruner, "--series"), cut.last().map(String::as_str));
}

/// The bucket that the manifests name, on a server of the test's own.
fn backups(minio: &Minio) -> Bucket {
    minio.bucket_named("backups")
}

/// What a Secret for the store has in it, as temporary credentials: those have one variable more.
fn temporary(minio: &Minio, policy: &str) -> Vec<(String, String)> {
    let signer = minio.session(&Page::open("docs/s3.md").json(policy));
    let variables = [
        ("AWS_ACCESS_KEY_ID", signer.access_key),
        ("AWS_SECRET_ACCESS_KEY", signer.secret_key),
        ("AWS_DEFAULT_REGION", "us-east-1".to_owned()),
        ("AWS_SESSION_TOKEN", signer.session_token.expect("a session's token")),
        (
            "AWS_ENDPOINT_URL",
            format!("http://{}", minio.container().inner_address()),
        ),
    ];
    variables.map(|(name, value)| (name.to_owned(), value)).into()
}

/// As the overlay has it, with the policies of docs/s3.md: together they do all that the one pipe does.
#[test]
fn writer_pruner_and_reader_have_a_secret_each_and_need_no_other() {
    let (vault, minio) = (Vault::shared(), Minio::start());
    let bucket = backups(&minio);
    let patches = Manifest::read(SEPARATE_CREDENTIALS).patches();
    let mut writer = CronJob::new(&patches[0]).containers.remove(0);
    // The patch leaves it as it is.
    writer.image = Manifest::read(ONE).cron_jobs()[0].containers[0].image.clone();
    let role = vault.app_role(SNAPSHOT_POLICY);
    let mut variables = temporary(&minio, WRITERS_POLICY);
    variables.extend(
        [
            ("VAULT_ADDR", format!("http://{}", vault.container().inner_address())),
            ("VAULT_APPROLE_ROLE_ID", role.role_id),
            ("VAULT_APPROLE_SECRET_ID", role.secret_id),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    let stored = run_container(&writer, &[], &variables).expect(0);
    let keys = bucket.keys();
    assert_eq!(stored.text(), format!("{}\n", bucket.uri(&keys[0])));

    let (prune, check) = (Manifest::read(PRUNE), Manifest::read(CHECK));
    let (prune, check) = (prune.cron_jobs(), check.cron_jobs());
    let pruned = run_container(prune[0].container("prune"), &[], &temporary(&minio, PRUNERS_POLICY)).expect(0);
    assert_eq!(pruned.text(), "");
    let checked = run_container(check[0].container("check"), &[], &temporary(&minio, READERS_POLICY)).expect(0);
    assert!(checked.text().contains(&bucket.uri(&keys[0])), "{}", checked.text());
    assert_eq!(bucket.keys(), keys);
}

/// With the policy that docs/s3.md has for readers.
#[test]
fn the_cronjob_of_the_check_proves_the_newest_backup_with_a_readers_rights() {
    let minio = Minio::start();
    let bucket = backups(&minio);
    let manifest = Manifest::read(CHECK);
    let jobs = manifest.cron_jobs();
    let container = jobs[0].container("check");
    let variables = temporary(&minio, READERS_POLICY);
    let key = |hours| {
        let time = OffsetDateTime::now_utc() - time::Duration::hours(hours);
        format!("vault/{}", snapshot_name(time))
    };

    let outcome = run_container(container, &[], &variables).expect(66);
    assert!(outcome.stderr.contains("there is no snapshot"), "{}", outcome.stderr);
    bucket.put(&key(12), &Synthetic::new(100_000).to_vec());
    let outcome = run_container(container, &[], &variables).expect(0);
    assert!(
        outcome.text().starts_with("ok newest='s3://backups/vault/"),
        "{}",
        outcome.text()
    );
    assert!(outcome.text().ends_with(" count=1 verified=1\n"), "{}", outcome.text());
    bucket.put(&key(1), b"broken");
    let outcome = run_container(container, &[], &variables).expect(65);
    assert!(outcome.stderr.contains("is broken"), "{}", outcome.stderr);
}

/// With the policy that docs/s3.md has for pruners.
#[test]
fn the_cronjob_of_the_pruner_prunes_the_series_with_a_pruners_rights() {
    let minio = Minio::start();
    let bucket = backups(&minio);
    let manifest = Manifest::read(PRUNE);
    let jobs = manifest.cron_jobs();
    let container = jobs[0].container("prune");
    let variables = temporary(&minio, PRUNERS_POLICY);
    let outcome = run_container(container, &[], &variables).expect(66);
    assert!(outcome.stderr.contains("s3://backups/vault/"), "{}", outcome.stderr);

    // One an hour, younger than a day: an older name would not be believed in an object that was stored just now.
    let now = OffsetDateTime::now_utc();
    let times: Vec<OffsetDateTime> = (0..20).map(|hours| now - time::Duration::hours(hours)).collect();
    let key = |time: &OffsetDateTime| format!("vault/{}", snapshot_name(*time));
    let keys: Vec<String> = times.iter().map(key).collect();
    bucket.put_many(keys.iter().map(String::as_str).chain(["vault/notes.txt"]));
    // Kept: the last 14, the newest of yesterday, and the oldest, since no other rule is full.
    let stays =
        |number: usize| number < 14 || number == times.len() - 1 || times[number].date() != times[number - 1].date();
    let mut expected = vec!["vault/notes.txt".to_owned()];
    expected.extend(
        (0..times.len())
            .filter(|number| stays(*number))
            .map(|number| keys[number].clone()),
    );
    expected.sort();
    let outcome = run_container(container, &[], &variables).expect(0);
    assert_eq!(bucket.keys(), expected, "{}", outcome.stderr);
    assert_eq!(outcome.text().lines().count(), keys.len() + 1 - expected.len());
    // A second run finds nothing to do.
    assert_eq!(run_container(container, &[], &variables).expect(0).text(), "");
    assert_eq!(bucket.keys(), expected);
}
