//! deploy/kubernetes/restore: what it says is true of the programs, and its pipe works in the image as it stands.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use serde_json::{Value, json};
use snapline_integration::image::{Job, image_named};
use snapline_integration::manifest::{Container, Manifest};
use snapline_integration::minio::{ACCESS_KEY, Minio, SECRET_KEY};
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault};

const JOB: &str = "kubernetes/restore/job.yaml";

fn container() -> Container {
    let manifest = Manifest::read(JOB);
    let pods = manifest.job_pods();
    assert_eq!(pods.len(), 1);
    Container::all_of(pods[0]).remove(0)
}

#[test]
fn the_job_is_hardened_repeats_nothing_and_changes_nothing_as_it_stands() {
    let manifest = Manifest::read(JOB);
    let pod = manifest.job_pods()[0];
    let at = |value: &Value, path: &str| value.pointer(path).cloned().unwrap_or_default();
    assert_eq!(at(pod, "/restartPolicy"), "Never");
    assert_eq!(at(pod, "/automountServiceAccountToken"), false);
    assert_eq!(at(pod, "/enableServiceLinks"), false);
    assert_eq!(at(pod, "/securityContext/runAsNonRoot"), true);
    assert_eq!(at(pod, "/securityContext/seccompProfile/type"), "RuntimeDefault");
    let container = container();
    let context = |path: &str| at(&container.definition, &format!("/securityContext/{path}"));
    assert_eq!(context("allowPrivilegeEscalation"), false);
    assert_eq!(context("readOnlyRootFilesystem"), true);
    assert_eq!(context("capabilities"), json!({"drop": ["ALL"]}));
    assert_eq!(container.args.last().unwrap(), "--dry-run");
    assert!(!container.args.iter().any(|word| word == "--yes" || word == "--force"));
    let job = manifest.of_kind("Job").next().unwrap();
    assert_eq!(at(job, "/spec/backoffLimit"), 0, "a restore is never repeated");
}

#[test]
fn each_variable_comes_by_its_name_from_a_secret_and_means_something_to_the_programs() {
    let container = container();
    let help: String = ["s3-get", "vault-restore"]
        .map(|program| {
            Environment::new()
                .run(program, &["--help"], b"")
                .expect(0)
                .text()
                .to_owned()
        })
        .concat();
    for (name, value) in &container.env {
        assert!(help.contains(name.as_str()), "{name} means nothing to them");
        assert_eq!(value.is_some(), name == "VAULT_ADDR", "{name}");
    }
    assert!(container.secrets.is_empty(), "no Secret gives all of its keys");
}

fn run(container: &Container, args: &[&str], vault: &Vault, minio: &Minio) -> Outcome {
    let inner = |address: String| format!("http://{address}");
    let endpoint = inner(minio.container().inner_address());
    let address = inner(vault.container().inner_address());
    let variables: Vec<(&str, &str)> = container
        .env
        .iter()
        .map(|(name, _)| {
            let value = match name.as_str() {
                "VAULT_ADDR" => &address,
                "VAULT_TOKEN" => vault.root_token(),
                "AWS_ACCESS_KEY_ID" => ACCESS_KEY,
                "AWS_SECRET_ACCESS_KEY" => SECRET_KEY,
                _ => "us-east-1",
            };
            (name.as_str(), value)
        })
        // The only thing that is not in the file: this store is not AWS. The rest leads to where the leader is for containers.
        .chain([
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("VAULT_DISABLE_REDIRECTS", "1"),
        ])
        .collect();
    let options = ["--user", "65532", "--read-only", "--tmpfs", "/tmp"];
    Job::start_with(&image_named(&container.image), &options, &variables, args)
        .client
        .end()
}

#[test]
fn the_jobs_own_pipe_says_what_would_happen_and_with_yes_it_does() {
    let (vault, minio) = (Vault::start(), Minio::start());
    minio.bucket_named("backups");
    let write = |value: &str| vault.call("POST", "secret/app", Some(&json!({"value": value})));
    let read = || vault.call("GET", "secret/app", None)["data"]["value"].clone();
    vault.call("POST", "sys/mounts/secret", Some(&json!({"type": "kv"})));
    write("before");
    let environment = Environment::new()
        .vault(&vault, &vault.app_role(SNAPSHOT_POLICY))
        .minio(&minio);
    environment
        .shell("vault-login | vault-snapshot --revoke | s3-put s3://backups/vault/")
        .expect(0);
    write("after");

    let container = container();
    let mut args: Vec<&str> = container.args.iter().map(String::as_str).collect();
    let outcome = run(&container, &args, &vault, &minio).expect(0);
    assert!(outcome.stderr.contains("archive: "), "{}", outcome.stderr);
    assert_eq!(read(), "after", "nothing was sent");

    args.pop();
    args.push("--yes");
    let outcome = run(&container, &args, &vault, &minio).expect(0);
    assert!(outcome.stderr.contains("restored "), "{}", outcome.stderr);
    assert_eq!(read(), "before");
}
