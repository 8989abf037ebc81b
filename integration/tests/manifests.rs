//! The manifests that users apply: what they say is true of the programs, and their pipes work in the image as they stand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use snapline_archive::synthetic::Synthetic;
use snapline_integration::bucket::Bucket;
use snapline_integration::image::{Job, Share, image_named};
use snapline_integration::manifest::{Container, CronJob, Manifest, Reference};
use snapline_integration::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use snapline_integration::name::snapshot_name;
use snapline_integration::page::Page;
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::vault::{AppRole, SNAPSHOT_POLICY, Vault, inspect};
use time::OffsetDateTime;

const ONE: &str = "kubernetes/base/cronjob.yaml";
const SPLIT: &str = "kubernetes/split/cronjob-split.yaml";
const CHECK: &str = "kubernetes/check/cronjob.yaml";
const READERS_SECRET: &str = "kubernetes/check/secret.example.yaml";
const SECRETS: &str = "kubernetes/secrets.example.yaml";
const OVERLAYS: [&str; 2] = [
    "kubernetes/overlays/aws-irsa/kustomization.yaml",
    "kubernetes/overlays/ibm-cos/kustomization.yaml",
];
const VAULT_SECRET: &str = "vault-snapshot-agent-token";
const S3_SECRET: &str = "vault-snapshot-s3";
const READER_SECRET: &str = "vault-snapshot-s3-reader";

/// The TLS library reads these, before any option is known.
const OF_THE_TLS_LIBRARY: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

/// Everything with whole CronJobs in it: the plain manifests, and the chart as it renders.
fn all() -> Vec<Manifest> {
    let mut all = vec![Manifest::read(ONE), Manifest::read(SPLIT), Manifest::read(CHECK)];
    all.extend(Manifest::read_all("helm/snapline/ci/golden"));
    assert!(all.len() >= 9);
    all
}

