//! What must not be seen, taken out of a text.

/// What stands for it.
const BLOT: char = '…';

/// A server may quote the beginning of a long secret only. So many characters of one are one, in bytes.
const TELLING: usize = 16;

/// A shorter one protects nothing, and would blot out parts of words.
const SHORTEST: usize = 4;

/// `text` without the `secrets`: each of 4 bytes and more is blotted out, and so is the beginning of a long one.
pub fn blot(text: &str, secrets: &[&str]) -> String {
    let mut blotted = text.to_owned();
    for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST) {
        let telling = secret.get(..TELLING).unwrap_or(secret);
        let mut rest = blotted.as_str();
        let mut clean = String::with_capacity(rest.len());
        while let Some((before, _)) = rest.split_once(telling) {
            let found = &rest[before.len()..];
            let same = found.chars().zip(secret.chars()).take_while(|(a, b)| a == b);
            let length: usize = same.map(|(character, _)| character.len_utf8()).sum();
            clean.push_str(before);
            clean.push(BLOT);
            rest = &found[length..];
        }
        clean.push_str(rest);
        blotted = clean;
    }
    blotted
}

/// An address as it was given, without the user name and the password in it. It need not be a URL: a password may be what keeps
/// it from being one.
pub fn without_password(address: &str) -> String {
    let begin = address.find("://").map_or(0, |scheme| scheme + 3);
    match address.rfind('@') {
        Some(end) if end >= begin => format!("{}{BLOT}{}", &address[..begin], &address[end..]),
        Some(end) => format!("{BLOT}{}", &address[end..]),
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn secrets_and_beginnings_of_long_ones_are_blotted_out() {
        let long = "FwoGZXIvYXdzEJr//////////wEaDAbCdEfGhIjKlMnOp";
        for (text, expected) in [
            ("the token hvs.1 is bad", "the token … is bad"),
            ("hvs.1hvs.1", "……"),
            (
                "hvs. is kept, and so are words with k",
                "hvs. is kept, and so are words with k",
            ),
            (&format!("'{long}' has expired"), "'…' has expired"),
            (&format!("{}... has expired", &long[..20]), "…... has expired"),
            (&long[..15], &long[..15]),
        ] {
            assert_eq!(blot(text, &["hvs.1", long, "", "k"]), expected);
        }
    }

    #[test]
    fn an_address_is_shown_without_its_password() {
        for (address, expected) in [
            ("https://vault:8200", "https://vault:8200"),
            ("https://me:pass@vault:8200", "https://…@vault:8200"),
            ("https://me:p@ss/w?rd@vault:99999", "https://…@vault:99999"),
            ("me:pass@vault", "…@vault"),
            ("me:pass@https://vault", "…@https://vault"),
            ("", ""),
        ] {
            assert_eq!(without_password(address), expected);
        }
    }

    proptest! {
        #[test]
        fn nothing_of_a_secret_is_left(before in ".{0,20}", secret in "[a-z]{4,40}", after in ".{0,20}") {
            let blotted = blot(&format!("{before}{secret}{after}"), &[&secret]);
            prop_assert!(!blotted.contains(&secret));
        }
    }
}
