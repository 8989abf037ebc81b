//! Valid archives of any size, for tests and benchmarks: streamed in constant memory, the same for the same seed.
//!
//! Behind the feature `synthetic`, so that nothing of it ships. The values are random bytes where a real snapshot has
//! ciphertext, and the sealed checksums are random bytes too: no server can restore such an archive.

mod broken;
mod container;
mod state;

use std::io::{self, Write};

use sha2::{Digest, Sha256};

pub use broken::{Broken, broken};
pub use container::{Gzip, gzip, tar_header};

use state::{Random, State};

/// What `state.bin` is filled with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Values of random bytes only, which do not shrink: a store of large secrets.
    Incompressible,
    /// Three parts of random bytes to two parts of text that looks like paths: a store of many small secrets.
    Mixed,
}

/// How the tar stream is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Blocks of 65,535 bytes that are not compressed, as OpenBao writes them since 2.6.0.
    Stored,
    /// Compressed at the default level, as Vault writes them. Some 50 MB/s; the others are as fast as SHA-256.
    Deflated,
}

/// The recipe of an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Synthetic {
    /// Chooses the random bytes, and the order of the lines in `SHA256SUMS`.
    pub seed: u64,
    /// The length of `state.bin` in bytes; at least [`Synthetic::SMALLEST`], a smaller number means that.
    pub state_bytes: u64,
    /// What it is filled with.
    pub content: Content,
    /// How the tar stream is packed.
    pub encoding: Encoding,
    /// The Raft index in `meta.json`.
    pub index: u64,
    /// The Raft term in `meta.json`.
    pub term: u64,
}

impl Synthetic {
    /// The shortest `state.bin`, in bytes.
    pub const SMALLEST: u64 = 64;

    /// A stored archive that does not shrink, with a `state.bin` of `state_bytes` bytes, of index 592 and term 3.
    pub fn new(state_bytes: u64) -> Self {
        Self {
            seed: 1,
            state_bytes,
            content: Content::Incompressible,
            encoding: Encoding::Stored,
            index: 592,
            term: 3,
        }
    }

    /// Writes the archive, in pieces of up to 64 KiB, and returns its length in bytes.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn write(&self, out: impl Write) -> io::Result<u64> {
        let mut random = Random::new(self.seed);
        let mut tar = Gzip::new(Counting { out, bytes: 0 }, self.encoding)?;
        let state_bytes = self.state_bytes.max(Self::SMALLEST);

        let meta = self.meta_json();
        put_member(&mut tar, "meta.json", meta.as_bytes())?;

        if state_bytes >= 1 << 33 {
            // A ustar header has room for eleven octal digits; Go's writer leaves it at 0 and writes a PAX header.
            put_pax_size(&mut tar, state_bytes)?;
            tar.write_all(&tar_header("state.bin", 0, b'0'))?;
        } else {
            tar.write_all(&tar_header("state.bin", state_bytes, b'0'))?;
        }
        let mut state_hash = Sha256::new();
        let mut state = State::new(state_bytes, self.content, random.next());
        while let Some(entry) = state.next_entry() {
            state_hash.update(entry);
            tar.write_all(entry)?;
        }
        put_padding(&mut tar, state_bytes)?;

        let mut lines = [
            format!("{}  meta.json\n", hex(&Sha256::digest(meta.as_bytes()))),
            format!("{}  state.bin\n", hex(&state_hash.finalize())),
        ];
        if random.next() % 2 == 1 {
            lines.reverse();
        }
        put_member(&mut tar, "SHA256SUMS", lines.concat().as_bytes())?;

        let mut sealed = [0; 185];
        random.fill(&mut sealed);
        put_member(&mut tar, "SHA256SUMS.sealed", &sealed)?;

        tar.write_all(&[0; 1024])?;
        Ok(tar.finish()?.bytes)
    }

    /// The archive in memory.
    pub fn to_vec(&self) -> Vec<u8> {
        let mut archive = Vec::new();
        // Writing into a vector does not fail.
        let _ = self.write(&mut archive);
        archive
    }

    /// The text of its `meta.json`.
    pub fn meta_json(&self) -> String {
        let Self { index, term, .. } = self;
        let size = self.state_bytes.max(Self::SMALLEST);
        format!(
            "{{\"Version\":1,\"ID\":\"bolt-snapshot\",\"Index\":{index},\"Term\":{term},\"Peers\":null,\
             \"Configuration\":{{\"Servers\":[{{\"Suffrage\":0,\"ID\":\"node-0\",\"Address\":\"127.0.0.1:8201\"}}]}},\
             \"ConfigurationIndex\":1,\"Size\":{size}}}\n"
        )
    }
}

fn put_member(tar: &mut impl Write, name: &str, data: &[u8]) -> io::Result<()> {
    tar.write_all(&tar_header(name, data.len() as u64, b'0'))?;
    tar.write_all(data)?;
    put_padding(tar, data.len() as u64)
}

fn put_pax_size(tar: &mut impl Write, size: u64) -> io::Result<()> {
    // The length in front counts itself. It has two digits from size 100 on, and there are never more.
    let body = format!(" size={size}\n");
    let record = format!("{}{body}", body.len() + 2);
    tar.write_all(&tar_header("PaxHeaders.0/state.bin", record.len() as u64, b'x'))?;
    tar.write_all(record.as_bytes())?;
    put_padding(tar, record.len() as u64)
}

fn put_padding(tar: &mut impl Write, size: u64) -> io::Result<()> {
    // Below 512, so it fits.
    tar.write_all(&[0; 512][..(size.wrapping_neg() % 512) as usize])
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Counting<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = self.out.write(buf)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
