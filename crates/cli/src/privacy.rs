//! What other processes see of this one, and what a process that we start sees of our environment.

use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

/// Beginnings of the names of variables that hold Vault's settings and secrets, OpenBao's among them.
pub const OF_VAULT: &[&str] = &["BAO_", "VAULT_"];

/// The same of AWS's, which are a store's.
pub const OF_AWS: &[&str] = &["AWS_"];

/// Lets no other process of the same user look into this one: no core, no `/proc/PID/environ`, no debugger (prctl(2),
/// `PR_SET_DUMPABLE`). Executing a program takes that back, so each program does it itself, first of all.
pub(crate) fn hide() {
    // It cannot fail with this value; and where it did, the program would still be of use.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

/// Keeps from `command` all variables of ours whose names begin with one of `prefixes`.
pub fn withhold(command: &mut Command, prefixes: &[&str]) {
    for (name, _) in std::env::vars_os() {
        if prefixes
            .iter()
            .any(|prefix| name.as_bytes().starts_with(prefix.as_bytes()))
        {
            command.env_remove(name);
        }
    }
}
