//! Measures the verifier against plain inflate and SHA-256 over the same archive, generated in memory:
//! `cargo run --release -p snapline-archive --example throughput -- [MIB] [mixed]`.

use std::time::Instant;

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
    let started = Instant::now();
    let archive = recipe.to_vec();
    report("generate", recipe.state_bytes, started);

    for _ in 0..3 {
        let started = Instant::now();
        floor(&archive)?;
        report("inflate + SHA-256 + CRC-32", recipe.state_bytes, started);

        let started = Instant::now();
        let mut verifier = Verifier::new();
        archive.chunks(CHUNK).try_for_each(|chunk| verifier.push(chunk))?;
        verifier.finish()?;
        report("Verifier", recipe.state_bytes, started);

        let started = Instant::now();
        let (mut guard, mut left) = (Guard::new(), 0);
        for chunk in archive.chunks(64 * 1024) {
            left += guard.push(chunk)?.len();
        }
        left += guard.finish()?.1.as_ref().len();
        assert_eq!(left, archive.len());
        report("Guard, chunks of 64 KiB", recipe.state_bytes, started);
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

fn report(what: &str, bytes: u64, started: Instant) {
    let seconds = started.elapsed().as_secs_f64();
    let mut out = std::io::stdout().lock();
    let _ = std::io::Write::write_fmt(
        &mut out,
        format_args!("{what:28} {:.2} GB/s ({seconds:.2} s)\n", bytes as f64 / seconds / 1e9),
    );
}
