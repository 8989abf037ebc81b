//! Files of tools older than AWS's shared files. botocore still takes keys from them, behind the profile. They are not supported,
//! but must not be passed over: the next source may be another identity.

use std::fs;

use snapline_http::Environment;

use crate::variable::setting;
use crate::{Error, ini};

/// Refuses the files that botocore would take keys from here: that of `AWS_CREDENTIAL_FILE`, and boto's, of `BOTO_CONFIG`, else
/// `/etc/boto.cfg` and `~/.boto`. Other programs use boto's file, too, so it counts only if it has a key of AWS.
///
/// # Errors
/// [`Kind::Config`](snapline_http::Kind::Config) with the name of the file, or of the variable.
pub(crate) fn refuse(environment: Environment<'_>) -> Result<(), Error> {
    const EC2: &str = "AWS_CREDENTIAL_FILE";
    const BOTO: &str = "BOTO_CONFIG";
    if setting(environment, EC2)?.is_some() {
        return Err(refusal(EC2));
    }
    if let Some(path) = setting(environment, BOTO)? {
        return if has_key(&path) { Err(refusal(BOTO)) } else { Ok(()) };
    }
    let home = setting(environment, "HOME")?.map(|home| format!("{}/.boto", home.trim_end_matches('/')));
    match ["/etc/boto.cfg".to_owned()]
        .into_iter()
        .chain(home)
        .find(|path| has_key(path))
    {
        Some(path) => Err(refusal(&format!("'{path}'"))),
        None => Ok(()),
    }
}

fn has_key(path: &str) -> bool {
    let Ok(text) = fs::read_to_string(path) else {
        return false;
    };
    let file = ini::parse(&text);
    file.sections
        .get("Credentials")
        .is_some_and(|section| section.contains_key("aws_access_key_id"))
}

fn refusal(source: &str) -> Error {
    let cause = format!("the AWS tools would take keys from {source}, which is not supported");
    Error::config("find credentials", cause).hint_with("move the keys to ~/.aws/credentials, or unset it")
}
