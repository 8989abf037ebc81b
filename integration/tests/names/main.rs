//! How the static programs find a server by its name, where the name servers are as pods have them. Each test runs in a network and a
//! mount namespace of its own, with its own `/etc/resolv.conf`.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod name_server;

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use name_server::{Answer, Family, NOTIMP, NXDOMAIN, NameServer, REFUSED, SERVFAIL};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, listen, socket_with};
use snapline_integration::program::Environment;
use snapline_integration::running::Outcome;

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// Says to a test that it is in its namespace.
const INSIDE: &str = "SNAPLINE_INSIDE";
const SEARCH: &str = "search backup.svc.cluster.local svc.cluster.local cluster.local corp.example\noptions ndots:5\n";
const LOGIN: &str = r#"{"auth":{"client_token":"hvs.found","policies":["p"],"lease_duration":900}}"#;

/// Whether this is the namespace of the test called `name`; if not, the test is run again there.
fn is_inside(name: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("resolv.conf");
    fs::write(&file, "").unwrap();
    let script = format!(
        "ip link set lo up && mount --bind '{}' {RESOLV_CONF} && exec \"$0\" --exact {name} --nocapture",
        file.display()
    );
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    let status = command
        .args(["--net", "--mount", "sh", "-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(INSIDE, "1")
        .status()
        .unwrap();
    assert!(status.success(), "in the namespace: {status}");
    false
}

/// Logs in at `host`, and says how long that took.
fn log_in(host: &str) -> (Outcome, Duration) {
    let environment = Environment::new()
        .set("VAULT_ADDR", &format!("http://{host}:8200"))
        .set("VAULT_APPROLE_ROLE_ID", "role")
        .set("VAULT_APPROLE_SECRET_ID", "secret")
        .set("VAULT_MAX_RETRIES", "0");
    let start = Instant::now();
    let outcome = environment.run("vault-login", &[], b"");
    (outcome, start.elapsed())
}

/// A server for logins at `address`; what comes out is the `Host` of each.
fn vault(address: &str) -> Receiver<String> {
    let listener = TcpListener::bind(address).unwrap();
    let (sender, hosts) = channel();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut request = String::new();
            let mut buffer = [0; 4096];
            while !request.contains("secret_id") {
                match stream.read(&mut buffer) {
                    Ok(count) if count > 0 => request.push_str(&String::from_utf8_lossy(&buffer[..count])),
                    _ => break,
                }
            }
            let host = request
                .lines()
                .find_map(|line| line.to_lowercase().strip_prefix("host: ").map(str::to_owned));
            // Somebody who only connects, and goes away, has no host.
            if let Some(host) = host {
                sender.send(host).unwrap();
                let length = LOGIN.len();
                let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{LOGIN}");
            }
        }
    });
    hosts
}

type Rule = fn(&str, Family) -> Answer;

/// `name` has an IPv4 address; `six` is answered where its IPv6 address is asked for, `else_` to everything else.
fn only(name: &'static str, six: Answer, other: Answer) -> impl Fn(&str, Family) -> Answer {
    move |asked, family| match family {
        _ if asked != name => other,
        Family::V4 => Answer::Here,
        Family::V6 => six,
    }
}

