//! Text that is never shown.

use std::fmt;

/// A token, a role id, a secret id, a JWT, a password. It has no `Display`, and `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The longest token, in bytes.
    pub const LONGEST_TOKEN: usize = 4096;

    /// The longest role id or secret id, in bytes; the limit of Vault's own client (`api/auth/approle`).
    pub const LONGEST_ID: usize = 1000;

    /// The longest JWT, in bytes. Those with many groups grow to some kilobytes.
    pub const LONGEST_JWT: usize = 64 * 1024;

    /// The longest password, in bytes.
    pub const LONGEST_PASSWORD: usize = 1000;

    /// A token: 1 to [`LONGEST_TOKEN`](Self::LONGEST_TOKEN) bytes of printable ASCII without blanks. Vault's client refuses
    /// others as well (`validateToken`): most often a newline came along.
    ///
    /// # Errors
    /// The cause in words, which do not show the text.
    pub fn token(text: impl Into<String>) -> Result<Self, &'static str> {
        let text = text.into();
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.len() > Self::LONGEST_TOKEN {
            return Err("it is longer than 4096 bytes, which no token is");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("it holds a blank, a line break or another character that no token has");
        }
        Ok(Self(text))
    }

    /// A role id or a secret id: 1 to [`LONGEST_ID`](Self::LONGEST_ID) bytes on one line. Operators may choose them freely,
    /// so nothing else is demanded.
    ///
    /// # Errors
    /// The cause in words, which do not show the text.
    pub fn id(text: impl Into<String>) -> Result<Self, &'static str> {
        let text = text.into();
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.len() > Self::LONGEST_ID {
            return Err("it is longer than 1000 bytes, which no role id or secret id is");
        }
        if text.contains(char::is_control) {
            return Err("it holds a line break or another control character");
        }
        Ok(Self(text))
    }

    /// A JSON Web Token: 1 to [`LONGEST_JWT`](Self::LONGEST_JWT) bytes of printable ASCII without blanks, as base64url
    /// parts and dots are (RFC 7519, 3).
    ///
    /// # Errors
    /// The cause in words, which do not show the text.
    pub fn jwt(text: impl Into<String>) -> Result<Self, &'static str> {
        let text = text.into();
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.len() > Self::LONGEST_JWT {
            return Err("it is longer than 64 KiB, which no JWT is");
        }
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("it holds a blank, a line break or another character that no JWT has");
        }
        Ok(Self(text))
    }

    /// A password: 1 to [`LONGEST_PASSWORD`](Self::LONGEST_PASSWORD) bytes on one line. An empty one is refused because a
    /// directory server may take it for an anonymous login, which succeeds (RFC 4513, 5.1.2).
    ///
    /// # Errors
    /// The cause in words, which do not show the text.
    pub fn password(text: impl Into<String>) -> Result<Self, &'static str> {
        let text = text.into();
        if text.is_empty() {
            return Err("it is empty");
        }
        if text.len() > Self::LONGEST_PASSWORD {
            return Err("it is longer than 1000 bytes, which no password is");
        }
        if text.contains(char::is_control) {
            return Err("it holds a line break or another control character");
        }
        Ok(Self(text))
    }

    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_does_not_show_it() {
        assert!(!format!("{:?}", Secret::token("hvs.abc").unwrap()).contains("abc"));
    }

    #[test]
    fn a_token_is_printable_ascii_without_blanks() {
        assert!(Secret::token("hvs.CAESI-_x").is_ok());
        assert!(Secret::token("a".repeat(4096)).is_ok());
        for text in ["", "a b", "a\n", "\ta", "ä", "a\u{7f}", &"a".repeat(4097)] {
            assert!(Secret::token(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_jwt_may_be_longer_than_a_token_and_a_password_may_hold_blanks() {
        assert!(Secret::jwt("a.b_-".repeat(10_000)).is_ok());
        for text in ["", "a b", "a\n", "ä", &"a".repeat(64 * 1024 + 1)] {
            assert!(Secret::jwt(text).is_err(), "{text:?}");
        }
        assert!(Secret::password(" correct horse ä ").is_ok());
        for text in ["", "a\r", "a\nb", &"a".repeat(1001)] {
            assert!(Secret::password(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_id_is_any_line_of_up_to_1000_bytes() {
        assert!(Secret::id("my role ä").is_ok());
        assert!(Secret::id("a".repeat(1000)).is_ok());
        for text in ["", "a\n", "a\nb", &"a".repeat(1001)] {
            assert!(Secret::id(text).is_err(), "{text:?}");
        }
    }
}
