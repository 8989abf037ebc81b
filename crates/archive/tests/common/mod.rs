//! A small writer of archives that are wrong in one chosen way.
// Each test program uses another part of this.
#![allow(dead_code, missing_docs, unreachable_pub)]

use sha2::{Digest, Sha256};
use snapline_archive::synthetic::{Encoding, gzip, tar_header};
use snapline_archive::{Error, Summary, Verifier};

pub const FIXTURE: &[u8] = include_bytes!("../data/openbao-stored.snap");

/// The tar stream in parts, each padded to whole blocks.
#[derive(Clone)]
pub struct Parts {
    pub members: Vec<Part>,
    pub end: Vec<u8>,
}

#[derive(Clone)]
pub struct Part {
    pub name: String,
    pub flag: u8,
    pub data: Vec<u8>,
    /// PAX records in front of it, and then the size that its own header tells.
    pub pax: Option<(String, u64)>,
}

impl Part {
    pub fn new(name: &str, data: impl AsRef<[u8]>) -> Self {
        Self {
            name: name.to_owned(),
            flag: b'0',
            data: data.as_ref().to_vec(),
            pax: None,
        }
    }
}

pub fn meta_json(size: usize) -> String {
    format!(
        "{{\"Version\":1,\"ID\":\"bolt-snapshot\",\"Index\":29,\"Term\":3,\"Peers\":null,\"Configuration\":{{\"Servers\":\
         [{{\"Suffrage\":0,\"ID\":\"b0\",\"Address\":\"127.0.0.1:8201\"}}]}},\"ConfigurationIndex\":1,\"Size\":{size}}}\n"
    )
}

/// `meta.json` of exactly `length` bytes, made longer by its server's id.
pub fn meta_json_of(length: usize, size: usize) -> String {
    let short = meta_json(size);
    short.replace("\"b0\"", &format!("\"b0{}\"", "x".repeat(length - short.len())))
}

pub fn sum_line(data: &[u8], name: &str) -> String {
    let hex: String = Sha256::digest(data).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{hex}  {name}\n")
}

impl Parts {
    /// A good archive of small members.
    pub fn good() -> Self {
        let state: Vec<u8> = (0..3000_u32)
            .flat_map(|number| (number * number).to_le_bytes())
            .collect();
        Self::of(meta_json(state.len()).as_bytes(), &state)
    }

    pub fn of(meta: &[u8], state: &[u8]) -> Self {
        let sums = sum_line(meta, "meta.json") + &sum_line(state, "state.bin");
        Self {
            members: vec![
                Part::new("meta.json", meta),
                Part::new("state.bin", state),
                Part::new("SHA256SUMS", sums),
                Part::new("SHA256SUMS.sealed", [7; 185]),
            ],
            end: vec![0; 1024],
        }
    }

    pub fn member(&mut self, name: &str) -> &mut Part {
        self.members.iter_mut().find(|part| part.name == name).unwrap()
    }

    pub fn without(mut self, name: &str) -> Self {
        self.members.retain(|part| part.name != name);
        self
    }

    pub fn tar(&self) -> Vec<u8> {
        let mut tar = Vec::new();
        for part in &self.members {
            let mut size = part.data.len() as u64;
            if let Some((records, own)) = &part.pax {
                put(
                    &mut tar,
                    "PaxHeaders.0/x",
                    b'x',
                    records.len() as u64,
                    records.as_bytes(),
                );
                size = *own;
            }
            put(&mut tar, &part.name, part.flag, size, &part.data);
        }
        tar.extend_from_slice(&self.end);
        tar
    }

    pub fn stored(&self) -> Vec<u8> {
        gzip(&self.tar(), Encoding::Stored)
    }

    pub fn deflated(&self) -> Vec<u8> {
        gzip(&self.tar(), Encoding::Deflated)
    }

    /// The verdict, which must be the same for both encodings.
    pub fn verdict(&self) -> Result<(), Error> {
        let verdict = verify(&self.stored()).map(|_| ());
        assert_eq!(verify(&self.deflated()).map(|_| ()), verdict);
        verdict
    }
}

fn put(tar: &mut Vec<u8>, name: &str, flag: u8, size: u64, data: &[u8]) {
    tar.extend_from_slice(&tar_header(name, size, flag));
    tar.extend_from_slice(data);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

pub fn verify(archive: &[u8]) -> Result<Summary, Error> {
    verify_chunks(archive.chunks(archive.len().max(1)))
}

pub fn verify_chunks<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> Result<Summary, Error> {
    let mut verifier = Verifier::new();
    for chunk in chunks {
        if let Err(err) = verifier.push(chunk) {
            assert_eq!(verifier.push(b"more"), Err(err.clone()), "an error stays");
            assert_eq!(verifier.finish(), Err(err.clone()), "an error stays");
            return Err(err);
        }
    }
    verifier.finish()
}

/// Cuts `bytes` into slices whose lengths repeat `lengths`; a length of 0 is an empty slice.
pub fn slices<'a>(mut bytes: &'a [u8], lengths: &'a [usize]) -> Vec<&'a [u8]> {
    let mut slices = Vec::new();
    for &length in lengths.iter().cycle() {
        if bytes.is_empty() {
            break;
        }
        let (slice, rest) = bytes.split_at(length.min(bytes.len()));
        slices.push(slice);
        bytes = rest;
    }
    slices
}