#[test]
fn a_name_is_found_whatever_the_search_domains_and_the_ipv6_lookup_answer() {
    if !is_inside("a_name_is_found_whatever_the_search_domains_and_the_ipv6_lookup_answer") {
        return;
    }
    let hosts = vault("127.0.0.1:8200");
    let names = NameServer::start();
    let outside = "vault.example.com";
    let variants: &[(&str, &str, Rule)] = &[
        ("all is well", outside, |name, family| {
            only("vault.example.com", Answer::Empty, NXDOMAIN)(name, family)
        }),
        ("a search domain answers SERVFAIL", outside, |name, family| {
            if name.ends_with("corp.example") {
                return SERVFAIL;
            }
            only("vault.example.com", Answer::Empty, NXDOMAIN)(name, family)
        }),
        ("a search domain answers REFUSED", outside, |name, family| {
            if name.ends_with("corp.example") {
                return REFUSED;
            }
            only("vault.example.com", Answer::Empty, NXDOMAIN)(name, family)
        }),
        ("every search domain answers SERVFAIL", outside, |name, family| {
            only("vault.example.com", Answer::Empty, SERVFAIL)(name, family)
        }),
        ("AAAA is answered SERVFAIL", outside, |name, family| {
            only("vault.example.com", SERVFAIL, NXDOMAIN)(name, family)
        }),
        ("AAAA is answered NOTIMP", outside, |name, family| {
            only("vault.example.com", NOTIMP, NXDOMAIN)(name, family)
        }),
        ("AAAA is answered NXDOMAIN", outside, |name, family| {
            only("vault.example.com", NXDOMAIN, NXDOMAIN)(name, family)
        }),
        ("AAAA is answered REFUSED", outside, |name, family| {
            only("vault.example.com", REFUSED, NXDOMAIN)(name, family)
        }),
        (
            "a search domain and AAAA are answered SERVFAIL",
            outside,
            |name, family| only("vault.example.com", SERVFAIL, SERVFAIL)(name, family),
        ),
        (
            "a service's name behind a search domain that answers SERVFAIL",
            "vault.vault.svc",
            |name, family| {
                if name.ends_with("svc.svc.cluster.local") {
                    return SERVFAIL;
                }
                only("vault.vault.svc.cluster.local", NXDOMAIN, NXDOMAIN)(name, family)
            },
        ),
        (
            "a service's name behind one that answers REFUSED, and AAAA NOTIMP",
            "vault.vault.svc",
            |name, family| {
                if name.ends_with("backup.svc.cluster.local") {
                    return REFUSED;
                }
                only("vault.vault.svc.cluster.local", NOTIMP, NXDOMAIN)(name, family)
            },
        ),
        ("a dot at the end", "vault.example.com.", |name, family| {
            only("vault.example.com", SERVFAIL, SERVFAIL)(name, family)
        }),
    ];
    for (variant, host, rule) in variants {
        fs::write(RESOLV_CONF, format!("nameserver {}\n{SEARCH}", name_server::ADDRESS)).unwrap();
        names.answer(*rule);
        let (outcome, took) = log_in(host);
        println!(
            "{variant}: {} after {took:.1?} {}",
            outcome.status,
            outcome.stderr.trim()
        );
        assert_eq!((outcome.status, outcome.text()), (0, "hvs.found\n"), "{variant}");
        assert!(took < Duration::from_secs(3), "{variant}: {took:?}");
        // What the name became is the resolver's affair alone.
        assert_eq!(
            hosts.recv().unwrap(),
            format!("{}:8200", host.trim_end_matches('.')),
            "{variant}"
        );
    }
}

#[test]
fn a_name_is_found_where_nobody_answers_for_ipv6() {
    if !is_inside("a_name_is_found_where_nobody_answers_for_ipv6") {
        return;
    }
    let _hosts = vault("127.0.0.1:8200");
    let names = NameServer::start();
    fs::write(
        RESOLV_CONF,
        format!("nameserver {}\noptions timeout:2\n", name_server::ADDRESS),
    )
    .unwrap();
    names.answer(only("vault.example.com", Answer::Silence, NXDOMAIN));
    let (outcome, took) = log_in("vault.example.com");
    println!("{} after {took:.1?} {}", outcome.status, outcome.stderr);
    assert_eq!(outcome.status, 0);
    assert!(took < Duration::from_secs(9), "{took:?}");
}

#[test]
fn a_name_that_nobody_has_is_69_and_the_next_address_is_asked() {
    if !is_inside("a_name_that_nobody_has_is_69_and_the_next_address_is_asked") {
        return;
    }
    let _hosts = vault("127.0.0.1:8200");
    let names = NameServer::start();
    fs::write(RESOLV_CONF, format!("nameserver {}\n{SEARCH}", name_server::ADDRESS)).unwrap();
    names.answer(only("vault-1.vault.svc.cluster.local", Answer::Empty, NXDOMAIN));
    let (outcome, took) = log_in("vault-0.vault.svc");
    assert_eq!(outcome.status, 69, "{}", outcome.stderr);
    assert!(
        outcome
            .stderr
            .contains("the name 'vault-0.vault.svc' cannot be resolved"),
        "{}",
        outcome.stderr
    );
    assert!(took < Duration::from_secs(3), "{took:?}");
    let environment = Environment::new()
        .set("VAULT_APPROLE_ROLE_ID", "role")
        .set("VAULT_APPROLE_SECRET_ID", "secret");
    let both = [
        "--address",
        "http://vault-0.vault.svc:8200",
        "--address",
        "http://vault-1.vault.svc:8200",
    ];
    environment.run("vault-login", &both, b"").expect(0);
}

