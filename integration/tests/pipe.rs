//! The whole pipe from a real Vault to a real S3 store, when nothing is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use snapline_integration::bucket::Bucket;
use snapline_integration::minio::{Minio, SECRET_KEY};
use snapline_integration::program::{Environment, programs};
use snapline_integration::running::terminate;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::wait::{next_second, wait_for};

fn pipe(bucket: &Bucket) -> String {
    let uri = bucket.uri("vault/");
    format!("vault-login | vault-snapshot --revoke | s3-put {uri} | snap-prune --keep-last 3")
}

#[test]
fn five_backups_leave_the_newest_three() {
    let (vault, minio) = (Vault::shared(), Minio::shared());
    let bucket = minio.bucket("rotation");
    let environment = Environment::new()
        .vault(&vault, &vault.app_role(SNAPSHOT_POLICY))
        .minio(&minio);
    let mut seen = Vec::new();
    for run in 1..=5 {
        // Within one second a name that was just pruned would be free again, and the newest object not the last.
        next_second();
        let outcome = environment.shell(&pipe(&bucket)).expect(0);
        let keys = bucket.keys();
        assert_eq!(keys.len(), run.min(3), "{}", outcome.stderr);
        let newest = keys.last().unwrap().clone();
        assert!(!seen.contains(&newest), "{newest} is new");
        let gone: Vec<String> = seen
            .iter()
            .filter(|key| !keys.contains(key))
            .map(|key| bucket.uri(key))
            .collect();
        if run > 3 {
            let deleted: Vec<&str> = outcome.text().lines().collect();
            assert_eq!(deleted, [gone.last().unwrap()], "what went is what is told");
        } else {
            assert_eq!(outcome.text(), "");
        }
        seen.push(newest);
    }
    for key in bucket.keys() {
        let report = inspect(&bucket.get(&key).unwrap());
        assert!(report.status.success(), "{report:?}");
    }
    assert!(bucket.uploads().is_empty());
}

#[test]
fn snap_pipe_runs_the_same_pipe() {
    let (vault, minio) = (Vault::shared(), Minio::shared());
    let bucket = minio.bucket("snap-pipe");
    let environment = Environment::new()
        .vault(&vault, &vault.app_role(SNAPSHOT_POLICY))
        .minio(&minio);
    let line = pipe(&bucket);
    let words: Vec<&str> = line.split(' ').collect();
    environment.run("snap-pipe", &words, b"").expect(0);
    let keys = bucket.keys();
    assert_eq!(keys.len(), 1);
    assert!(keys[0].starts_with("vault/vault_raft_20"), "{keys:?}");
}

#[test]
fn a_snapshot_of_many_parts_arrives_whole() {
    let vault = Vault::start();
    vault.fill(40);
    let minio = Minio::shared();
    let bucket = minio.bucket("parts");
    let environment = Environment::new()
        .vault(&vault, &vault.app_role(SNAPSHOT_POLICY))
        .minio(&minio);
    let outcome = environment.shell(&pipe(&bucket)).expect(0);
    let objects = bucket.objects();
    assert_eq!(objects.len(), 1, "{}", outcome.stderr);
    assert!(objects[0].size > 40 << 20, "{objects:?}");
    assert!(inspect(&bucket.get(&objects[0].key).unwrap()).status.success());
    assert!(bucket.uploads().is_empty());
}

#[test]
fn the_token_is_revoked_and_no_secret_is_printed_at_any_verbosity() {
    let (vault, minio) = (Vault::start(), Minio::shared());
    let bucket = minio.bucket("secrets");
    let role = vault.app_role(SNAPSHOT_POLICY);
    let environment = Environment::new().vault(&vault, &role).minio(&minio);
    let before = vault.token_count();
    let token = environment.run("vault-login", &["-vvv"], b"").expect(0);
    let line = token.text();
    assert_eq!(line.lines().count(), 1, "one line, the token");
    assert!(line.ends_with('\n'));
    let secret = line.trim_end();
    assert!(vault.accepts(secret));

    // Each stage by hand, so that what each one prints is seen, at its most talkative, in both formats.
    for format in ["text", "json"] {
        let talk = ["-v", "-v", "-v", "--log-format", format];
        let login = environment.run("vault-login", &talk, b"").expect(0);
        let own = login.text().trim_end().to_owned();
        let snapshot = environment
            .run("vault-snapshot", &[&talk[..], &["--revoke"]].concat(), &login.stdout)
            .expect(0);
        assert!(!vault.accepts(&own), "the token is revoked");
        let uri = bucket.uri("vault/");
        let put = environment
            .run("s3-put", &[&talk[..], &[&uri]].concat(), &snapshot.stdout)
            .expect(0);
        let prune = environment
            .run("snap-prune", &[&talk[..], &["--keep-last", "3"]].concat(), &put.stdout)
            .expect(0);
        for outcome in [&token, &login, &snapshot, &put, &prune] {
            assert!(!outcome.stderr.is_empty(), "it does talk");
            for word in [
                secret,
                &own,
                &role.secret_id,
                SECRET_KEY,
                "Signature=",
                "X-Amz-Signature",
            ] {
                assert!(!outcome.stderr.contains(word), "'{word}' in {}", outcome.stderr);
            }
        }
        for outcome in [&put, &prune] {
            assert!(!outcome.text().contains(SECRET_KEY) && !outcome.text().contains(&own));
        }
    }
    assert_eq!(
        vault.token_count(),
        before + 1,
        "only the token that nobody revoked is left"
    );
    assert!(vault.accepts(secret), "nobody else's token is revoked");
}

