//! Three nodes, and whoever leads: at any of them, while they change, and while none does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::collections::HashSet;
use std::io::{Read, Write as _};
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

/// Who leads, and since when: a node that leads again after a step-down has begun anew.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Reign {
    address: String,
    since: String,
}

impl Reign {
    fn now(nodes: &[Vault]) -> Self {
        let leader = leader(nodes);
        let reply = leader.send("GET", "sys/leader", "", None).1;
        Self {
            address: leader.address(),
            since: reply["active_time"].to_string(),
        }
    }

    /// Waits until it is over and all nodes know the next one.
    fn next(&self, nodes: &[Vault]) -> Self {
        wait_for("a step-down leads to another reign", || {
            let now = Self::now(nodes);
            (now != *self).then_some(now)
        })
    }
}

/// Asks the leader to step down and gives the reign that ends by this. Vault says yes at once, and does it meanwhile.
fn step_down(nodes: &[Vault]) -> Reign {
    let reign = Reign::now(nodes);
    leader(nodes).call("PUT", "sys/step-down", None);
    reign
}

/// Nodes that are frozen for as long as this lives.
struct Frozen<'a>(Vec<&'a Vault>);

impl<'a> Frozen<'a> {
    fn new(nodes: Vec<&'a Vault>) -> Self {
        for node in &nodes {
            node.container().pause();
        }
        Self(nodes)
    }
}

impl Drop for Frozen<'_> {
    fn drop(&mut self) {
        for node in &self.0 {
            node.container().unpause();
        }
    }
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
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }

    /// So many different numbers below `bound`.
    fn pick(&mut self, count: usize, bound: usize) -> HashSet<usize> {
        let mut picked = HashSet::new();
        while picked.len() < count {
            picked.insert(self.below(bound));
        }
        picked
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
    let before = Dice::new().pick(8, 20);
    let (mut changes, mut at_leader) = (0, 0);
    for run in 0..20_usize {
        let node = &nodes[run % 3];
        // The pipe meets whatever there is at that moment: the old leader, none, or the new one.
        let ended = before.contains(&run).then(|| step_down(&nodes));
        at_leader += usize::from(node.is_active());
        let line = format!("vault-login | vault-snapshot --revoke | s3-put s3://leaders/vault/{run:02}.snap");
        let outcome = Environment::new()
            .vault(node, &role)
            .minio(&minio)
            .shell(&line)
            .expect(0);
        assert_eq!(outcome.text(), format!("s3://leaders/vault/{run:02}.snap\n"));
        if let Some(ended) = ended {
            changes += usize::from(ended.next(&nodes).address != ended.address);
        }
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
    // Said also where the test passes, which println! would not be.
    writeln!(
        std::io::stderr(),
        "20 runs, {at_leader} at the node that led, {} step-downs, {changes} times another node led then, {took:.0} s; 20 objects whole",
        before.len()
    )
    .unwrap();
    assert!(changes >= 5, "the leader changed {changes} times");
    assert!(at_leader < 20);
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
        let ended = step_down(&nodes);
        let outcome = environment
            .run("vault-snapshot", &["--revoke"], &token.stdout)
            .expect(0);
        assert!(inspect(&outcome.stdout).status.success());
        ended.next(&nodes);
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
    let began = || active.container().log().matches("stepping down from active").count();
    let (reign, earlier) = (Reign::now(&nodes), began());
    std::thread::scope(|scope| {
        scope.spawn(|| active.call("PUT", "sys/step-down", None));
        wait_for("the step-down waits for the stream", || {
            (began() > earlier).then_some(())
        });
        let go_on = Instant::now();
        running.output().read_to_end(&mut archive).unwrap();
        println!("the rest of the stream took {:.1} s", go_on.elapsed().as_secs_f64());
    });
    let over = Instant::now();
    reign.next(&nodes);
    let outcome = running.end();
    println!(
        "a step-down in mid-stream ended with {}, the next leader came after {:.1} s",
        outcome.status,
        over.elapsed().as_secs_f64()
    );
    let whole = inspect(&archive).status.success();
    match outcome.status {
        0 => assert!(whole && archive.len() > 32 << 20),
        65 | 69 => assert!(!whole),
        status => panic!("{status} {}", outcome.stderr),
    }
    leader(&nodes).call("DELETE", "sys/mounts/fill", None);
}

#[test]
fn while_two_of_three_nodes_are_frozen_nobody_leads_and_login_and_snapshot_wait_for_them() {
    let cluster = Cluster::get();
    let nodes = cluster.nodes();
    let active = leader(&nodes);
    let role = active.app_role(SNAPSHOT_POLICY);
    let token = format!("{}\n", active.token(SNAPSHOT_POLICY));
    let frozen = Frozen::new(nodes.iter().filter(|node| !std::ptr::eq(*node, active)).collect());
    wait_for("the node that is left has lost its lead", || {
        (!active.is_active()).then_some(())
    });
    let front = Front::new(&active.address(), |_| Answer::Behind);
    let environment = Environment::new().vault(active, &role).set("VAULT_ADDR", &front.url());
    let mut login = environment.spawn("vault-login", &["-v"]);
    let mut snapshot = environment.spawn("vault-snapshot", &["-v"]);
    snapshot.write(token.as_bytes());
    snapshot.close();
    let started = Instant::now();
    for path in ["/v1/auth/approle/login", SNAPSHOT] {
        front.wait_for_requests(path, 3);
    }
    drop(frozen);
    let (login, snapshot) = (login.end().expect(0), snapshot.end().expect(0));
    println!(
        "nobody led; both were done after {:.0} s",
        started.elapsed().as_secs_f64()
    );
    assert!(inspect(&snapshot.stdout).status.success());
    leader(&nodes);
    assert!(active.accepts(login.text().trim_end()));
    for stderr in [&login.stderr, &snapshot.stderr] {
        assert!(stderr.contains("trying again for up to 60 s"), "{stderr}");
    }
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
