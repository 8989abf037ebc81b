//! The writing side of gzip and tar, in the form that Go's writers give them.

use std::io::{self, Write};

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use super::Encoding;

/// Magic, deflate, no flags, no time, unknown system: what Go writes.
const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];

/// The most bytes that one stored block holds (RFC 1951, section 3.2.4).
const STORED_BLOCK: usize = 65_535;

/// A writer of one gzip stream. It is complete only after [`finish`](Self::finish).
pub struct Gzip<W: Write> {
    body: Body<W>,
    crc: Crc,
    /// Plain bytes so far, modulo 2^32, as the trailer has it.
    length: u32,
}

enum Body<W: Write> {
    Stored { out: W, block: Vec<u8> },
    Deflated(DeflateEncoder<W>),
}

impl<W: Write> Gzip<W> {
    /// Writes the header to `out`.
    ///
    /// # Errors
    ///
    /// Those of `out`, as for every method here.
    pub fn new(mut out: W, encoding: Encoding) -> io::Result<Self> {
        out.write_all(&HEADER)?;
        let body = match encoding {
            Encoding::Stored => Body::Stored {
                out,
                block: Vec::with_capacity(STORED_BLOCK),
            },
            Encoding::Deflated => Body::Deflated(DeflateEncoder::new(out, Compression::default())),
        };
        Ok(Self {
            body,
            crc: Crc::new(),
            length: 0,
        })
    }

    /// Writes what is left, the end of the compressed data, and the trailer; returns the writer below.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub fn finish(self) -> io::Result<W> {
        let mut out = match self.body {
            Body::Stored { mut out, block } => {
                put_stored_block(&mut out, &block)?;
                // An empty last block of the fixed code is what Go closes a stored stream with.
                out.write_all(&[0x03, 0x00])?;
                out
            }
            Body::Deflated(encoder) => encoder.finish()?,
        };
        out.write_all(&self.crc.sum().to_le_bytes())?;
        out.write_all(&self.length.to_le_bytes())?;
        Ok(out)
    }
}

impl<W: Write> Write for Gzip<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let written = match &mut self.body {
            Body::Stored { out, block } => {
                let part = &buf[..buf.len().min(STORED_BLOCK - block.len())];
                block.extend_from_slice(part);
                if block.len() == STORED_BLOCK {
                    put_stored_block(out, block)?;
                    block.clear();
                }
                part.len()
            }
            Body::Deflated(encoder) => encoder.write(buf)?,
        };
        self.crc.update(&buf[..written]);
        // Never more than the slice's length, and the trailer wants it modulo 2^32.
        self.length = self.length.wrapping_add(written as u32);
        Ok(written)
    }

    /// Does nothing: a flush would cut blocks short.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn put_stored_block(out: &mut impl Write, block: &[u8]) -> io::Result<()> {
    // At most STORED_BLOCK, so it fits.
    let length = block.len() as u16;
    let [low, high] = length.to_le_bytes();
    out.write_all(&[0, low, high, !low, !high])?;
    out.write_all(block)
}

/// One gzip stream of `plain`.
pub fn gzip(plain: &[u8], encoding: Encoding) -> Vec<u8> {
    // Writing into a vector does not fail.
    let pack = || {
        let mut stream = Gzip::new(Vec::new(), encoding)?;
        stream.write_all(plain)?;
        stream.finish()
    };
    pack().unwrap_or_default()
}

/// A ustar header: mode 0600, owner 0, a fixed time.
///
/// `size` in bytes must be below 8 GiB and `name` at most 100 bytes; what is more is cut off.
pub fn tar_header(name: &str, size: u64, flag: u8) -> [u8; 512] {
    let mut header = [0; 512];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, &name.as_bytes()[..name.len().min(100)]);
    put(100, b"0000600\0");
    put(108, b"0000000\0");
    put(116, b"0000000\0");
    put(124, format!("{:011o}\0", size & ((1 << 33) - 1)).as_bytes());
    put(136, b"15000000000\0");
    put(148, b"        ");
    put(156, &[flag]);
    put(257, b"ustar\x0000");
    put(329, b"0000000\0");
    put(337, b"0000000\0");
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}
