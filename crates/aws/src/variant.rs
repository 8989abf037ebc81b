//! Which of AWS's endpoints of a service is meant: the ordinary one, or one with FIPS 140 cryptography or with IPv6
//! (docs.aws.amazon.com/sdkref/latest/guide/feature-endpoints.html).

use snapline_http::Environment;

use crate::{Error, Profiles};

/// What the name of an endpoint of AWS promises. It means nothing for an endpoint of one's own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Variant {
    /// The cryptography is validated by FIPS 140.
    pub fips: bool,
    /// The name has addresses of both IPv4 and IPv6.
    pub dualstack: bool,
}

impl Variant {
    /// What `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT` say, else the profile's `use_fips_endpoint` and
    /// `use_dualstack_endpoint`.
    ///
    /// # Errors
    /// [`Kind::Config`](snapline_http::Kind::Config) for a value that is neither `true` nor `false`: AWS's tools take it for
    /// `false`, and data would leave by an endpoint that was not meant.
    pub fn find(environment: Environment<'_>, profiles: &Profiles) -> Result<Self, Error> {
        let is_on = |variable, name| profiles.is_on_unless(environment, variable, name);
        Ok(Self {
            fips: is_on("AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")?,
            dualstack: is_on("AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")?,
        })
    }

    /// The same for S3, which has another `use_dualstack_endpoint` below `s3`. Either of the two is enough (as for botocore).
    ///
    /// # Errors
    /// As [`find`](Self::find).
    pub fn of_s3(environment: Environment<'_>, profiles: &Profiles) -> Result<Self, Error> {
        let all = Self::find(environment, profiles)?;
        let dualstack = profiles.is_on("s3.use_dualstack_endpoint")? || all.dualstack;
        Ok(Self { dualstack, ..all })
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::profile::tests::profiles;

    const FIPS: &str = "AWS_USE_FIPS_ENDPOINT";
    const DUALSTACK: &str = "AWS_USE_DUALSTACK_ENDPOINT";

    fn find(variables: &[(&str, &str)], config: &str) -> Result<(Variant, Variant), String> {
        let environment = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| OsString::from(value))
        };
        let profiles = profiles(None, &format!("[default]\n{config}"), "").unwrap();
        let both =
            Variant::find(&environment, &profiles).and_then(|all| Ok((all, Variant::of_s3(&environment, &profiles)?)));
        both.map_err(|error| error.to_string())
    }

    /// What botocore 1.44 does, except for empty variables.
    #[test]
    fn variables_beat_the_profile_and_either_setting_of_it_is_enough_for_s3() {
        for (variables, config, fips, dualstack, dualstack_of_s3) in [
            (&[][..], "", false, false, false),
            (&[(FIPS, "true")], "", true, false, false),
            (&[(DUALSTACK, "TRUE")], "", false, true, true),
            (&[(FIPS, "true"), (DUALSTACK, "true")], "", true, true, true),
            (&[], "use_fips_endpoint = true\n", true, false, false),
            (&[], "use_dualstack_endpoint = True\n", false, true, true),
            (&[(FIPS, "false")], "use_fips_endpoint = true\n", false, false, false),
            (&[(FIPS, "")], "use_fips_endpoint = true\n", true, false, false),
            (
                &[(DUALSTACK, "true")],
                "use_dualstack_endpoint = false\n",
                false,
                true,
                true,
            ),
            (&[], "s3 =\n  use_dualstack_endpoint = true\n", false, false, true),
            (
                &[(DUALSTACK, "false")],
                "s3 =\n  use_dualstack_endpoint = true\n",
                false,
                false,
                true,
            ),
            (
                &[(DUALSTACK, "true")],
                "s3 =\n  use_dualstack_endpoint = false\n",
                false,
                true,
                true,
            ),
            (
                &[],
                "use_dualstack_endpoint = true\ns3 =\n  use_dualstack_endpoint = false\n",
                false,
                true,
                true,
            ),
        ] {
            let all = Variant { fips, dualstack };
            let s3 = Variant {
                fips,
                dualstack: dualstack_of_s3,
            };
            assert_eq!(find(variables, config), Ok((all, s3)), "{variables:?} {config}");
        }
    }

    #[test]
    fn a_value_that_is_neither_yes_nor_no_is_refused_with_what_gave_it() {
        for (variables, config, words) in [
            (
                &[(FIPS, "1")][..],
                "",
                "read AWS_USE_FIPS_ENDPOINT: '1' is neither true nor false",
            ),
            (&[(DUALSTACK, "yes")], "", "read AWS_USE_DUALSTACK_ENDPOINT: 'yes'"),
            (
                &[],
                "use_fips_endpoint = on\n",
                "read use_fips_endpoint of profile 'default': 'on'",
            ),
            (
                &[],
                "s3 =\n  use_dualstack_endpoint = on\n",
                "read s3.use_dualstack_endpoint of profile 'default': 'on'",
            ),
        ] {
            let error = find(variables, config).unwrap_err();
            assert!(error.starts_with(words), "{error}");
        }
    }
}
