//! TLS as Vault's variables and options have it.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use snapline_failure::Fail as _;
use snapline_http::{Environment, Identity, Kind, Roots, Tls, TlsFailure, TransportError};

use crate::variable::{Variable, flag, setting};
use crate::{Error, Options};

/// What the options say, else the variables.
pub(crate) fn tls(options: &Options, environment: Environment<'_>) -> Result<Tls, Error> {
    let server_name = pick(options.tls_server_name.as_deref(), "--tls-server-name", || {
        setting(environment, "TLS_SERVER_NAME")
    })?;
    if let Some(Variable { name, value }) = &server_name
        && !Tls::is_server_name(value)
    {
        return Err(Error::config(format!(
            "read {name}: '{value}' is no name that a certificate can have"
        )));
    }
    Ok(Tls {
        roots: roots(options, environment)?,
        identity: identity(options, environment)?,
        server_name: server_name.map(|found| found.value),
        skip_verify: options.tls_skip_verify || flag(environment, "SKIP_VERIFY")?,
    })
}

/// Vault takes the first of file, text and folder, and that alone (`go-rootcerts`). OpenBao takes all of them, on top of the
/// system's (`api/rootcerts.go`); so do we as soon as one of them has an OpenBao name.
fn roots(options: &Options, environment: Environment<'_>) -> Result<Roots, Error> {
    if let Some(file) = &options.ca_cert {
        return Ok(Roots::Only(Arc::new(in_file(file, "--ca-cert")?)));
    }
    if let Some(folder) = &options.ca_path {
        return Ok(Roots::Only(Arc::new(in_folder(folder, "--ca-path")?)));
    }
    let file = setting(environment, "CACERT")?;
    let text = setting(environment, "CACERT_BYTES")?;
    let folder = setting(environment, "CAPATH")?;
    let mut found = [&file, &text, &folder].into_iter().flatten();
    let is_openbao = found.any(|found| found.name.starts_with("BAO_"));
    let mut all = Vec::new();
    if let Some(file) = &file {
        all.extend(in_file(&file.value, &file.name)?);
    }
    if let Some(text) = &text
        && (is_openbao || all.is_empty())
    {
        all.extend(Roots::read(text.value.as_bytes(), &text.name).map_err(|error| configured(&error))?);
    }
    if let Some(folder) = &folder
        && (is_openbao || all.is_empty())
    {
        all.extend(in_folder(&folder.value, &folder.name)?);
    }
    Ok(match (all.is_empty(), is_openbao) {
        (true, _) => Roots::System,
        (false, true) => Roots::Also(Arc::new(all)),
        (false, false) => Roots::Only(Arc::new(all)),
    })
}

type Certificates = Vec<snapline_http::Certificate>;

fn in_file(path: &str, source: &str) -> Result<Certificates, Error> {
    let shown = format!("'{path}' ({source})");
    Roots::read(&read(path, "certificates", source)?, &shown).map_err(|error| configured(&error))
}

/// The certificates of all files in a folder and those below it, or of the one file that the path names, as Vault's client has
/// it. Vault's client fails at whatever is no PEM file, and so at
/// the link `..data` of every Kubernetes volume; here names that begin with a dot and what is neither file nor folder are
/// passed over.
fn in_folder(path: &str, source: &str) -> Result<Certificates, Error> {
    if fs::metadata(path).is_ok_and(|found| found.is_file()) {
        return in_file(path, source);
    }
    let mut all = Vec::new();
    let mut folders = vec![PathBuf::from(path)];
    while let Some(folder) = folders.pop() {
        for entry in entries(&folder).map_err(|error| unreadable(&folder.display().to_string(), source, &error))? {
            let shown = entry.display().to_string();
            let is_link = entry.is_symlink();
            // Follows links: in a Kubernetes volume each file is one.
            let meta = fs::metadata(&entry).map_err(|error| unreadable(&shown, source, &error))?;
            if meta.is_dir() && !is_link {
                folders.push(entry);
            } else if meta.is_file() {
                all.extend(in_file(&shown, source)?);
            }
        }
    }
    if all.is_empty() {
        return Err(Error::config(format!(
            "read certificates from '{path}' ({source}): there is none"
        )));
    }
    Ok(all)
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            entries.push(entry.path());
        }
    }
    entries.sort();
    Ok(entries)
}

