//! The shared files: `~/.aws/config` and `~/.aws/credentials`, and the profile that is meant.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;

use snapline_http::Environment;

use crate::Error;
use crate::ini::{self, Section};
use crate::variable::{identity, setting, yes_or_no};

/// The profiles of both files, and which of them is meant.
#[derive(Debug, Clone)]
pub struct Profiles {
    name: String,
    /// What says so, where it is not the default.
    named_by: Option<&'static str>,
    profiles: BTreeMap<String, Section>,
    services: BTreeMap<String, Section>,
    /// Profiles that have a line which cannot be understood, and where that is.
    odd: BTreeMap<String, String>,
    /// Those that have an access key in the credentials file.
    keyed: BTreeSet<String>,
    /// What became of each file, for messages.
    files: Vec<String>,
}

/// What keys consist of.
const KEYS: [&str; 4] = [
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_security_token",
];

impl Profiles {
    /// Reads the files that `AWS_CONFIG_FILE` and `AWS_SHARED_CREDENTIALS_FILE` name, else those in `~/.aws`. A file that is
    /// not there is no error, as for `aws`. The profile is that of `--profile` (`flag`), else of `AWS_PROFILE`, else of
    /// `AWS_DEFAULT_PROFILE`, else `default`.
    ///
    /// # Errors
    /// [`Kind::Config`](snapline_http::Kind::Config) for a profile that is meant and cannot be understood, and for a named
    /// profile that is in neither file; the message says which.
    pub fn read(flag: Option<&str>, environment: Environment<'_>) -> Result<Self, Error> {
        // In the order of version 2 of `aws`; botocore by itself has it the other way round.
        let variable =
            |name: &'static str| Ok::<_, Error>(identity(environment, name)?.map(|value| (value, Some(name))));
        let (name, named_by) = match (flag, variable("AWS_PROFILE")?) {
            (Some(name), _) => (name.to_owned(), Some("--profile")),
            (None, Some(named)) => named,
            (None, None) => variable("AWS_DEFAULT_PROFILE")?.unwrap_or_else(|| ("default".to_owned(), None)),
        };
        let mut read = Self {
            name,
            named_by,
            profiles: BTreeMap::new(),
            services: BTreeMap::new(),
            odd: BTreeMap::new(),
            keyed: BTreeSet::new(),
            files: Vec::new(),
        };
        for (name, section) in read.file("AWS_CONFIG_FILE", "config", environment, |name| {
            name.strip_prefix("profile ").unwrap_or(name)
        })? {
            if let Some(name) = name.strip_prefix("services ") {
                read.services.insert(unquoted(name), section);
            } else if let Some(name) = name.strip_prefix("profile ") {
                read.profiles.entry(unquoted(name)).or_default().extend(section);
            } else if name == "default" {
                // Comes before `[profile default]` in this order, which therefore holds.
                read.profiles.entry(name).or_default().extend(section);
            }
        }
        // What both files have is taken from this one.
        for (name, mut section) in read.file("AWS_SHARED_CREDENTIALS_FILE", "credentials", environment, |name| name)? {
            let name = unquoted(&name);
            let profile = read.profiles.entry(name.clone()).or_default();
            // Keys are those of one file: the secret or the token of the other may be somebody else's.
            if nonempty(&section, KEYS[0]).is_some() {
                profile.retain(|name, _| !KEYS.contains(&name.as_str()));
                read.keyed.insert(name);
            } else {
                section.retain(|name, _| !KEYS.contains(&name.as_str()));
            }
            profile.extend(section);
        }
        if let (Some(by), false) = (read.named_by, read.profiles.contains_key(&read.name)) {
            let cause = format!("there is none; {}", read.files.join(", "));
            return Err(Error::config(format!("find profile '{}' of {by}", read.name), cause));
        }
        read.understood(&read.name)?;
        Ok(read)
    }

    /// Refuses a profile of which a line cannot be understood. One that is not used may be as it likes.
    pub(crate) fn understood(&self, name: &str) -> Result<(), Error> {
        match self.odd.get(name) {
            Some(place) => Err(Error::config(
                format!("read profile '{name}'"),
                format!("{place} is no setting of AWS's shared files"),
            )),
            None => Ok(()),
        }
    }

