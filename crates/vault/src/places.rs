//! Where a secret is looked for: a file that an option names, a variable, a file that a variable names.

use std::fs::File;
use std::io::Read as _;

use snapline_http::{Environment, Kind};

use crate::{Error, Secret, variable};

/// What a secret must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// As [`Secret::token`] says.
    Token,
    /// As [`Secret::id`] says.
    Id,
    /// As [`Secret::jwt`] says. White space around it in a file is cut: programs that write such files differ.
    Jwt,
    /// As [`Secret::password`] says.
    Password,
}

/// The places of one secret.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// What it is called in messages, for example `the secret id`.
    pub what: &'a str,
    /// What it must look like.
    pub form: Form,
    /// The option that names a file, and the file, if it was given.
    pub file: Option<(&'a str, &'a str)>,
    /// The variable without `BAO_` and `VAULT_`; with `_FILE` behind it names a file.
    pub variable: &'a str,
}

impl Places<'_> {
    /// Looks the secret up. The option beats both variables. A variable that is set and empty is an error: falling through
    /// would mean to act as somebody else. One trailing newline of a file is cut.
    ///
    /// # Errors
    /// [`Kind::Config`] if both variables are set, or what is found does not have the form; [`Kind::Io`] if a file cannot be
    /// read. Each says which option or variable it is about.
    pub fn find(&self, environment: Environment<'_>) -> Result<Option<Secret>, Error> {
        if let Some((option, path)) = self.file {
            return self.read(path, option).map(Some);
        }
        let value = variable(environment, self.variable)?;
        let file = variable(environment, &format!("{}_FILE", self.variable))?;
        match (value, file) {
            (None, None) => Ok(None),
            (Some(value), None) => self.check(value.value, &value.name).map(Some),
            (None, Some(file)) if file.value.is_empty() => Err(Error::config(format!(
                "read {} from {}: it is set, but empty",
                self.what, file.name
            ))),
            (None, Some(file)) => self.read(&file.value, &file.name).map(Some),
            (Some(value), Some(file)) => Err(Error::config(format!(
                "find {}: both {} and {} are set",
                self.what, value.name, file.name
            ))
            .with_hint(Some("unset one of them"))),
        }
    }

    fn read(&self, path: &str, source: &str) -> Result<Secret, Error> {
        let failed = |error: std::io::Error| {
            Error::new(
                Kind::Io,
                format!("read {} from '{path}' ({source}): {error}", self.what),
            )
        };
        let limit = match self.form {
            Form::Token => Secret::LONGEST_TOKEN,
            Form::Id => Secret::LONGEST_ID,
            Form::Jwt => Secret::LONGEST_JWT,
            Form::Password => Secret::LONGEST_PASSWORD,
        };
        let mut bytes = Vec::new();
        // Two more than the limit: the newline, and one to see that there is too much.
        File::open(path)
            .and_then(|file| file.take(limit as u64 + 2).read_to_end(&mut bytes))
            .map_err(failed)?;
        if bytes.ends_with(b"\n") {
            bytes.pop();
        }
        // What is not UTF-8 keeps a character that no form allows.
        let mut text = String::from_utf8(bytes).unwrap_or_else(|_| "\u{0}".to_owned());
        if self.form == Form::Jwt {
            text = text.trim().to_owned();
        }
        self.check(text, &format!("'{path}' ({source})"))
    }

    fn check(&self, text: String, source: &str) -> Result<Secret, Error> {
        let secret = match self.form {
            Form::Token => Secret::token(text),
            Form::Id => Secret::id(text),
            Form::Jwt => Secret::jwt(text),
            Form::Password => Secret::password(text),
        };
        secret.map_err(|cause| Error::config(format!("read {} from {source}: {cause}", self.what)))
    }
}

#[cfg(test)]
mod tests {
    use snapline_failure::Fail as _;

    use super::*;
    use crate::variable::tests::environment;

