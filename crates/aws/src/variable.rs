//! Variables of the environment.

use snapline_http::Environment;

use crate::Error;

/// A variable that says how something is done: empty counts as not set, as for `aws`.
pub(crate) fn setting(environment: Environment<'_>, name: &str) -> Result<Option<String>, Error> {
    let Some(value) = environment(name) else {
        return Ok(None);
    };
    let value = value
        .into_string()
        .map_err(|_| Error::config(format!("read {name}"), "it is not UTF-8"))?;
    Ok((!value.is_empty()).then_some(value))
}

/// A variable that says who we are: set but empty is an error, never a fall-through to another identity.
pub(crate) fn identity(environment: Environment<'_>, name: &str) -> Result<Option<String>, Error> {
    match (environment(name), setting(environment, name)?) {
        (Some(_), None) => Err(Error::config("find credentials", format!("{name} is set but empty"))),
        (_, value) => Ok(value),
    }
}

/// Whether a variable says yes, in any case, as for AWS's tools.
pub(crate) fn is_true(environment: Environment<'_>, name: &str) -> Result<bool, Error> {
    Ok(setting(environment, name)?.is_some_and(|value| value.eq_ignore_ascii_case("true")))
}

/// `true` or `false` in any case, which `source` gave.
pub(crate) fn yes_or_no(value: &str, source: &str) -> Result<bool, Error> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => {
            let cause = format!("'{value}' is neither true nor false");
            Err(Error::config(format!("read {source}"), cause))
        }
    }
}
