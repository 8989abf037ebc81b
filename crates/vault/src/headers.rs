//! Headers that a user wants in every request, for whatever stands in front of the server.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use snapline_http::Environment;

use crate::Error;
use crate::variable::setting;

/// `VAULT_HEADERS`: a JSON object of strings. Names that begin with `X-Vault-` are Vault's own and refused, as in its
/// `api/client.go`. Values may be secrets, so no message shows one.
pub(crate) fn headers(environment: Environment<'_>) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    let Some(found) = setting(environment, "HEADERS")? else {
        return Ok(headers);
    };
    let failed = |cause: &str| Error::config(format!("read {}: {cause}", found.name));
    let pairs: BTreeMap<String, String> = serde_json::from_str(&found.value)
        .map_err(|_| failed("it is no JSON object of strings, such as {\"X-Route\": \"backup\"}"))?;
    for (name, value) in pairs {
        if name.to_ascii_lowercase().starts_with("x-vault-") {
            return Err(failed(&format!(
                "'{name}' begins with X-Vault-, which is left to the options of their own"
            )));
        }
        let header = HeaderName::from_bytes(name.as_bytes())
            .map_err(|_| failed(&format!("'{}' is no name of a header", name.escape_debug())))?;
        let mut value = HeaderValue::from_str(&value)
            .map_err(|_| failed(&format!("the value of '{name}' is none that a header can have")))?;
        value.set_sensitive(true);
        headers.append(header, value);
    }
    Ok(headers)
}
