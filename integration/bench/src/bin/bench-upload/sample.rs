//! One upload, measured.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::thread;
use std::time::Instant;

use rustix::pipe::{SpliceFlags, splice};
use snapline_bench::{Input, Sample, Sink, Stopwatch};

use crate::contender::Contender;

/// Uploads `input` once, from a pipe, and makes sure that all of it arrived.
pub(crate) fn measure(contender: &Contender, input: &Input, sink: &Sink, scratch: &Path) -> Sample {
    let stopwatch = Stopwatch::new(scratch);
    let key = "one.snap";
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let file = File::open(&input.path).expect("open the snapshot");
    let mut command = contender.command(&stopwatch.words(), key, input.size);
    command.stdin(reader).stdout(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let child = command.spawn().expect("start a client");
    drop(command);
    let size = input.size;
    let feeder = thread::spawn(move || {
        // Nothing is copied on this side: the pipe refers to the page cache.
        let mut left = size;
        while left > 0 {
            let most = usize::try_from(left.min(1 << 20)).expect("it fits");
            match splice(&file, None, &writer, None, most, SpliceFlags::empty()) {
                Ok(0) | Err(_) => break,
                Ok(count) => left -= count as u64,
            }
        }
    });
    let output = child.wait_with_output().expect("wait for a client");
    let wall = start.elapsed().as_secs_f64();
    feeder.join().expect("no panic");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{}: {said}", contender.name);
    let stored = sink.take(&format!("/bench/{key}"));
    assert_eq!(
        stored,
        Some(input.size),
        "{} stored another length: {said}",
        contender.name
    );
    stopwatch.sample(wall)
}
