//! No message shows a value in its `Debug` form: that is for those who write a program, not for those who run it.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::path::{Path, PathBuf};

/// All Rust files in a folder and those below it, except modules of tests.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs") {
            found.push(path);
        }
    }
}

/// The lines of a source that ask for a `Debug` form, before its tests.
fn offences(source: &str) -> Vec<&str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let asks = |line: &&str| {
        [":?}", ":#?}", "dbg!(", "Debug::fmt("]
            .iter()
            .any(|form| line.contains(form))
    };
    code.lines().filter(asks).collect()
}

#[test]
fn no_message_has_a_debug_form_in_it() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut found = Vec::new();
    for part in ["crates", "bins"] {
        for package in fs::read_dir(root.join(part)).unwrap() {
            sources(&package.unwrap().path().join("src"), &mut found);
        }
    }
    assert!(found.len() > 100, "{}", found.len());
    for path in found {
        let source = fs::read_to_string(&path).unwrap();
        assert!(
            offences(&source).is_empty(),
            "{}: {:?}",
            path.display(),
            offences(&source)
        );
    }
}

#[test]
fn a_debug_form_is_found_where_it_counts() {
    assert_eq!(offences("format!(\"{error:?}\")\nformat!(\"{error}\")").len(), 1);
    assert_eq!(
        offences("x(\"{:#?}\", a)\n#[cfg(test)]\nmod tests { \"{a:?}\" }").len(),
        1
    );
}
