//! Stands in for the one part of a Kubernetes API server that Vault's kubernetes method calls: TokenReview
//! (`authentication.k8s.io/v1`). The Vault that calls it is real.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::container::Container;
use crate::stand_in::{Reply, Request, StandIn};

const PATH: &str = "/apis/authentication.k8s.io/v1/tokenreviews";

/// The stand-in, on an address that containers reach; ends when dropped.
pub struct TokenReview {
    server: StandIn,
    accounts: Accounts,
}

/// Tokens that are good, each with the account it belongs to.
type Accounts = Arc<Mutex<Vec<(String, String)>>>;

impl TokenReview {
    /// Answers `caller` where it shows `reviewer` as bearer token.
    #[must_use]
    pub fn start(caller: &Container, reviewer: &str) -> Self {
        let accounts = Accounts::default();
        let server = StandIn::start(&caller.gateway(), {
            let (reviewer, accounts) = (format!("Bearer {reviewer}"), Arc::clone(&accounts));
            move |request| answer(request, &reviewer, &accounts)
        });
        Self { server, accounts }
    }

    /// Where it is, for `kubernetes_host`.
    pub fn url(&self) -> &str {
        self.server.url()
    }

    /// From now on `token` is that of the account `system:serviceaccount:<namespace>:<name>`.
    pub fn accept(&self, token: &str, account: &str) {
        self.accounts
            .lock()
            .expect("no panic elsewhere")
            .push((token.to_owned(), account.to_owned()));
    }
}

fn answer(request: &Request, reviewer: &str, accounts: &Accounts) -> Reply {
    let (status, body) = if (request.method.as_str(), request.path.as_str()) != ("POST", PATH) {
        ("404 Not Found", Value::Null)
    } else if request.header("authorization") != Some(reviewer) {
        ("401 Unauthorized", Value::Null)
    } else {
        ("201 Created", review(&request.body, accounts))
    };
    Reply {
        status,
        kind: "application/json",
        body: body.to_string(),
    }
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
