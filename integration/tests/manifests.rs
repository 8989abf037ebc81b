//! The manifests that users apply: what they say is true of the programs, and their pipes work in the image as they stand.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use snapline_integration::bucket::Bucket;
use snapline_integration::image::{Share, run_container};
use snapline_integration::manifest::{Container, CronJob, Manifest};
use snapline_integration::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use snapline_integration::program::Environment;
use snapline_integration::vault::{AppRole, SNAPSHOT_POLICY, Vault, inspect};

const ONE: &str = "kubernetes/base/cronjob.yaml";
const SPLIT: &str = "kubernetes/split/cronjob-split.yaml";
const PRUNE: &str = "kubernetes/prune/cronjob.yaml";
const SECRETS: &str = "kubernetes/secrets.example.yaml";
const IBM_COS: &str = "kubernetes/overlays/ibm-cos/kustomization.yaml";
const SEPARATE_CREDENTIALS: &str = "kubernetes/overlays/separate-credentials/kustomization.yaml";
const OVERLAYS: [&str; 3] = [
    "kubernetes/overlays/aws-irsa/kustomization.yaml",
    IBM_COS,
    SEPARATE_CREDENTIALS,
];
const DEFAULTS_OF_THE_CHART: &str = "helm/snapline/ci/golden/defaults.yaml";
const VAULT_SECRET: &str = "vault-snapshot-agent-token";
const S3_SECRET: &str = "vault-snapshot-s3";

/// The TLS library reads these, before any option is known.
const OF_THE_TLS_LIBRARY: [&str; 2] = ["SSL_CERT_FILE", "SSL_CERT_DIR"];

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
    for manifest in Manifest::all() {
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
    for manifest in Manifest::all() {
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
    for manifest in Manifest::all() {
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
            // What is in the bucket does not change within minutes; what a backup has met may.
            let mut programs = cron_job.containers.iter().flat_map(Container::programs);
            let final_codes = if programs.all(|program| ["snap-check", "snap-prune"].contains(&program)) {
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

/// With nothing to read, or nobody to ask, a program that understood its command line fails for that reason.
#[test]
fn every_snap_prune_understands_what_it_is_called_with() {
    let environment = Environment::new()
        .set("AWS_ACCESS_KEY_ID", "key")
        .set("AWS_SECRET_ACCESS_KEY", "secret")
        .set("AWS_ENDPOINT_URL", "http://localhost:1")
        .set("AWS_MAX_ATTEMPTS", "1");
    let try_all = |file: &str, containers: &[Container]| {
        let stages = containers
            .iter()
            .flat_map(|container| container.args.split(|word| word == "|"));
        let mut tried = 0;
        for stage in stages.filter(|stage| stage.first().is_some_and(|program| program == "snap-prune")) {
            let words: Vec<&str> = stage[1..].iter().map(String::as_str).collect();
            let expected = if words.contains(&"--series") { 69 } else { 66 };
            let outcome = environment.run("snap-prune", &words, b"");
            assert_eq!(outcome.status, expected, "{file}: {words:?}: {}", outcome.stderr);
            tried += 1;
        }
        tried
    };
    let mut tried = 0;
    for manifest in Manifest::all() {
        for job in manifest.cron_jobs() {
            tried += try_all(&manifest.file, &job.containers);
        }
    }
    let patches = Manifest::read(IBM_COS).patches();
    tried += try_all(IBM_COS, &CronJob::new(&patches[0]).containers);
    assert!(tried >= 14, "{tried}");
}

/// The rules and guards of the snap-prune in a pipe; their order means nothing.
fn policy(args: &[String]) -> BTreeMap<String, String> {
    let stage = args.split(|word| word == "|").find(|stage| stage[0] == "snap-prune");
    let options = stage.expect("a snap-prune")[1..].chunks(2);
    options
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .filter(|(option, _)| option.starts_with("--keep-") || option.starts_with("--max-"))
        .collect()
}

#[test]
fn all_forms_keep_the_same_and_by_time_as_well_as_by_count() {
    let of = |file: &str, container: &str| policy(&Manifest::read(file).cron_jobs()[0].container(container).args);
    let one = of(ONE, "snapline");
    let options: Vec<&str> = one.keys().map(String::as_str).collect();
    assert_eq!(
        options,
        [
            "--keep-daily",
            "--keep-last",
            "--keep-monthly",
            "--keep-weekly",
            "--max-shrink"
        ]
    );
    assert_eq!(of(SPLIT, "upload"), one);
    assert_eq!(of(PRUNE, "prune"), one);
    assert_eq!(of(DEFAULTS_OF_THE_CHART, "snapline"), one);
    let patches = Manifest::read(IBM_COS).patches();
    assert_eq!(policy(&CronJob::new(&patches[0]).container("snapline").args), one);
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
    run_container(container, &[], &variables).expect(0);
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
    let outcome = run_container(container, &[], &variables(container, &vault, &minio, &role)).expect(77);
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
    run_container(snapshot, &["--volume", &share.at("/share")], &for_vault).expect(0);
    run_container(upload, &["--volume", &share.at("/share:ro")], &for_s3).expect(0);
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
    run_container(snapshot, &["--volume", &share.at("/share")], &for_vault).expect(77);
    let outcome = run_container(
        upload,
        &["--volume", &share.at("/share:ro")],
        &variables(upload, &vault, &minio, &role),
    );
    assert_ne!(outcome.status, 0, "{}", outcome.stderr);
    assert!(bucket.keys().is_empty());
    assert!(bucket.uploads().is_empty());
}
