//! Three nodes, and whoever leads: at any of them, while they change, and while none does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::io::Read;
use std::process::{Command, Output};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use snapline_integration::cluster;
use snapline_integration::container::{LABEL, engine_program, run_id};
use snapline_integration::front::{Answer, Front, text};
use snapline_integration::minio::Minio;
use snapline_integration::program::{Environment, nowhere};
use snapline_integration::shared::Shared;
use snapline_integration::vault::{SNAPSHOT_POLICY, Vault, inspect};
use snapline_integration::versions;
use snapline_integration::wait::wait_for;

const SNAPSHOT: &str = "/v1/sys/storage/raft/snapshot";

/// Three nodes for one test at a time, all of them well when it begins.
struct Cluster(Mutex<Vec<Vault>>);

impl Cluster {
    fn get() -> std::sync::Arc<Self> {
        static SHARED: Shared<Cluster> = Shared::new();
        SHARED.get(|| Self(Mutex::new(cluster::start(3))))
    }

    fn nodes(&self) -> MutexGuard<'_, Vec<Vault>> {
        let nodes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        leader(&nodes);
        nodes
    }
}

/// The node that leads and is known as the leader to all.
fn leader(nodes: &[Vault]) -> &Vault {
    wait_for("all nodes know the one that leads", || {
        let leader = nodes.iter().find(|node| node.is_active())?;
        let address = leader.address();
        let told = |node: &Vault| node.send("GET", "sys/leader", "", None).1["leader_address"] == address;
        nodes.iter().all(told).then_some(leader)
    })
}

fn standby(nodes: &[Vault]) -> &Vault {
    let leader = leader(nodes).address();
    nodes.iter().find(|node| node.address() != leader).unwrap()
}

fn step_down(nodes: &[Vault]) {
    leader(nodes).call("PUT", "sys/step-down", None);
}

/// Small random numbers from a seed that is printed: the same seed makes the same run.
struct Dice(u64);

impl Dice {
    fn new() -> Self {
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis();
        let seed = u64::try_from(seed).unwrap();
        println!("seed {seed}");
        Self(seed)
    }