    fn file(
        &mut self,
        variable: &str,
        default: &str,
        environment: Environment<'_>,
        profile: impl Fn(&str) -> &str,
    ) -> Result<BTreeMap<String, Section>, Error> {
        let home = setting(environment, "HOME")?;
        let in_home = |rest: &str| {
            home.as_ref()
                .map(|home| format!("{}/{rest}", home.trim_end_matches('/')))
        };
        let path = match setting(environment, variable)? {
            Some(path) => path.strip_prefix("~/").and_then(in_home).or(Some(path)),
            None => in_home(&format!(".aws/{default}")),
        };
        let Some(path) = path else {
            self.files.push(format!("neither {variable} nor HOME is set"));
            return Ok(BTreeMap::new());
        };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let cause = match error.kind() {
                    io::ErrorKind::NotFound => "does not exist".to_owned(),
                    _ => format!("cannot be read ({error})"),
                };
                self.files.push(format!("'{path}' {cause}"));
                return Ok(BTreeMap::new());
            }
        };
        self.files.push(format!("'{path}' is read"));
        let wrong = |cause: String| Error::config(format!("read '{path}'"), cause);
        let text = String::from_utf8(bytes).map_err(|_| wrong("it is not UTF-8".to_owned()))?;
        let ini::File { sections, odd } = ini::parse(&text);
        for (name, line) in odd {
            self.odd
                .entry(unquoted(profile(&name)))
                .or_insert_with(|| format!("line {line} of '{path}'"));
        }
        Ok(sections)
    }

    /// A setting of the profile, for example `region`, or `s3.addressing_style` for one below `s3`; empty counts as not set.
    pub fn setting(&self, name: &str) -> Option<&str> {
        nonempty(self.profiles.get(&self.name)?, name)
    }

    /// Whether a setting of the profile says `true`; one that is not there says `false`.
    ///
    /// # Errors
    /// [`Kind::Config`](snapline_http::Kind::Config) for a value that is neither.
    pub fn is_on(&self, name: &str) -> Result<bool, Error> {
        self.setting(name)
            .map_or(Ok(false), |value| yes_or_no(value, &self.place(name)))
    }

    /// The same unless `variable` says it.
    pub(crate) fn is_on_unless(&self, environment: Environment<'_>, variable: &str, name: &str) -> Result<bool, Error> {
        match setting(environment, variable)? {
            Some(value) => yes_or_no(&value, variable),
            None => self.is_on(name),
        }
    }

    /// A setting and where it stands, for messages.
    pub fn place(&self, name: &str) -> String {
        format!("{name} of profile '{}'", self.name)
    }

    /// `endpoint_url` for one service, for example `s3`: from the profile's `services` section, else for all services
    /// (docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html). Says also where it stands.
    ///
    /// # Errors
    /// If the profile names a section that is not there.
    pub(crate) fn endpoint_url(&self, service: &str) -> Result<Option<(String, String)>, Error> {
        if let Some(name) = self.setting("services") {
            let Some(services) = self.services.get(name) else {
                let cause = format!("there is no section 'services {name}'");
                return Err(Error::config(format!("read {}", self.place("services")), cause));
            };
            if let Some(url) = nonempty(services, &format!("{service}.endpoint_url")) {
                return Ok(Some((format!("endpoint_url of services '{name}'"), url.to_owned())));
            }
        }
        Ok(self
            .setting("endpoint_url")
            .map(|url| (self.place("endpoint_url"), url.to_owned())))
    }

    /// Which profile is meant.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether the command line names it: it is meant before keys in the environment then.
    pub(crate) fn is_of_command_line(&self) -> bool {
        self.named_by == Some("--profile")
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Section> {
        self.profiles.get(name)
    }

    /// Whether the credentials file, rather than the other one, has keys of this profile.
    pub(crate) fn is_in_credentials_file(&self, name: &str) -> bool {
        self.keyed.contains(name)
    }

    /// What became of the files.
    pub(crate) fn files(&self) -> String {
        self.files.join(", ")
    }
}

/// A value of a section; empty counts as not set.
pub(crate) fn nonempty<'a>(section: &'a Section, name: &str) -> Option<&'a str> {
    section.get(name).map(String::as_str).filter(|value| !value.is_empty())
}

/// Names with blanks stand in quotes.
fn unquoted(name: &str) -> String {
    let inner = ['"', '\'']
        .iter()
        .find_map(|quote| name.strip_prefix(*quote)?.strip_suffix(*quote));
    inner.unwrap_or(name).to_owned()
}

#[cfg(test)]
pub(crate) mod tests {
    use std::ffi::OsString;

    use super::*;

