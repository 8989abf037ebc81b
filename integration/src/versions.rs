//! The images that the tests run, as pinned in `images/versions.env`, which `integration/setup` reads as well.

const VERSIONS: &str = include_str!("../images/versions.env");

/// The image of the Vault server, split into name and tag.
pub fn vault_image() -> (&'static str, &'static str) {
    image("VAULT_IMAGE")
}

/// The image of the MinIO server, split into name and tag.
pub fn minio_image() -> (&'static str, &'static str) {
    image("MINIO_IMAGE")
}

/// The image of the directory server, split into name and tag.
pub fn openldap_image() -> (&'static str, &'static str) {
    image("OPENLDAP_IMAGE")
}

fn image(variable: &str) -> (&'static str, &'static str) {
    VERSIONS
        .lines()
        .filter_map(|line| line.split_once('='))
        .find(|(name, _)| *name == variable)
        .and_then(|(_, value)| value.rsplit_once(':'))
        .unwrap_or_else(|| panic!("no image in {variable} of images/versions.env"))
}
