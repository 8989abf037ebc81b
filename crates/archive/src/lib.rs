//! The Raft snapshot archive of Vault and OpenBao: a push parser that tells whether an archive is whole.
//!
//! No signal of the transport proves that a snapshot is complete: a server whose sealing fails half-way still answers
//! 200 and ends the body properly. The only proof is in the archive itself, so it is checked while it passes:
//! [`Verifier`] takes slices of any size and gives a verdict at the end of input; [`Guard`] also holds back the last
//! bytes, so that nobody downstream ever sees a plausible archive that has not been proven. Neither does any I/O, and
//! the memory of both is constant.
//!
//! An archive is one gzip member around a tar stream of four members: `meta.json` ([`Meta`]), `state.bin` (the data,
//! values encrypted by the barrier), `SHA256SUMS` over these two, and `SHA256SUMS.sealed`, the same text encrypted by
//! the cluster's seal, which only that cluster can read. The gates, in the order of the stream:
//!
//! | gate | what must hold |
//! |---|---|
//! | V1 | gzip magic and method, no reserved flag, header checksum if there is one |
//! | V2 | tar header checksums; only plain files and PAX size records; the four names, each once, in any order |
//! | V3 | `meta.json` below 8192 bytes, version 1, index, term and servers present, its size that of `state.bin` |
//! | V4 | the SHA-256 of `meta.json` and `state.bin` |
//! | V5 | `SHA256SUMS` names exactly these two, once each, in any order, and agrees with V4 |
//! | V6 | `SHA256SUMS.sealed` present, 1 to 8191 bytes |
//! | V7 | two zero blocks end the tar stream, and nothing follows |
//! | V8 | the compressed data can be decoded; CRC-32 and length in the gzip trailer |
//! | V9 | the input ends right after the trailer, no earlier and no later, and is not empty |
//!
//! [`Error::gate`] says at which of them an archive failed, [`Verifier::has_passed`] which of them it had passed by then.
//! Behind them there is one more that is not part of the verdict of [`Verifier`], because it would cost who only stores
//! an archive too much: [`Entries`] reads the entries of `state.bin`. [`Inspector`] does both, and also collects the
//! [`Card`]: what an archive says of the cluster that it is from, without any key.
//!
//! The layout was read in hashicorp/raft-snapshot (`archive.go`, `snapshot.go`) and hashicorp/raft (`snapshot.go`);
//! the containers are RFC 1952 (gzip), RFC 1951 (deflate) and POSIX.1-2001 (ustar and pax).

pub mod card;
mod contents;
mod entries;
mod error;
mod foreign;
mod gate;
mod guard;
mod gzip;
mod inspector;
mod keys;
mod meta;
mod pax;
mod protobuf;
mod size;
mod storage;
mod sums;
#[cfg(feature = "synthetic")]
pub mod synthetic;
mod tar;
mod verifier;

pub use card::{Card, Draft};
pub use contents::Member;
pub use entries::{Entries, Entry, Fault};
pub use error::{Error, Place};
pub use foreign::Foreign;
pub use gate::Gate;
pub use guard::{Guard, Held, Ready};
pub use inspector::{Inspection, Inspector};
pub use keys::{Keys, Prefix};
pub use meta::{Meta, Server, Suffrage};
pub use size::largest_archive;
pub use verifier::{Summary, Verifier};
