//! Which series an object belongs to.

use snapline_series::{DEFAULT_NAME, Error, Location, ObjectUri};

fn series_of(uri: &str, name: &str) -> Result<String, Error> {
    let object = ObjectUri::parse(uri)?;
    Location::series_of(&object, name).map(|series| series.to_string())
}

#[test]
fn what_stands_before_the_name_is_the_prefix() {
    let name = "n_%Y%m%d_%H%M%S";
    for (uri, series) in [
        ("s3://bkt/n_20261124_101112", "s3://bkt/n_%Y%m%d_%H%M%S"),
        ("s3://bkt/vault/n_20261124_101112", "s3://bkt/vault/n_%Y%m%d_%H%M%S"),
        (
            "s3://bkt/a b/50%/n_20261124_101112",
            "s3://bkt/a b/50%%/n_%Y%m%d_%H%M%S",
        ),
    ] {
        assert_eq!(series_of(uri, name).as_deref(), Ok(series), "{uri}");
    }
    let folders = "%Y/%m/%d_%H%M%S.snap";
    let series = series_of("s3://bkt/v/2026/11/24_101112.snap", folders);
    assert_eq!(series.as_deref(), Ok("s3://bkt/v/%Y/%m/%d_%H%M%S.snap"));
}

#[test]
fn an_object_with_another_name_belongs_to_no_series() {
    for uri in [
        "s3://bkt/vault/other_20261124_101112.snap",
        "s3://bkt/vault/vault_raft_20261124_101112.snap.tmp",
        "s3://bkt/vault/vault_raft_20260230_101112.snap",
        "s3://bkt/vault/xvault_raft_20261124_101112.snap",
    ] {
        assert!(
            matches!(series_of(uri, DEFAULT_NAME), Err(Error::Foreign { .. })),
            "{uri}"
        );
    }
}

#[test]
fn the_series_of_an_object_is_that_of_the_prefix_it_was_stored_under() {
    let stored_under = Location::parse("s3://bkt/vault/", DEFAULT_NAME);
    let object = ObjectUri::parse("s3://bkt/vault/vault_raft_20261124_101112.snap");
    assert_eq!(
        object.and_then(|object| Location::series_of(&object, DEFAULT_NAME)),
        stored_under
    );
}