#[test]
fn a_name_that_is_there_a_moment_later_is_found() {
    if !is_inside("a_name_that_is_there_a_moment_later_is_found") {
        return;
    }
    let _hosts = vault("127.0.0.1:8200");
    let names = NameServer::start();
    fs::write(RESOLV_CONF, format!("nameserver {}\n{SEARCH}", name_server::ADDRESS)).unwrap();
    // A pod of a StatefulSet has no name before it is ready, nor have the services of a node that has just started.
    let ready = Instant::now() + Duration::from_millis(300);
    names.answer(move |name, family| {
        if Instant::now() < ready {
            return NXDOMAIN;
        }
        only("vault.example.com", Answer::Empty, NXDOMAIN)(name, family)
    });
    let environment = Environment::new()
        .set("VAULT_ADDR", "http://vault.example.com:8200")
        .set("VAULT_APPROLE_ROLE_ID", "role")
        .set("VAULT_APPROLE_SECRET_ID", "secret")
        .set("VAULT_MAX_RETRIES", "9");
    environment.run("vault-login", &[], b"").expect(0);
}

/// An address that swallows packets, for as long as the sockets live: a listener whose queue is full.
fn swallowing(address: SocketAddr) -> Vec<OwnedFd> {
    let socket = |flags| {
        let family = if address.is_ipv6() {
            AddressFamily::INET6
        } else {
            AddressFamily::INET
        };
        socket_with(family, SocketType::STREAM, flags, None).unwrap()
    };
    let listener = socket(SocketFlags::empty());
    bind(&listener, &address).unwrap();
    listen(&listener, 0).unwrap();
    let mut held = vec![listener];
    // The kernel takes one or two more than it says.
    for _ in 0..4 {
        let client = socket(SocketFlags::NONBLOCK);
        let _ = connect(&client, &address);
        held.push(client);
    }
    held
}

#[test]
fn a_dead_ipv6_address_costs_a_quarter_of_a_second() {
    if !is_inside("a_dead_ipv6_address_costs_a_quarter_of_a_second") {
        return;
    }
    let _hosts = vault("127.0.0.1:8200");
    let _held = swallowing("[::1]:8200".parse().unwrap());
    let names = NameServer::start();
    fs::write(RESOLV_CONF, format!("nameserver {}\n", name_server::ADDRESS)).unwrap();
    names.answer(only("vault.example.com", Answer::Here, NXDOMAIN));
    let (outcome, took) = log_in("vault.example.com");
    println!("{} after {took:.1?} {}", outcome.status, outcome.stderr);
    assert_eq!(outcome.status, 0);
    assert!(took < Duration::from_secs(2), "{took:?}");
}

#[test]
fn a_dead_ipv4_address_beside_a_good_ipv6_one_costs_no_more() {
    if !is_inside("a_dead_ipv4_address_beside_a_good_ipv6_one_costs_no_more") {
        return;
    }
    let _hosts = vault("[::1]:8200");
    let _held = swallowing("127.0.0.1:8200".parse().unwrap());
    let names = NameServer::start();
    fs::write(RESOLV_CONF, format!("nameserver {}\n", name_server::ADDRESS)).unwrap();
    names.answer(only("vault.example.com", Answer::Here, NXDOMAIN));
    let (outcome, took) = log_in("vault.example.com");
    println!("{} after {took:.1?} {}", outcome.status, outcome.stderr);
    assert_eq!(outcome.status, 0);
    assert!(took < Duration::from_secs(2), "{took:?}");
}
