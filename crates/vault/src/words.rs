//! A server's own words, fit for one line of ours.

use serde::Deserialize;

use crate::Secret;

/// More of a message than this, in characters, helps nobody.
const LONGEST: usize = 400;

/// Vault's and OpenBao's form of an error.
#[derive(Deserialize)]
struct Errors {
    errors: Vec<String>,
}

/// What a reply's body says about why: the messages of `{"errors":[…]}`, or the text as it is; on one line, bounded. A
/// secret that a server sends back is blotted out.
pub(crate) fn of(body: &str, secrets: &[&Secret]) -> String {
    let text = match serde_json::from_str::<Errors>(body) {
        Ok(reply) => reply.errors.join("; "),
        Err(_) => body.to_owned(),
    };
    one_line(&text, secrets)
}

/// `text` on one line, bounded, without the `secrets`.
pub(crate) fn one_line(text: &str, secrets: &[&Secret]) -> String {
    let secrets: Vec<_> = secrets.iter().map(|secret| secret.reveal()).collect();
    snapline_failure::one_line(&snapline_failure::blot(text, &secrets), LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_servers_errors_become_one_line() {
        let body = r#"{"errors":["2 errors occurred:\n\t* permission denied\n\t* invalid token\n\n"]}"#;
        assert_eq!(of(body, &[]), "2 errors occurred: * permission denied * invalid token");
        assert_eq!(of(r#"{"errors":["a","b"],"data":1}"#, &[]), "a; b");
        assert_eq!(of(r#"{"errors":[]}"#, &[]), "");
        assert_eq!(of("", &[]), "");
        assert_eq!(of("<html>\n  Bad\u{1b} Gateway", &[]), "<html> Bad\\u{1b} Gateway");
    }

    #[test]
    fn a_page_is_cut_and_a_secret_is_blotted_out() {
        assert!(of(&"ü ".repeat(10_000), &[]).chars().count() <= LONGEST + 1);
        let secret = Secret::token("hvs.secret").unwrap();
        assert_eq!(of("token hvs.secret is bad", &[&secret]), "token … is bad");
    }
}
