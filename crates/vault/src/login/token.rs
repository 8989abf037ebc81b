//! A token that is there already: only looked up.

use std::time::Duration;

use http::Method;
use serde::Deserialize;
use snapline_http::Kind;

use super::read;
use crate::call::{Call, Purpose};
use crate::{Client, Error, Login, Namespace, Secret};

#[derive(Deserialize)]
struct Answer {
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    policies: Option<Vec<String>>,
    #[serde(default)]
    ttl: u64,
}

/// Asks the server whether `token` is valid: `GET auth/token/lookup-self`.
///
/// # Errors
/// [`Kind::Refused`] if it is not, or may not even ask; [`Kind::Unavailable`] and [`Kind::Data`] if no answer came, or none
/// of Vault.
pub fn look_up(client: &Client, token: Secret, namespace: Option<&Namespace>) -> Result<Login, Error> {
    let call = Call {
        purpose: Purpose::LookUp,
        method: Method::GET,
        path: "auth/token/lookup-self".to_owned(),
        token: Some(&token),
        namespace,
        body: None,
        secrets: vec![&token],
        deadline: None,
    };
    let reply = client.send(&call, &mut client.tries())?;
    let (url, text) = read(reply, call.purpose)?;
    // A parser's own message is not passed on: the reply repeats the token.
    let answer: Answer = serde_json::from_str(&text).map_err(|_| {
        let message = format!("look the token up at '{url}': the reply is none of a lookup; is this Vault?");
        Error::new(Kind::Data, message)
    })?;
    Ok(Login {
        token,
        policies: answer.data.policies.unwrap_or_default(),
        ttl: Duration::from_secs(answer.data.ttl),
    })
}
