//! Archives that are wrong in one way each: at least one for every gate.

use sha2::{Digest as _, Sha256};

use super::{Encoding, Synthetic, gzip, hex, tar_header};
use crate::{Gate, Verifier};

/// An archive that no server would write.
#[derive(Clone, Debug)]
pub struct Broken {
    /// What is wrong with it.
    pub what: &'static str,
    /// The gate that it does not pass.
    pub gate: Gate,
    /// The archive.
    pub archive: Vec<u8>,
}

/// At least one archive for every gate, in their order, each with a `state.bin` of about `state_bytes` bytes.
///
/// Each is wrong in what it says, and right in everything that does not follow from it, so that another check than that of
/// its gate does not find it before.
pub fn broken(state_bytes: u64) -> Vec<Broken> {
    let state = state(state_bytes);
    let good = || Parts::of(&state);
    let stored = || good().stored();
    let long_meta = format!("{}{}", Parts::meta(&state).trim_end(), " ".repeat(8192));
    let twice = [state.as_slice(), &state].concat();
    let mut flipped = state.clone();
    if let Some(byte) = flipped.get_mut(100) {
        *byte ^= 1;
    }
    let cases = [
        ("no gzip stream", Gate::GzipHeader, b"PK\x03\x04".to_vec()),
        (
            "encrypted by age",
            Gate::GzipHeader,
            b"age-encryption.org/v1\n".to_vec(),
        ),
        ("a member too many", Gate::Members, good().and("nope", b"x").stored()),
        ("no state.bin", Gate::Members, good().without("state.bin").stored()),
        (
            "an empty object as meta.json",
            Gate::Meta,
            good().with("meta.json", b"{}").stored(),
        ),
        (
            "a meta.json that no server restores",
            Gate::Meta,
            good().with("meta.json", long_meta.as_bytes()).stored(),
        ),
        (
            "a bit of state.bin turned",
            Gate::Digests,
            good().with("state.bin", &flipped).stored(),
        ),
        (
            "SHA256SUMS without a sum",
            Gate::Sums,
            good().with("SHA256SUMS", b"x\n").stored(),
        ),
        (
            "no SHA256SUMS.sealed",
            Gate::Sealed,
            good().without("SHA256SUMS.sealed").stored(),
        ),
        (
            "an empty SHA256SUMS.sealed",
            Gate::Sealed,
            good().with("SHA256SUMS.sealed", b"").stored(),
        ),
        ("one zero block at the end", Gate::TarEnd, good().ending(512).stored()),
        (
            "a byte behind the zero blocks",
            Gate::TarEnd,
            good().ending(1025).stored(),
        ),
        ("a wrong gzip checksum", Gate::GzipChecksum, edited(stored(), 8)),
        ("a wrong gzip length", Gate::GzipChecksum, edited(stored(), 4)),
        ("nothing", Gate::End, Vec::new()),
        (
            "cut in state.bin",
            Gate::End,
            stored().into_iter().take(stored().len() / 2).collect(),
        ),
        (
            "the last byte missing",
            Gate::End,
            stored().split_last().map(|(_, rest)| rest.to_vec()).unwrap_or_default(),
        ),
        ("a byte behind the archive", Gate::End, [stored(), vec![b'\n']].concat()),
        ("the archive twice", Gate::End, [stored(), stored()].concat()),
        ("keys that do not ascend", Gate::Entries, Parts::of(&twice).stored()),
        (
            "the last entry cut",
            Gate::Entries,
            Parts::of(&state[..state.len() - 1]).stored(),
        ),
    ];
    let named = cases.into_iter();
    named
        .map(|(what, gate, archive)| Broken { what, gate, archive })
        .collect()
}

/// A `state.bin` that holds entries.
fn state(bytes: u64) -> Vec<u8> {
    let mut state = Vec::new();
    // It is a good one, so there is no error.
    let _ = Verifier::new().push_with(&Synthetic::new(bytes).to_vec(), &mut |part| {
        state.extend_from_slice(part);
    });
    state
}

/// Turns a bit, `from_end` bytes before the end.
fn edited(mut archive: Vec<u8>, from_end: usize) -> Vec<u8> {
    let at = archive.len() - from_end;
    archive[at] ^= 1;
    archive
}

/// A tar stream in parts.
struct Parts {
    members: Vec<(&'static str, Vec<u8>)>,
    zeros: usize,
}

impl Parts {
    /// Those of a good archive.
    fn of(state: &[u8]) -> Self {
        let meta = Self::meta(state).into_bytes();
        let line = |data: &[u8], name: &str| format!("{}  {name}\n", hex(&Sha256::digest(data)));
        let sums = line(&meta, "meta.json") + &line(state, "state.bin");
        Self {
            members: vec![
                ("meta.json", meta),
                ("state.bin", state.to_vec()),
                ("SHA256SUMS", sums.into_bytes()),
                ("SHA256SUMS.sealed", vec![7; 185]),
            ],
            zeros: 1024,
        }
    }

    fn meta(state: &[u8]) -> String {
        Synthetic::new(state.len() as u64).meta_json()
    }

    fn with(mut self, name: &str, data: &[u8]) -> Self {
        for (member, content) in &mut self.members {
            if *member == name {
                *content = data.to_vec();
            }
        }
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.members.retain(|(member, _)| *member != name);
        self
    }

    fn and(mut self, name: &'static str, data: &[u8]) -> Self {
        self.members.push((name, data.to_vec()));
        self
    }

    fn ending(mut self, zeros: usize) -> Self {
        self.zeros = zeros;
        self
    }

    fn stored(&self) -> Vec<u8> {
        let mut tar = Vec::new();
        for (name, data) in &self.members {
            tar.extend_from_slice(&tar_header(name, data.len() as u64, b'0'));
            tar.extend_from_slice(data);
            tar.resize(tar.len().next_multiple_of(512), 0);
        }
        tar.resize(tar.len() + self.zeros, 0);
        gzip(&tar, Encoding::Stored)
    }
}
