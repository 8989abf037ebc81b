//! Stands in for the one part of a Kubernetes API server that Vault's kubernetes method calls: TokenReview
//! (`authentication.k8s.io/v1`). The Vault that calls it is real.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::{Value, json};

use crate::container::gateway;

const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// The stand-in, on an address that containers reach; ends when dropped.
pub struct TokenReview {
    url: String,
    accounts: Accounts,
    ended: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Tokens that are good, each with the account it belongs to.
type Accounts = Arc<Mutex<Vec<(String, String)>>>;

impl TokenReview {
    /// Answers whoever shows `reviewer` as bearer token.
    #[must_use]
    pub fn start(reviewer: &str) -> Self {
        let listener = TcpListener::bind((gateway(), 0)).expect("listen where containers reach it");
        let url = format!("http://{}", listener.local_addr().expect("know the own address"));
        let accounts = Accounts::default();
        let ended = Arc::new(AtomicBool::new(false));
        let thread = std::thread::spawn({
            let (reviewer, accounts, ended) = (format!("Bearer {reviewer}"), Arc::clone(&accounts), Arc::clone(&ended));
            move || {
                for stream in listener.incoming().flatten() {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    answer(stream, &reviewer, &accounts);
                }
            }
        });
        Self {
            url,
            accounts,
            ended,
            thread: Some(thread),
        }
    }

    /// Where it is, for `kubernetes_host`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// From now on `token` is that of the account `system:serviceaccount:<namespace>:<name>`.
    pub fn accept(&self, token: &str, account: &str) {
        self.accounts
            .lock()
            .expect("no panic elsewhere")
            .push((token.to_owned(), account.to_owned()));
    }
}

impl Drop for TokenReview {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        // So that the loop looks.
        let _ = TcpStream::connect(self.url.trim_start_matches("http://"));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// One request on a connection; a caller that goes away is no failure here.
fn answer(mut stream: TcpStream, reviewer: &str, accounts: &Accounts) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let header = |name: &str| {
        let mut lines = head.iter().filter_map(|line| line.split_once(": "));
        lines
            .find(|(found, _)| found.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.to_owned())
    };
    let length = header("content-length")
        .and_then(|value| value.parse().ok())
        .unwrap_or(0);
    let mut body = String::new();
    if reader.take(length).read_to_string(&mut body).is_err() {
        return;
    }
    let asked = head
        .first()
        .is_some_and(|line| line.starts_with(&format!("POST {PATH} ")));
    let (status, reply) = if !asked {
        ("404 Not Found", Value::Null)
    } else if header("authorization").as_deref() != Some(reviewer) {
        ("401 Unauthorized", Value::Null)
    } else {
        ("201 Created", review(&body, accounts))
    };
    let reply = reply.to_string();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{reply}",
        reply.len()
    );
}

fn review(body: &str, accounts: &Accounts) -> Value {
    let asked: Value = serde_json::from_str(body).unwrap_or_default();
    let token = asked["spec"]["token"].as_str().unwrap_or_default();
    let accounts = accounts.lock().expect("no panic elsewhere");
    let status = match accounts.iter().find(|(good, _)| good == token) {
        Some((_, account)) => json!({
            "authenticated": true,
            "user": {"username": account, "uid": "1", "groups": ["system:serviceaccounts"]},
            "audiences": asked["spec"]["audiences"],
        }),
        None => json!({"authenticated": false, "error": "[invalid bearer token, token has expired]"}),
    };
    json!({"kind": "TokenReview", "apiVersion": "authentication.k8s.io/v1", "status": status})
}
