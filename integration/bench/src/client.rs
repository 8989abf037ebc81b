//! The programs that are measured.

use std::process::Command;

/// What a program says about itself when it is called with these words, in one line; nothing if it is not there.
pub fn version(words: &[&str]) -> Option<String> {
    let (program, arguments) = words.split_first()?;
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    // aws says much more about its surroundings.
    Some(line.split(" Linux").next().unwrap_or_default().to_owned())
}
