//! Signals to a program under test, with no guess at how long this machine takes for anything.

#![allow(dead_code, reason = "each test program uses its own part")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::process::Child;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal, and returns when the kernel has handed it to a thread of the program: that thread does nothing else before
/// its handler has run.
pub(crate) fn signal(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
    wait_until(child, "the signal is delivered", || {
        // Nobody takes the signal of a program that has ended.
        mask(child, "ShdPnd") & bit(signal) == 0 || field(child, "State").starts_with('Z')
    });
}

/// Waits until the program has set its handler. Before that a signal ends it by the default action.
pub(crate) fn wait_until_it_listens(child: &Child, signal: Signal) {
    wait_until(child, "it listens for the signal", || {
        mask(child, "SigCgt") & bit(signal) != 0
    });
}

fn wait_until(child: &Child, what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "process {}: waited in vain until {what}",
            child.id()
        );
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// A mask of signals, as proc(5) has it.
fn mask(child: &Child, name: &str) -> u64 {
    u64::from_str_radix(&field(child, name), 16).unwrap()
}

/// A field of `/proc/PID/status`; that file stays until the program is waited for.
fn field(child: &Child, name: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let mut lines = status.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = lines.find(|(found, _)| *found == name).unwrap();
    value.trim().to_owned()
}

fn bit(signal: Signal) -> u64 {
    1 << (signal.as_raw() - 1)
}
