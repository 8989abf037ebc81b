//! How much a pipe holds.

use std::os::fd::AsFd;

/// The largest pipe that Linux gives to anybody, in bytes (`/proc/sys/fs/pipe-max-size`, pipe(7)).
#[cfg(target_os = "linux")]
const SIZE: usize = 1 << 20;

/// Enlarges a pipe to 1 MiB where the kernel can: the two sides then take turns less often, which doubles what passes through.
/// Whatever is no pipe, or a refusal because this user has many large pipes already, is left as it is: it works without.
pub fn enlarge_pipe(end: impl AsFd) {
    #[cfg(target_os = "linux")]
    let _ = rustix::pipe::fcntl_setpipe_size(end, SIZE);
    // Elsewhere the kernel chooses by itself.
    #[cfg(not(target_os = "linux"))]
    let _ = end;
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_enlarged_where_that_is_allowed() {
        let (_reader, writer) = std::io::pipe().unwrap();
        let size = || rustix::pipe::fcntl_getpipe_size(&writer).unwrap();
        // What this user may have is used up, or is not: ask the kernel by the same means first.
        let (_other, probe) = std::io::pipe().unwrap();
        let allowed = rustix::pipe::fcntl_setpipe_size(&probe, SIZE).is_ok();
        let before = size();
        enlarge_pipe(&writer);
        assert_eq!(size(), if allowed { SIZE } else { before });
    }

    #[test]
    fn what_is_no_pipe_is_left_alone() {
        enlarge_pipe(std::fs::File::open("/dev/null").unwrap());
    }
}