#[test]
fn an_exact_key_that_exists_is_refused() {
    let minio = Minio::shared();
    let bucket = minio.bucket("exact");
    let environment = Environment::new().minio(&minio);
    let snapshot = Vault::shared().snapshot();
    let uri = bucket.uri("vault/exact.snap");
    let first = environment.run("s3-put", &[&uri], &snapshot).expect(0);
    assert_eq!(first.text(), format!("{uri}\n"));
    bucket.put("vault/exact.snap", b"somebody's");
    let second = environment.run("s3-put", &[&uri], &snapshot).expect(77);
    assert_eq!(second.text(), "");
    assert_eq!(bucket.get("vault/exact.snap").unwrap(), b"somebody's");
}

#[test]
fn two_runs_within_one_second_make_two_objects() {
    let minio = Minio::shared();
    let bucket = minio.bucket("second");
    let environment = Environment::new().minio(&minio);
    let snapshot = Vault::shared().snapshot();
    let uri = bucket.uri("vault/");
    // One after the other, faster than the clock that names them; six so that some share a second.
    let told: Vec<String> = (0..6)
        .map(|_| {
            environment
                .run("s3-put", &[&uri], &snapshot)
                .expect(0)
                .text()
                .trim_end()
                .to_owned()
        })
        .collect();
    let stored: Vec<String> = bucket.keys().iter().map(|key| bucket.uri(key)).collect();
    assert_eq!(told, stored, "each run made its own object, in order");
}

/// A command without the rights by which root reads anything.
fn without_rights(program: &str) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all", program]);
    command
}

/// A pipe in which every stage runs and waits, and ends with this.
struct Waiting(Child);

impl Drop for Waiting {
    fn drop(&mut self) {
        terminate(rustix::process::Pid::from_child(&self.0));
        let _ = self.0.wait();
    }
}

#[test]
fn nobody_reads_the_environment_of_a_running_pipe_and_no_stage_has_the_other_sides() {
    // It takes connections and answers none.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", silent.local_addr().unwrap());
    let pipe = programs().join("snap-pipe");
    let line = "vault-login | vault-snapshot --revoke | s3-put s3://bucket/vault/ | snap-prune --keep-last 3";
    let child = without_rights(pipe.to_str().unwrap())
        .args(line.split(' '))
        .env(
            "PATH",
            std::env::join_paths([programs(), "/bin".into(), "/usr/bin".into()]).unwrap(),
        )
        .envs([("VAULT_ADDR", &url), ("AWS_ENDPOINT_URL", &url)])
        .envs([
            ("VAULT_APPROLE_ROLE_ID", "role"),
            ("VAULT_APPROLE_SECRET_ID", "vault-secret"),
        ])
        .envs([("AWS_ACCESS_KEY_ID", "key"), ("AWS_SECRET_ACCESS_KEY", "store-secret")])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let waiting = Waiting(child);
    let parent = waiting.0.id();
    let stages = ["vault-login", "vault-snapshot", "s3-put", "snap-prune"];
    let processes = wait_for("all stages run, and have begun", || {
        let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).ok()?;
        let name = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        // The thread that listens for signals is there only after the program has hidden itself.
        let has_begun = |pid: &str| {
            let tasks = std::fs::read_dir(format!("/proc/{pid}/task"))
                .into_iter()
                .flatten()
                .flatten();
            let names = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
            names.into_iter().any(|name| name.trim() == "signals")
        };
        let found = stages.map(|stage| {
            let mut pids = children.split_whitespace();
            pids.find(|pid| name(pid).trim() == stage && has_begun(pid))
                .map(str::to_owned)
        });
        found.iter().all(Option::is_some).then(|| found.map(Option::unwrap))
    });
    let environment = |pid: &str| std::fs::read(format!("/proc/{pid}/environ"));
    for pid in processes.iter().chain([&parent.to_string()]) {
        let output = without_rights("cat")
            .arg(format!("/proc/{pid}/environ"))
            .output()
            .unwrap();
        assert!(!output.status.success() && output.stdout.is_empty(), "process {pid}");
    }
    // Root looks at what each was started with.
    if rustix::process::geteuid().is_root() {
        for (pid, own, others) in [
            (&processes[0], &["VAULT_", "AWS_"][..], &[][..]),
            (&processes[1], &["VAULT_"], &["AWS_"]),
            (&processes[2], &["AWS_"], &["VAULT_"]),
            (&processes[3], &["AWS_"], &["VAULT_"]),
        ] {
            let variables = environment(pid).unwrap();
            let has = |prefix: &&str| {
                variables
                    .split(|byte| *byte == 0)
                    .any(|one| one.starts_with(prefix.as_bytes()))
            };
            assert!(own.iter().all(has) && !others.iter().any(has), "process {pid}");
        }
    }
}
