//! What nodes say about themselves, against a scripted listener.

#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/scripted.rs"]
mod scripted;

use std::time::{Duration, Instant};

use scripted::{Server, closed, reply};
use snapline_vault::{Address, Client, Options, Settings, Standing};

const LIMIT: Duration = Duration::from_secs(5);

fn client(addresses: &[&str], options: Options) -> Client {
    let options = Options {
        addresses: addresses.iter().map(|address| (*address).to_owned()).collect(),
        ..options
    };
    Client::new(Settings::new(&options, &|_| None, "test/1").unwrap())
}

fn node(health: (&'static str, &'static str), seal: &'static str, leader: (&'static str, &'static str)) -> Server {
    Server::start(move |seen, _, stream| match seen.line.as_str() {
        "GET /v1/sys/health" => reply(stream, health.0, "", health.1),
        "GET /v1/sys/seal-status" => reply(stream, "200 OK", "", seal),
        "GET /v1/sys/leader" => reply(stream, leader.0, "", leader.1),
        _ => reply(stream, "404 Not Found", "", ""),
    })
}

const ACTIVE: &str = r#"{"initialized":true,"sealed":false,"standby":false,"version":"1.21.0","cluster_name":"vault-cluster-1","cluster_id":"c1"}"#;
const SHAMIR: &str =
    r#"{"type":"shamir","initialized":true,"sealed":false,"t":3,"n":5,"recovery_seal":false,"storage_type":"raft"}"#;
const LEADS: &str = r#"{"ha_enabled":true,"is_self":true,"leader_address":"http://a:8200","raft_committed_index":593,"raft_applied_index":592}"#;

#[test]
fn a_node_tells_what_it_is_without_a_token() {
    let server = node(("200 OK", ACTIVE), SHAMIR, ("200 OK", LEADS));
    let states = client(&[&server.url], Options::default()).nodes(LIMIT);
    assert_eq!(
        states[0].to_string(),
        "active, Vault 1.21.0, cluster 'vault-cluster-1' (c1), seal shamir with 3 of 5 shares, index 592"
    );
    assert!(states[0].is_active());
    assert_eq!(states[0].leader.as_ref().unwrap().committed(), 593);
    for seen in server.seen() {
        assert_eq!(seen.header("x-vault-token"), None);
        assert_eq!(seen.header("x-vault-request"), Some("true"));
    }
}

#[test]
fn a_sealed_node_and_one_of_openbao_that_leaves_out_what_is_empty_are_understood() {
    let sealed = node(
        (
            "503 Service Unavailable",
            r#"{"initialized":true,"sealed":true,"standby":true,"version":"1.21.0"}"#,
        ),
        r#"{"type":"transit","t":2,"n":3,"recovery_seal":true}"#,
        ("503 Service Unavailable", r#"{"errors":["Vault is sealed"]}"#),
    );
    let fresh = node(
        (
            "501 Not Implemented",
            r#"{"initialized":false,"sealed":true,"standby":true,"version":"2.4.0"}"#,
        ),
        r#"{"type":"shamir","t":0,"n":0}"#,
        ("200 OK", r#"{"ha_enabled":true}"#),
    );
    let states = client(&[&sealed.url, &fresh.url], Options::default()).nodes(LIMIT);
    assert_eq!(
        states[0].to_string(),
        "sealed, Vault 1.21.0, seal transit with a recovery key of 2 of 3 shares"
    );
    assert!(!states[0].is_unsealed() && states[0].leader.is_none());
    assert_eq!(states[1].to_string(), "not initialised, OpenBao 2.4.0, seal shamir");
}

#[test]
fn what_is_no_node_is_silent_with_a_reason() {
    let page = Server::start(|_, _, stream| reply(stream, "200 OK", "", "<html>Welcome</html>"));
    let quota = Server::start(|_, _, stream| reply(stream, "429 Too Many Requests", "", r#"{"errors":["slow down"]}"#));
    let moved = Server::start(|_, _, stream| reply(stream, "307 Temporary Redirect", "Location: http://x/\r\n", ""));
    let nowhere = closed();
    let states = client(&[&page.url, &quota.url, &moved.url, &nowhere], Options::default()).nodes(LIMIT);
    let reasons = [
        "status 200",
        "slow down",
        "status 307 for sys/health: it points to 'http://x/'",
        "connection refused",
    ];
    for (state, reason) in states.iter().zip(reasons) {
        let Standing::Silent(error) = &state.standing else {
            panic!("{state}");
        };
        assert!(error.to_string().contains(reason), "{error}");
        assert_eq!(state.to_string(), "unknown");
    }
    assert_eq!(
        moved.lines().len(),
        1,
        "nobody follows a redirect to learn about another node"
    );
}

#[test]
fn slow_nodes_are_asked_at_the_same_time_and_given_up_after_the_limit() {
    let slow = || Server::start(|_, _, _| std::thread::sleep(Duration::from_secs(30)));
    let (first, second) = (slow(), slow());
    let start = Instant::now();
    let states = client(&[&first.url, &second.url], Options::default()).nodes(Duration::from_secs(2));
    assert!(start.elapsed() < Duration::from_millis(3900), "{:?}", start.elapsed());
    assert!(states.iter().all(|state| matches!(state.standing, Standing::Silent(_))));
}

#[test]
fn the_leader_is_gone_to_by_the_rules_of_redirects() {
    let address = |text| Address::new(text, "a test").unwrap();
    let plain = client(&["http://a:8200"], Options::default());
    let found = plain.leader_at(&address("http://a:8200"), "http://b:8200/").unwrap();
    assert_eq!(found.to_string(), "http://b:8200");
    let error = plain
        .leader_at(&address("https://a:8200"), "http://b:8200")
        .unwrap_err();
    assert!(error.to_string().contains("from https to http"), "{error}");
    let error = plain.leader_at(&address("http://a:8200"), "ftp://b").unwrap_err();
    assert!(error.to_string().contains("no http or https URL"), "{error}");
    let options = Options {
        disable_redirects: true,
        ..Options::default()
    };
    let error = client(&["http://a:8200"], options)
        .leader_at(&address("http://a:8200"), "http://b")
        .unwrap_err();
    assert!(error.to_string().contains("redirects are disabled"), "{error}");

    let both = client(&["http://a:8200", "http://b:8200"], Options::default()).beginning_with(found);
    let order: Vec<String> = both.addresses().iter().map(ToString::to_string).collect();
    assert_eq!(order, ["http://b:8200", "http://a:8200"]);
}
