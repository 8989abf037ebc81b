//! Vault's variables in their two spellings.

use snapline_http::Environment;

use crate::Error;

/// A variable that is set, under the name it was found by.
#[derive(Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its full name, for messages.
    pub name: String,
    /// Its value, which may be empty and may be a secret.
    pub value: String,
}

/// The variable `BAO_<name>`, or `VAULT_<name>` where that is not set. An empty `BAO_<name>` is set and wins, as in OpenBao
/// (`api/env.go`).
///
/// # Errors
/// [`Kind::Config`](snapline_http::Kind::Config) for a value that is not UTF-8.
pub fn variable(environment: Environment<'_>, name: &str) -> Result<Option<Variable>, Error> {
    for prefix in ["BAO_", "VAULT_"] {
        let name = format!("{prefix}{name}");
        if let Some(value) = environment(&name) {
            return match value.into_string() {
                Ok(value) => Ok(Some(Variable { name, value })),
                Err(_) => Err(Error::config(format!("read {name}: it is not UTF-8"))),
            };
        }
    }
    Ok(None)
}

/// The same for a setting that is no secret: there an empty value means that it is not set.
pub(crate) fn setting(environment: Environment<'_>, name: &str) -> Result<Option<Variable>, Error> {
    Ok(variable(environment, name)?.filter(|variable| !variable.value.is_empty()))
}

/// A setting that is on or off, in the words of Go's `strconv.ParseBool`; off where it is not set.
pub(crate) fn flag(environment: Environment<'_>, name: &str) -> Result<bool, Error> {
    let Some(found) = setting(environment, name)? else {
        return Ok(false);
    };
    match found.value.as_str() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        other => Err(Error::config(format!(
            "read {}: '{other}' is neither true nor false",
            found.name
        ))),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::ffi::OsString;
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    /// An environment of these variables.
    pub(crate) fn environment(variables: &[(&str, &str)]) -> impl Fn(&str) -> Option<OsString> + use<> {
        let variables: Vec<(String, String)> = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        move |wanted| {
            variables
                .iter()
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| OsString::from(value))
        }
    }

    #[test]
    fn the_bao_name_comes_first_even_when_empty() {
        let find = |variables: &[(&str, &str)]| {
            let found = variable(&environment(variables), "ADDR").unwrap();
            found.map(|found| format!("{}={}", found.name, found.value))
        };
        let vault = ("VAULT_ADDR", "v");
        assert_eq!(find(&[]), None);
        assert_eq!(find(&[vault]).as_deref(), Some("VAULT_ADDR=v"));
        assert_eq!(find(&[vault, ("BAO_ADDR", "b")]).as_deref(), Some("BAO_ADDR=b"));
        assert_eq!(find(&[vault, ("BAO_ADDR", "")]).as_deref(), Some("BAO_ADDR="));
    }

    #[test]
    fn a_value_that_is_not_text_is_an_error_that_names_the_variable() {
        let find = |name: &str| (name == "VAULT_TOKEN").then(|| OsString::from_vec(vec![0xff]));
        let error = variable(&find, "TOKEN").err().unwrap();
        assert!(error.to_string().contains("VAULT_TOKEN"), "{error}");
    }
}
