//! Measures the verifier against plain inflate and SHA-256 over the same archive, in CPU time, which other work on the
//! machine disturbs less than wall time; Linux only.
//!
//! `cargo run --release -p snapline-archive --example throughput -- [MIB] [mixed]`.

use std::io::Write;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use sha2::{Digest, Sha256};
use snapline_archive::synthetic::{Content, Encoding, Synthetic};
use snapline_archive::{Guard, Verifier};

const CHUNK: usize = 1 << 20;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mebibytes: u64 = std::env::args().nth(1).map_or(Ok(1024), |text| text.parse())?;
    let mut recipe = Synthetic::new(mebibytes << 20);
    if std::env::args().nth(2).as_deref() == Some("mixed") {
        (recipe.content, recipe.encoding) = (Content::Mixed, Encoding::Deflated);
    }
    let started = cpu_seconds()?;
    recipe.write(std::io::sink())?;
    report("generate", recipe.state_bytes, started)?;

    let started = cpu_seconds()?;
    let archive = recipe.to_vec();
    report("generate, into memory", recipe.state_bytes, started)?;

    for _ in 0..3 {
        let started = cpu_seconds()?;
        floor(&archive)?;
        report("inflate + SHA-256 + CRC-32", recipe.state_bytes, started)?;

        let started = cpu_seconds()?;
        let mut verifier = Verifier::new();
        archive.chunks(CHUNK).try_for_each(|chunk| verifier.push(chunk))?;
        verifier.finish()?;
        report("Verifier", recipe.state_bytes, started)?;

        let started = cpu_seconds()?;
        let (mut guard, mut left) = (Guard::new(), 0);
        for chunk in archive.chunks(64 * 1024) {
            left += guard.push(chunk)?.len();
        }
        left += guard.finish()?.1.as_ref().len();
        assert_eq!(left, archive.len());
        report("Guard, chunks of 64 KiB", recipe.state_bytes, started)?;
    }
    Ok(())
}

fn floor(archive: &[u8]) -> Result<(), flate2::DecompressError> {
    let mut inflater = Decompress::new(false);
    let (mut plain, mut hash, mut crc) = (vec![0; 64 * 1024], Sha256::new(), Crc::new());
    loop {
        let input = &archive[10 + inflater.total_in() as usize..];
        let before = inflater.total_out();
        let status = inflater.decompress(input, &mut plain, FlushDecompress::None)?;
        let produced = &plain[..(inflater.total_out() - before) as usize];
        hash.update(produced);
        crc.update(produced);
        if status == Status::StreamEnd {
            std::hint::black_box((hash.finalize(), crc.sum()));
            return Ok(());
        }
    }
}

/// The CPU time of this process so far, from the first field of the kernel's scheduler statistics.
fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let statistics = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds: f64 = statistics.split(' ').next().unwrap_or_default().parse()?;
    Ok(nanoseconds / 1e9)
}

fn report(what: &str, bytes: u64, started: f64) -> Result<(), Box<dyn std::error::Error>> {
    let seconds = cpu_seconds()? - started;
    let speed = bytes as f64 / seconds / 1e9;
    writeln!(
        std::io::stdout(),
        "{what:28} {speed:.2} GB per CPU second ({seconds:.2} s)"
    )?;
    Ok(())
}