    const PLACES: Places<'_> = Places {
        what: "the secret id",
        form: Form::Id,
        file: None,
        variable: "APPROLE_SECRET_ID",
    };

    fn file(content: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), content).unwrap();
        file
    }

    #[test]
    fn the_option_beats_both_variables_and_the_bao_name_the_vault_name() {
        let at_option = file(b"from option\n");
        let at_variable = file(b"from file");
        let path = at_variable.path().to_str().unwrap();
        let both = environment(&[
            ("VAULT_APPROLE_SECRET_ID", "from variable"),
            ("BAO_APPROLE_SECRET_ID", "from bao"),
            ("VAULT_APPROLE_SECRET_ID_FILE", path),
        ]);
        let places = Places {
            file: Some(("--secret-id-file", at_option.path().to_str().unwrap())),
            ..PLACES
        };
        assert_eq!(places.find(&both).unwrap().unwrap().reveal(), "from option");
        let variables = environment(&[
            ("VAULT_APPROLE_SECRET_ID", "from variable"),
            ("BAO_APPROLE_SECRET_ID", "from bao"),
        ]);
        assert_eq!(PLACES.find(&variables).unwrap().unwrap().reveal(), "from bao");
        let variables = environment(&[("VAULT_APPROLE_SECRET_ID_FILE", path)]);
        assert_eq!(PLACES.find(&variables).unwrap().unwrap().reveal(), "from file");
        assert_eq!(PLACES.find(&environment(&[])).unwrap(), None);
    }

    #[test]
    fn contradictions_and_empty_values_are_configuration_errors() {
        let cases: [&[(&str, &str)]; 4] = [
            &[
                ("VAULT_APPROLE_SECRET_ID", "a"),
                ("VAULT_APPROLE_SECRET_ID_FILE", "/dev/null"),
            ],
            &[("VAULT_APPROLE_SECRET_ID", "")],
            &[("VAULT_APPROLE_SECRET_ID_FILE", "")],
            &[("VAULT_APPROLE_SECRET_ID", "a"), ("BAO_APPROLE_SECRET_ID", "")],
        ];
        for variables in cases {
            let error = PLACES.find(&environment(variables)).unwrap_err();
            assert_eq!(error.kind(), Kind::Config, "{variables:?}");
            assert!(error.to_string().contains("APPROLE_SECRET_ID"), "{error}");
        }
    }

    #[test]
    fn a_file_loses_one_newline_and_no_more() {
        let long = "x".repeat(1000);
        let long_line = format!("{long}\n");
        for (content, expected) in [
            (&b"id\n"[..], Some("id")),
            (b"id", Some("id")),
            (b"id\n\n", None),
            (b"id\r\n", None),
            (b"", None),
            (b"\n", None),
            (b"\xff", None),
            (long_line.as_bytes(), Some(long.as_str())),
            (&[b'x'; 1001], None),
            (&[b'x'; 5000], None),
        ] {
            let file = file(content);
            let places = Places {
                file: Some(("--secret-id-file", file.path().to_str().unwrap())),
                ..PLACES
            };
            match (places.find(&environment(&[])), expected) {
                (Ok(Some(secret)), Some(expected)) => assert_eq!(secret.reveal(), expected),
                (Err(error), None) => assert_eq!(error.kind(), Kind::Config),
                (found, _) => panic!("{found:?} for {content:?}"),
            }
        }
    }

    #[test]
    fn a_jwt_loses_the_white_space_around_it_and_a_password_one_newline() {
        for (form, content, expected) in [
            (Form::Jwt, " a.b.c\r\n\n", Some("a.b.c")),
            (Form::Jwt, " \n", None),
            (Form::Jwt, "a.b.c\na.b.c\n", None),
            (Form::Password, " my password \n", Some(" my password ")),
            (Form::Password, "my password\n\n", None),
        ] {
            let file = file(content.as_bytes());
            let places = Places {
                form,
                file: Some(("--file", file.path().to_str().unwrap())),
                ..PLACES
            };
            let found = places.find(&environment(&[]));
            assert_eq!(
                found.ok().flatten().as_ref().map(Secret::reveal),
                expected,
                "{content:?}"
            );
        }
    }

    #[test]
    fn a_file_that_is_not_there_is_a_local_failure_which_names_it_and_its_option() {
        let places = Places {
            file: Some(("--secret-id-file", "/no/such/file")),
            ..PLACES
        };
        let error = places.find(&environment(&[])).unwrap_err();
        assert_eq!(error.kind(), Kind::Io);
        let text = error.to_string();
        assert!(
            text.contains("/no/such/file") && text.contains("--secret-id-file"),
            "{text}"
        );
    }
}
