//! Signals that whoever started the program wants ignored: `nohup` does that with HUP, a shell's `&` in a script with INT.

/// Those of `signals` that were not set to be ignored when the program was started. Setting a handler for one that was would
/// undo what the user asked for.
///
/// Where there is no `/proc` (proc(5), `SigIgn` in `/proc/self/status`) none counts as ignored.
pub fn not_ignored(signals: &[i32]) -> Vec<i32> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = mask(&status).unwrap_or(0);
    let is_ignored = |signal: i32| u32::try_from(signal - 1).is_ok_and(|bit| bit < 64 && ignored >> bit & 1 == 1);
    signals.iter().copied().filter(|signal| !is_ignored(*signal)).collect()
}

fn mask(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
    u64::from_str_radix(line.trim(), 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mask_of_ignored_signals_is_read() {
        assert_eq!(mask("Name:\tx\nSigIgn:\t0000000000001001\nSigCgt:\t0\n"), Some(0x1001));
        assert_eq!(mask(""), None);
    }

    #[test]
    fn what_is_not_ignored_stays() {
        // Rust itself ignores SIGPIPE (13); SIGTERM is ignored by nobody here.
        assert_eq!(not_ignored(&[13, 15]), [15]);
    }
}