/// Every variable that the help texts of these programs name.
fn known(programs: &[&str]) -> BTreeSet<String> {
    let mut known: BTreeSet<String> = OF_THE_TLS_LIBRARY.iter().map(ToString::to_string).collect();
    for program in programs {
        let help = Environment::new().run(program, &["--help"], b"").expect(0);
        let words = help
            .text()
            .split(|c: char| !(c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'));
        known.extend(words.filter(|word| word.len() > 4).map(str::to_owned));
    }
    known
}

fn assert_known(file: &str, container: &Container, secrets: &BTreeMap<String, BTreeMap<String, String>>) {
    let known = known(&container.programs());
    let own = container.env.iter().map(|(name, _)| name);
    let from_secrets = container
        .secrets
        .iter()
        .filter_map(|name| secrets.get(name))
        .flat_map(BTreeMap::keys);
    for variable in own.chain(from_secrets) {
        let programs = container.programs();
        assert!(
            known.contains(variable),
            "{file}: {variable} means nothing to {programs:?}"
        );
    }
}

#[test]
fn every_variable_is_one_that_the_containers_own_programs_know() {
    let example = Manifest::read(SECRETS).secrets();
    for manifest in all() {
        let mut secrets = example.clone();
        secrets.extend(manifest.secrets());
        let jobs = manifest.cron_jobs();
        assert!(!jobs.is_empty(), "{}", manifest.file);
        for container in jobs.iter().flat_map(|job| &job.containers) {
            assert_known(&manifest.file, container, &secrets);
        }
    }
    assert!(
        !known(&["vault-login", "s3-put"]).contains("VAULT_ADDRESS"),
        "the check can fail"
    );
}

#[test]
fn every_variable_of_an_overlay_is_one_that_the_programs_know() {
    let known = known(&Manifest::read(ONE).cron_jobs()[0].containers[0].programs());
    for file in OVERLAYS {
        for patch in Manifest::read(file).patches() {
            let added = patch.as_array().into_iter().flatten();
            let added = added.filter(|operation| operation["path"].as_str().unwrap().contains("/env/"));
            let mut variables: Vec<String> = added
                .map(|operation| operation["value"]["name"].as_str().unwrap().to_owned())
                .collect();
            let merged = CronJob::new(&patch);
            variables.extend(
                merged
                    .containers
                    .iter()
                    .flat_map(|container| &container.env)
                    .map(|(name, _)| name.clone()),
            );
            for variable in variables {
                assert!(known.contains(&variable), "{file}: {variable}");
            }
        }
    }
}

#[test]
fn the_secrets_have_the_names_and_keys_of_the_article() {
    let keys: BTreeMap<String, Vec<String>> = Manifest::read(SECRETS)
        .secrets()
        .into_iter()
        .map(|(name, data)| (name, data.into_keys().collect()))
        .collect();
    let expected = json!({
        VAULT_SECRET: ["VAULT_APPROLE_ROLE_ID", "VAULT_APPROLE_SECRET_ID"],
        S3_SECRET: ["AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_SECRET_ACCESS_KEY"],
    });
    assert_eq!(json!(keys), expected);
    let one = Manifest::read(ONE);
    assert_eq!(
        one.cron_jobs()[0].container("snapline").secrets,
        [VAULT_SECRET, S3_SECRET]
    );
    let split = Manifest::read(SPLIT);
    assert_eq!(split.cron_jobs()[0].container("snapshot").secrets, [VAULT_SECRET]);
    assert_eq!(split.cron_jobs()[0].container("upload").secrets, [S3_SECRET]);
}

#[test]
fn no_secret_is_in_a_cronjob() {
    let secret = ["SECRET_ID", "SECRET_ACCESS_KEY", "TOKEN", "PASSWORD"];
    let mut made = 0;
    for manifest in all() {
        let values: Vec<String> = manifest
            .secrets()
            .into_values()
            .flat_map(BTreeMap::into_values)
            .collect();
        made += values.len();
        for job in manifest.cron_jobs() {
            for (name, value) in job.containers.iter().flat_map(|container| &container.env) {
                let plain = value.is_some() && secret.iter().any(|word| name.ends_with(word));
                assert!(!plain, "{}: {name} has its value in the CronJob", manifest.file);
            }
            for value in &values {
                assert!(!job.document.to_string().contains(value), "{}: {value}", manifest.file);
            }
        }
    }
    assert_eq!(made, 4, "the chart's own Secrets were among them");
}

#[test]
fn every_cronjob_is_hardened_and_bounded() {
    for manifest in all() {
        for cron_job in manifest.cron_jobs() {
            let at = |value: &Value, path: &str| value.pointer(path).cloned().unwrap_or_default();
            let file = &manifest.file;
            let expect =
                |value: &Value, path: &str, expected: Value| assert_eq!(at(value, path), expected, "{file}: {path}");
            expect(cron_job.document, "/spec/concurrencyPolicy", json!("Forbid"));
            assert!(
                at(cron_job.document, "/spec/startingDeadlineSeconds").is_u64(),
                "{file}"
            );
            let job = cron_job.job();
            expect(job, "/podFailurePolicy/rules/0/action", json!("FailJob"));
            // What a check has found does not change within minutes; what a backup has met may.
            let final_codes = if file == CHECK {
                json!([64, 65, 66, 77, 78])
            } else {
                json!([64, 77, 78])
            };
            expect(
                job,
                "/podFailurePolicy/rules/0/onExitCodes",
                json!({"operator": "In", "values": final_codes}),
            );
            assert!(at(job, "/backoffLimit").as_u64().unwrap() <= 2, "{file}");
            assert!(at(job, "/activeDeadlineSeconds").is_u64(), "{file}");
            let pod = cron_job.pod();
            expect(pod, "/restartPolicy", json!("Never"));
            expect(pod, "/automountServiceAccountToken", json!(false));
            expect(pod, "/securityContext/runAsNonRoot", json!(true));
            expect(pod, "/securityContext/seccompProfile/type", json!("RuntimeDefault"));
            assert!(
                at(pod, "/terminationGracePeriodSeconds").as_u64().unwrap() >= 60,
                "{file}"
            );
            for container in &cron_job.containers {
                let container = &container.definition;
                expect(container, "/securityContext/allowPrivilegeEscalation", json!(false));
                expect(container, "/securityContext/readOnlyRootFilesystem", json!(true));
                expect(container, "/securityContext/capabilities", json!({"drop": ["ALL"]}));
                expect(container, "/terminationMessagePolicy", json!("FallbackToLogsOnError"));
                expect(container, "/resources/requests/memory", json!("64Mi"));
                expect(container, "/resources/limits/cpu", Value::Null);
                assert!(at(container, "/resources/limits/memory").is_string(), "{file}");
            }
        }
    }
}

#[test]
fn the_check_takes_each_variable_by_its_name_from_a_secret_of_its_own() {
    let manifest = Manifest::read(CHECK);
    let jobs = manifest.cron_jobs();
    let container = jobs[0].container("check");
    let secrets = Manifest::read(READERS_SECRET).secrets();
    assert_eq!(secrets.keys().collect::<Vec<_>>(), [READER_SECRET]);
    let expected: Vec<_> = secrets[READER_SECRET]
        .keys()
        .map(|key| Reference {
            variable: key.clone(),
            secret: READER_SECRET.to_owned(),
            key: key.clone(),
        })
        .collect();
    assert_eq!(container.references.len(), container.env.len());
    assert!(container.secrets.is_empty());
    for reference in &expected {
        assert!(container.references.contains(reference), "{reference:?}");
    }
    assert_eq!(container.references.len(), expected.len());
    // Neither Vault nor the backup's own rights.
    let text = jobs[0].document.to_string();
    assert!(
        !text.contains("VAULT_")
            && ![VAULT_SECRET, S3_SECRET]
                .iter()
                .any(|name| text.contains(&format!("\"{name}\"")))
    );
}

#[test]
fn the_pipe_is_the_one_that_the_readme_shows() {
    let pipe = Manifest::read(ONE).cron_jobs()[0].container("snapline").args.join(" ");
    assert!(include_str!("../../README.md").contains(&pipe), "{pipe}");
}

/// What the kubelet would put into the container: its variables and its Secrets, the latter with what fits these servers.
fn variables(container: &Container, vault: &Vault, minio: &Minio, role: &AppRole) -> Vec<(String, String)> {
    let example = Manifest::read(SECRETS).secrets();
    let mut variables = Vec::new();
    for (name, value) in &container.env {
        let value = match name.as_str() {
            "VAULT_ADDR" => format!("http://{}", vault.container().inner_address()),
            _ => value.clone().expect("a value"),
        };
        variables.push((name.clone(), value));
    }
    for key in container.secrets.iter().flat_map(|secret| example[secret].keys()) {
        let value = match key.as_str() {
            "VAULT_APPROLE_ROLE_ID" => &role.role_id,
            "VAULT_APPROLE_SECRET_ID" => &role.secret_id,
            "AWS_ACCESS_KEY_ID" => ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY" => SECRET_KEY,
            "AWS_DEFAULT_REGION" => "us-east-1",
            other => panic!("a key that nobody expected: {other}"),
        };
        variables.push((key.clone(), value.to_owned()));
    }
    // The only thing that is not in the file: this store is not AWS.
    if container.secrets.iter().any(|secret| secret == S3_SECRET) {
        let endpoint = format!("http://{}", minio.container().inner_address());
        variables.push(("AWS_ENDPOINT_URL".to_owned(), endpoint));
    }
    variables
}

fn run(container: &Container, options: &[&str], variables: &[(String, String)]) -> Outcome {
    let args: Vec<&str> = container.args.iter().map(String::as_str).collect();
    let variables: Vec<(&str, &str)> = variables
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let image = image_named(&container.image);
    Job::start_with(&image, &[&["--user", "65532"], options].concat(), &variables, &args)
        .client
        .end()
}

/// The bucket that the manifests name, on a server of the test's own.
fn backups(minio: &Minio) -> Bucket {
    minio.bucket_named("backups")
}

fn assert_one_whole_snapshot(bucket: &Bucket) {
    let keys = bucket.keys();
    assert_eq!(keys.len(), 1, "{keys:?}");
    assert!(keys[0].starts_with("vault/vault_raft_"), "{keys:?}");
    assert!(inspect(&bucket.get(&keys[0]).unwrap()).status.success());
    assert!(bucket.uploads().is_empty());
}

#[test]
fn the_cronjobs_own_args_and_secrets_back_up_a_real_vault() {
    let (vault, minio) = (Vault::shared(), Minio::start());
    let bucket = backups(&minio);
    let manifest = Manifest::read(ONE);
    let container = &manifest.cron_jobs()[0].containers[0];
    let variables = variables(container, &vault, &minio, &vault.app_role(SNAPSHOT_POLICY));
    run(container, &[], &variables).expect(0);
    assert_one_whole_snapshot(&bucket);
}

#[test]
fn a_wrong_secret_id_ends_the_cronjobs_pipe_with_77_and_names_the_stage() {
    let (vault, minio) = (Vault::shared(), Minio::start());
    let bucket = backups(&minio);
    let manifest = Manifest::read(ONE);
    let container = &manifest.cron_jobs()[0].containers[0];
    let mut role = vault.app_role(SNAPSHOT_POLICY);
    role.secret_id = "no-such-secret-id".into();
    let outcome = run(container, &[], &variables(container, &vault, &minio, &role)).expect(77);
    assert!(outcome.last_line().contains("vault-login"), "{}", outcome.stderr);
    assert!(bucket.keys().is_empty());
}

#[test]
fn the_split_cronjob_hands_the_snapshot_over_in_a_file_with_one_secret_on_each_side() {
    let (vault, minio) = (Vault::shared(), Minio::start());
    let bucket = backups(&minio);
    let manifest = Manifest::read(SPLIT);
    let jobs = manifest.cron_jobs();
    let (snapshot, upload) = (jobs[0].container("snapshot"), jobs[0].container("upload"));
    let role = vault.app_role(SNAPSHOT_POLICY);
    let share = Share::new();

    let for_vault = variables(snapshot, &vault, &minio, &role);
    let for_s3 = variables(upload, &vault, &minio, &role);
    assert!(
        for_vault.iter().all(|(name, _)| name.starts_with("VAULT_")),
        "{for_vault:?}"
    );
    assert!(for_s3.iter().all(|(name, _)| name.starts_with("AWS_")), "{for_s3:?}");
    run(snapshot, &["--volume", &share.at("/share")], &for_vault).expect(0);
    run(upload, &["--volume", &share.at("/share:ro")], &for_s3).expect(0);
    assert_one_whole_snapshot(&bucket);
}

#[test]
fn without_a_file_from_the_first_half_the_second_stores_nothing() {
    let (vault, minio) = (Vault::shared(), Minio::start());
    let bucket = backups(&minio);
    let manifest = Manifest::read(SPLIT);
    let jobs = manifest.cron_jobs();
    let upload = jobs[0].container("upload");
    let mut role = vault.app_role(SNAPSHOT_POLICY);
    role.secret_id = "no-such-secret-id".into();
    let share = Share::new();

    let snapshot = jobs[0].container("snapshot");
    let for_vault = variables(snapshot, &vault, &minio, &role);
    run(snapshot, &["--volume", &share.at("/share")], &for_vault).expect(77);
    let outcome = run(
        upload,
        &["--volume", &share.at("/share:ro")],
        &variables(upload, &vault, &minio, &role),
    );
    assert_ne!(outcome.status, 0, "{}", outcome.stderr);
    assert!(bucket.keys().is_empty());
    assert!(bucket.uploads().is_empty());
}

/// With the policy that docs/s3.md has for readers, as temporary credentials: those have one variable more.
#[test]
fn the_cronjob_of_the_check_proves_the_newest_backup_with_a_readers_rights() {
    let minio = Minio::start();
    let bucket = backups(&minio);
    let manifest = Manifest::read(CHECK);
    let jobs = manifest.cron_jobs();
    let container = jobs[0].container("check");
    let reader = minio.session(&Page::open("docs/s3.md").json("### The reader: `s3-get` and `snap-check`"));
    let mut variables: Vec<_> = container
        .references
        .iter()
        .map(|reference| {
            let value = match reference.key.as_str() {
                "AWS_ACCESS_KEY_ID" => &reader.access_key,
                "AWS_SECRET_ACCESS_KEY" => &reader.secret_key,
                "AWS_DEFAULT_REGION" => "us-east-1",
                other => panic!("a key that nobody expected: {other}"),
            };
            (reference.variable.clone(), value.to_owned())
        })
        .collect();
    variables.push(("AWS_SESSION_TOKEN".to_owned(), reader.session_token.unwrap()));
    variables.push((
        "AWS_ENDPOINT_URL".to_owned(),
        format!("http://{}", minio.container().inner_address()),
    ));
    let key = |hours| {
        let time = OffsetDateTime::now_utc() - time::Duration::hours(hours);
        format!("vault/{}", snapshot_name(time))
    };

    let outcome = run(container, &[], &variables).expect(66);
    assert!(outcome.stderr.contains("there is no snapshot"), "{}", outcome.stderr);
    bucket.put(&key(12), &Synthetic::new(100_000).to_vec());
    let outcome = run(container, &[], &variables).expect(0);
    assert!(
        outcome.text().starts_with("ok newest='s3://backups/vault/"),
        "{}",
        outcome.text()
    );
    assert!(outcome.text().ends_with(" count=1 verified=1\n"), "{}", outcome.text());
    bucket.put(&key(1), b"broken");
    let outcome = run(container, &[], &variables).expect(65);
    assert!(outcome.stderr.contains("is broken"), "{}", outcome.stderr);
}