    /// The profiles of two files with these contents.
    pub(crate) fn profiles(flag: Option<&str>, config: &str, credentials: &str) -> Result<Profiles, Error> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".aws")).unwrap();
        fs::write(folder.path().join(".aws/config"), config).unwrap();
        fs::write(folder.path().join(".aws/credentials"), credentials).unwrap();
        let home = folder.path().as_os_str().to_owned();
        Profiles::read(flag, &|name| (name == "HOME").then(|| home.clone()))
    }

    #[test]
    fn a_profile_is_put_together_from_both_files() {
        let config = "[default]\nregion = one\nca_bundle = c\n[profile default]\nregion = two\n[profile \"a b\"]\nregion = ab\n\
                      [other]\nregion = no\n";
        let credentials = "[default]\naws_access_key_id = k\nca_bundle = d\n";
        let read = profiles(None, config, credentials).unwrap();
        assert_eq!(read.setting("region"), Some("two"));
        assert_eq!(read.setting("ca_bundle"), Some("d"));
        assert_eq!(read.setting("aws_access_key_id"), Some("k"));
        assert_eq!(profiles(Some("a b"), config, "").unwrap().setting("region"), Some("ab"));
        assert!(profiles(Some("other"), config, "").is_err());
    }

    #[test]
    fn keys_are_those_of_one_file() {
        let config = "[default]\naws_access_key_id = c\naws_secret_access_key = cs\naws_session_token = ct\n";
        let keys = |credentials: &str| {
            let read = profiles(None, config, credentials).unwrap();
            KEYS.map(|name| read.setting(name).unwrap_or_default().to_owned())
        };
        assert_eq!(
            keys("[default]\naws_access_key_id = f\naws_secret_access_key = fs\n"),
            ["f", "fs", "", ""]
        );
        assert_eq!(keys("[default]\naws_access_key_id = f\n"), ["f", "", "", ""]);
        assert_eq!(keys("[default]\naws_secret_access_key = fs\n"), ["c", "cs", "ct", ""]);
    }

    #[test]
    fn the_endpoint_of_a_service_comes_before_that_of_all() {
        let config = "[default]\nendpoint_url = http://all\nservices = mine\n[services mine]\ns3 =\n  endpoint_url = http://s3\n";
        let read = profiles(None, config, "").unwrap();
        assert_eq!(read.endpoint_url("s3").unwrap().unwrap().1, "http://s3");
        let (place, url) = read.endpoint_url("sts").unwrap().unwrap();
        assert_eq!(
            (place.as_str(), url.as_str()),
            ("endpoint_url of profile 'default'", "http://all")
        );
        let lost = profiles(None, "[default]\nendpoint_url = http://all\nservices = mine\n", "").unwrap();
        let error = lost.endpoint_url("s3").unwrap_err().to_string();
        assert!(
            error.starts_with("read services of profile 'default': there is no section"),
            "{error}"
        );
    }

    #[test]
    fn a_named_profile_that_is_nowhere_is_an_error_that_says_where_it_was_sought() {
        let error = profiles(Some("prod"), "[default]\n", "").unwrap_err().to_string();
        assert!(
            error.starts_with("find profile 'prod' of --profile: there is none; '"),
            "{error}"
        );
        assert!(error.contains(".aws/config' is read"), "{error}");
        let environment = |name: &str| (name == "AWS_PROFILE").then(|| OsString::from("x"));
        let error = Profiles::read(None, &environment).unwrap_err().to_string();
        assert!(
            error.contains("of AWS_PROFILE") && error.contains("neither AWS_CONFIG_FILE nor HOME"),
            "{error}"
        );
        let environment = |name: &str| (name == "AWS_PROFILE").then(OsString::new);
        assert!(Profiles::read(None, &environment).is_err());
    }

    #[test]
    fn the_flag_then_the_variables_in_their_order_say_which_profile_is_meant() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config");
        fs::write(&path, "[profile one]\n[profile two]\n[profile three]\n").unwrap();
        for (flag, variables, name) in [
            (
                None,
                &[("AWS_PROFILE", "one"), ("AWS_DEFAULT_PROFILE", "two")][..],
                "one",
            ),
            (None, &[("AWS_DEFAULT_PROFILE", "two")], "two"),
            (
                Some("three"),
                &[("AWS_PROFILE", "one"), ("AWS_DEFAULT_PROFILE", "two")],
                "three",
            ),
            (None, &[], "default"),
        ] {
            let environment = |wanted: &str| match wanted {
                "AWS_CONFIG_FILE" => Some(path.as_os_str().to_owned()),
                _ => variables
                    .iter()
                    .find(|(name, _)| *name == wanted)
                    .map(|(_, value)| OsString::from(value)),
            };
            assert_eq!(Profiles::read(flag, &environment).unwrap().name(), name);
        }
    }

    #[test]
    fn a_profile_that_cannot_be_understood_is_told_by_its_line_and_not_shown() {
        let error = profiles(None, "", "[default]\naws_secret_access_key s-ecret\n").unwrap_err();
        let text = error.to_string();
        assert!(text.starts_with("read profile 'default': line 2 of '"), "{text}");
        assert!(!text.contains("s-ecret"), "{text}");
    }

    #[test]
    fn an_odd_profile_that_is_not_meant_does_not_matter() {
        let config = "[default]\nregion = r\n[profile \"other one\"]\nnonsense\n[profile \n";
        assert_eq!(profiles(None, config, "").unwrap().setting("region"), Some("r"));
        let error = profiles(Some("other one"), config, "").unwrap_err().to_string();
        assert!(error.starts_with("read profile 'other one': line 4 of '"), "{error}");
    }

    #[test]
    fn a_tilde_is_the_home_and_a_missing_file_is_no_error() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("mine"), "[default]\nregion = r\n").unwrap();
        let environment = |name: &str| match name {
            "HOME" => Some(folder.path().as_os_str().to_owned()),
            "AWS_CONFIG_FILE" => Some("~/mine".into()),
            "AWS_SHARED_CREDENTIALS_FILE" => Some("/nowhere/at/all".into()),
            _ => None,
        };
        let read = Profiles::read(None, &environment).unwrap();
        assert_eq!(read.setting("region"), Some("r"));
        assert!(
            read.files().contains("'/nowhere/at/all' does not exist"),
            "{}",
            read.files()
        );
    }
}
