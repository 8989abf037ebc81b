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

/// The same twice: what a Ctrl-C does to a stage of snap-pipe, once from the terminal and once from snap-pipe.
pub(crate) fn signal_twice(child: &Child, number: Signal) {
    signal(child, number);
    signal(child, number);
}

/// Waits until a thread of the program sleeps in this function of the kernel, for example `pipe_write`.
pub(crate) fn wait_until_it_blocks_in(child: &Child, function: &str) {
    let waits =
        |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("wchan")).ok();
    wait_until(child, &format!("it blocks in {function}"), || {
        let mut tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
        tasks.any(|task| waits(task).is_some_and(|place| place.contains(function)))
    });
}

/// Waits until the thread that takes signals up is there. Before that a signal may end the program by the default action, or be
/// lost: the registry of handlers does nothing for one that comes while the first handler is being set.
pub(crate) fn wait_until_it_listens(child: &Child) {
    let name = |task: std::io::Result<std::fs::DirEntry>| std::fs::read_to_string(task.ok()?.path().join("comm")).ok();
    wait_until(child, "it listens for signals", || {
        let mut tasks = std::fs::read_dir(format!("/proc/{}/task", child.id())).unwrap();
        tasks.any(|task| name(task).is_some_and(|name| name.trim() == "signals"))
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