fn identity(options: &Options, environment: Environment<'_>) -> Result<Option<Identity>, Error> {
    let half = |given: &Option<String>, option: &str, name: &str, what: &str| {
        if let Some(path) = given {
            return Ok(Some((read(path, what, option)?, format!("'{path}' ({option})"))));
        }
        if let Some(found) = setting(environment, name)? {
            let shown = format!("'{}' ({})", found.value, found.name);
            return Ok(Some((read(&found.value, what, &found.name)?, shown)));
        }
        // OpenBao's.
        let text = setting(environment, &format!("{name}_BYTES"))?;
        Ok::<_, Error>(text.map(|found| (found.value.into_bytes(), found.name)))
    };
    let certificate = half(&options.client_cert, "--client-cert", "CLIENT_CERT", "certificates")?;
    let key = half(&options.client_key, "--client-key", "CLIENT_KEY", "the client's key")?;
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some((certificate, certificate_source)), Some((key, key_source))) => {
            Identity::from_pem(&certificate, &certificate_source, &key, &key_source)
                .map(Some)
                .map_err(|error| configured(&error))
        }
        (Some((_, source)), None) => Err(alone("certificate", &source, "key", "--client-key (VAULT_CLIENT_KEY)")),
        (None, Some((_, source))) => Err(alone(
            "key",
            &source,
            "certificate",
            "--client-cert (VAULT_CLIENT_CERT)",
        )),
    }
}

fn alone(there: &str, source: &str, missing: &str, option: &str) -> Error {
    Error::config(format!(
        "read the client certificate: there is a {there} from {source}, but no {missing}"
    ))
    .with_hint(Some(format!("{option} names its file")))
}

/// The option, else the variable; with the name of what supplied it.
fn pick(
    given: Option<&str>,
    option: &str,
    variable: impl FnOnce() -> Result<Option<Variable>, Error>,
) -> Result<Option<Variable>, Error> {
    match given {
        Some(value) => Ok(Some(Variable {
            name: option.to_owned(),
            value: value.to_owned(),
        })),
        None => variable(),
    }
}

fn read(path: &str, what: &str, source: &str) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::new(Kind::Io, format!("read {what} from '{path}' ({source}): {error}")))
}

fn unreadable(path: &str, source: &str, error: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("read certificates from '{path}' ({source}): {error}"))
}

fn configured(error: &TransportError) -> Error {
    Error::new(error.kind(), error.to_string()).with_hint(error.hint())
}

/// What a user may do about a request that did not get through.
pub(crate) fn hint(error: &TransportError) -> Option<&str> {
    error.tls().and_then(remedy).or_else(|| error.hint())
}

/// Which option helps against a failure of TLS, if one does.
fn remedy(failure: TlsFailure) -> Option<&'static str> {
    let remedy = match failure {
        TlsFailure::UnknownAuthority => {
            "--ca-cert (VAULT_CACERT) names a PEM file with the authority of the server's certificate"
        }
        TlsFailure::Intercepted => {
            "--ca-cert (VAULT_CACERT) names a PEM file with the proxy's authority; or list the server in NO_PROXY"
        }
        TlsFailure::WrongName => {
            "where the address cannot be changed, --tls-server-name (VAULT_TLS_SERVER_NAME) says which name to expect"
        }
        TlsFailure::Unsuitable => {
            "the server needs another certificate; until then, --tls-skip-verify (VAULT_SKIP_VERIFY) looks at none, and anyone \
             on the way can read and change everything"
        }
        TlsFailure::ClientCertificateMissing => {
            "--client-cert and --client-key (VAULT_CLIENT_CERT, VAULT_CLIENT_KEY) name the files of one"
        }
        TlsFailure::ClientCertificateRefused => {
            "is --client-cert (VAULT_CLIENT_CERT) from an authority that the listener's tls_client_ca_file has?"
        }
        _ => return failure.advice(),
    };
    Some(remedy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_of_tls_that_has_a_name_has_a_remedy() {
        for failure in TlsFailure::ALL {
            let is_named = failure != TlsFailure::Other;
            assert_eq!(remedy(failure).is_some(), is_named, "{failure:?}");
        }
    }
}