    /// A number below `bound` (Knuth's linear congruential generator for MMIX).
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

#[test]
fn the_pipe_works_at_each_of_three_nodes_twenty_times_while_the_leader_steps_down_at_random() {
    let cluster = Cluster::get();
    let nodes = cluster.nodes();
    let minio = Minio::shared();
    let bucket = minio.bucket_named("leaders");
    let role = leader(&nodes).app_role(SNAPSHOT_POLICY);
    let started = Instant::now();
    let mut dice = Dice::new();
    let (mut downs, mut changes, mut at_leader, mut last) = (0, 0, 0, None);
    for run in 0..20_usize {
        let node = &nodes[run % 3];
        if dice.below(2) == 1 {
            // What comes of it is not waited for: the pipe meets whatever there is, no leader too. The same node may lead on.
            let address = leader(&nodes).address();
            changes += usize::from(last.is_some_and(|last| last != address));
            last = Some(address);
            step_down(&nodes);
            downs += 1;
        }
        at_leader += usize::from(node.is_active());
        let line = format!("vault-login | vault-snapshot --revoke | s3-put s3://leaders/vault/{run:02}.snap");
        let outcome = Environment::new()
            .vault(node, &role)
            .minio(&minio)
            .shell(&line)
            .expect(0);
        assert_eq!(outcome.text(), format!("s3://leaders/vault/{run:02}.snap\n"));
    }
    let took = started.elapsed().as_secs_f64();
    let keys = bucket.keys();
    assert_eq!(keys.len(), 20);
    std::thread::scope(|scope| {
        for chunk in keys.chunks(10) {
            let bucket = &bucket;
            scope.spawn(move || {
                for key in chunk {
                    let report = inspect(&bucket.get(key).unwrap());
                    assert!(report.status.success(), "{key}: {report:?}");
                }
            });
        }
    });
    println!(
        "20 runs, {at_leader} at the node that led, {downs} step-downs, {changes} times another node led at the next, {took:.0} s; 20 objects whole"
    );
    assert!(downs > 0 && at_leader < 20);
}

/// Vault's own command line, where the host's ports can be reached.
fn vault_save(node: &Vault) -> Output {
    let (name, tag) = versions::vault_image();
    let label = format!("{LABEL}={}", run_id());
    Command::new(engine_program())
        .args(["run", "--rm", "--network", "host", "--tmpfs", "/tmp", "--label", &label])
        .args(["--env", "HOME=/tmp", "--env", "VAULT_TOKEN", "--env", "VAULT_ADDR"])
        .arg(format!("{name}:{tag}"))
        .args(["operator", "raft", "snapshot", "save", "/tmp/vault.snap"])
        .env("VAULT_TOKEN", node.root_token())
        .env("VAULT_ADDR", node.address())
        .output()
        .unwrap()
}

#[test]
fn at_a_standby_vaults_own_command_fails_where_ours_succeeds() {
    let cluster = Cluster::get();
    let nodes = cluster.nodes();
    let active = vault_save(leader(&nodes));
    assert!(active.status.success(), "at the active node: {active:?}");

    let standby = standby(&nodes);
    let theirs = vault_save(standby);
    let said = String::from_utf8_lossy(&theirs.stderr).into_owned();
    assert_eq!(theirs.status.code(), Some(2), "{said}");
    assert!(said.contains("incomplete snapshot"), "{said}");

    let token = format!("{}\n", standby.root_token());
    let outcome = Environment::new()
        .set("VAULT_ADDR", &standby.address())
        .run("vault-snapshot", &["-v"], token.as_bytes())
        .expect(0);
    assert!(inspect(&outcome.stdout).status.success());
    assert!(outcome.stderr.contains("it redirects to"), "{}", outcome.stderr);
}

#[test]
fn a_leader_that_steps_down_between_login_and_snapshot_does_no_harm() {
    let cluster = Cluster::get();
    let nodes = cluster.nodes();
    let role = leader(&nodes).app_role(SNAPSHOT_POLICY);
    for node in nodes.iter() {
        let environment = Environment::new().vault(node, &role);
        let token = environment.run("vault-login", &[], b"").expect(0);
        step_down(&nodes);
        let outcome = environment
            .run("vault-snapshot", &["--revoke"], &token.stdout)
            .expect(0);
        assert!(inspect(&outcome.stdout).status.success());
        leader(&nodes);
        assert!(!node.accepts(token.text().trim_end()), "the token is revoked");
    }
}

#[test]
fn a_leader_that_steps_down_in_mid_stream_leaves_a_whole_snapshot_or_none() {
    let cluster = Cluster::get();
    let nodes = cluster.nodes();
    // More than all buffers on the way hold.
    let active = leader(&nodes);
    active.fill(32);
    let token = active.token(SNAPSHOT_POLICY);
    let environment = Environment::new().set("VAULT_ADDR", &active.address());
    let mut running = environment.spawn_raw("vault-snapshot", &["--max-retries", "0"]);
    running.write(format!("{token}\n").as_bytes());
    running.close();
    let mut archive = vec![0; 1 << 20];
    running.output().read_exact(&mut archive).unwrap();
    // Vault steps down only when the request is through, and takes no other until then: who reads slowly stops the cluster.
    let front = Front::new(&active.address(), |_| Answer::Behind);
    std::thread::scope(|scope| {
        let url = format!("{}/v1/sys/step-down", front.url());
        scope.spawn(|| {
            let request = ureq::put(url).header("X-Vault-Token", active.root_token());
            request.send_empty().expect("step down");
        });
        front.wait_for_requests("/v1/sys/step-down", 1);
        running.output().read_to_end(&mut archive).unwrap();
    });
    wait_for("another node leads", || {
        (leader(&nodes).address() != active.address()).then_some(())
    });
    let outcome = running.end();
    println!("a step-down in mid-stream ended with {}", outcome.status);
    let whole = inspect(&archive).status.success();
    match outcome.status {
        0 => assert!(whole && archive.len() > 32 << 20),
        65 | 69 => assert!(!whole),
        status => panic!("{status} {}", outcome.stderr),
    }
    leader(&nodes).call("DELETE", "sys/mounts/fill", None);
}

#[test]
fn of_several_addresses_the_dead_and_the_sealed_ones_are_passed_over() {
    let cluster = Cluster::get();
    let nodes = cluster.nodes();
    let sealed = Vault::start();
    sealed.seal();
    let role = leader(&nodes).app_role(SNAPSHOT_POLICY);
    let (dead, sealed, standby) = (nowhere(), sealed.address(), standby(&nodes).address());
    let words = ["--address", &dead, "--address", &sealed, "--address", &standby];
    // What the variable says does not count then.
    let environment = Environment::new()
        .vault(&nodes[0], &role)
        .set("VAULT_ADDR", "http://127.0.0.1:1");
    let token = environment.run("vault-login", &words, b"").expect(0);
    let outcome = environment
        .run(
            "vault-snapshot",
            &[&words[..], &["--revoke", "-v"]].concat(),
            &token.stdout,
        )
        .expect(0);
    assert!(inspect(&outcome.stdout).status.success());
    for word in [
        "connection refused",
        "Vault is sealed",
        "trying the next address",
        "it redirects to",
    ] {
        assert!(outcome.stderr.contains(word), "no '{word}' in {}", outcome.stderr);
    }
}

#[test]
fn a_redirect_that_cannot_be_followed_is_69_and_told_with_its_target() {
    let vault = Vault::shared();
    let token = format!("{}\n", vault.root_token());
    let elsewhere = nowhere();
    let cases = [
        (String::new(), "does not say where to"),
        ("Location: \r\n".into(), "redirects to ''"),
        ("Location: ftp://vault/v1/x\r\n".into(), "'ftp://vault/v1/x'"),
        (format!("Location: {elsewhere}{SNAPSHOT}\r\n"), elsewhere.as_str()),
    ];
    for (location, word) in cases {
        let reply = format!("HTTP/1.1 307 Temporary Redirect\r\n{location}Content-Length: 0\r\n\r\n");
        let front = Front::new(&vault.address(), move |_| Answer::Steps(vec![text(&reply)]));
        let environment = Environment::new()
            .set("VAULT_ADDR", &front.url())
            .set("VAULT_MAX_RETRIES", "0");
        let outcome = environment.run("vault-snapshot", &[], token.as_bytes()).expect(69);
        assert!(outcome.stderr.contains(word), "no '{word}' in {}", outcome.stderr);
        assert!(outcome.stdout.is_empty());
    }

    // In a circle: the first request, and two redirects.
    let front = Front::new(&vault.address(), |request| {
        let host = request.header("host").unwrap_or_default().to_owned();
        Answer::Steps(vec![text(&format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{host}{SNAPSHOT}\r\nContent-Length: 0\r\n\r\n"
        ))])
    });
    let environment = Environment::new()
        .set("VAULT_ADDR", &front.url())
        .set("VAULT_MAX_RETRIES", "0");
    let outcome = environment.run("vault-snapshot", &[], token.as_bytes()).expect(69);
    for word in ["after two redirects", "load balancer"] {
        assert!(outcome.stderr.contains(word), "no '{word}' in {}", outcome.stderr);
    }
    wait_for("all three are answered", || (front.happened().len() == 3).then_some(()));

    // The target of a good one is another port, where the real Vault is.
    let location = format!("Location: {}{SNAPSHOT}\r\n", vault.address());
    let reply = format!("HTTP/1.1 308 Permanent Redirect\r\n{location}Content-Length: 0\r\n\r\n");
    let front = Front::new(&vault.address(), move |_| Answer::Steps(vec![text(&reply)]));
    let outcome = Environment::new()
        .set("VAULT_ADDR", &front.url())
        .run("vault-snapshot", &[], token.as_bytes())
        .expect(0);
    assert!(inspect(&outcome.stdout).status.success());
}
