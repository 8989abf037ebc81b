//! The members of an archive: which may come, how long they may be, and whether they agree with each other.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::error::{Error, Place, quote};
use crate::meta::Meta;
use crate::sums::{Digest, Sums};

/// A member of the tar stream. Displayed as its name there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// `meta.json`, the metadata.
    Meta,
    /// `state.bin`, the data.
    State,
    /// `SHA256SUMS`, over the two before.
    Sums,
    /// `SHA256SUMS.sealed`, the same encrypted by the cluster's seal.
    Sealed,
}

impl Member {
    /// Members other than `state.bin` must be shorter than this, in bytes: upstream's reader gives up at 8192, so a
    /// longer one could never be restored (hashicorp/raft-snapshot, `copyEOFOrN`).
    pub(crate) const SMALL: u64 = 8192;

    const ALL: [Self; 4] = [Self::Meta, Self::State, Self::Sums, Self::Sealed];

    /// The name in the tar stream.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Meta => "meta.json",
            Self::State => "state.bin",
            Self::Sums => "SHA256SUMS",
            Self::Sealed => "SHA256SUMS.sealed",
        }
    }

    pub(crate) fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|member| member.name().as_bytes() == name)
    }
}

impl fmt::Display for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is known of the members so far.
pub(crate) struct Contents {
    needs_sealed: bool,
    /// The member that is being read, and its length.
    current: Option<(Member, u64)>,
    /// The bytes of it, if it is a small one that must be understood.
    small: Vec<u8>,
    state_hash: Sha256,

    state_size: Option<u64>,
    /// The time in the tar header of `state.bin`.
    taken: Option<u64>,
    sealed_size: Option<u64>,
    meta: Option<Meta>,
    meta_digest: Option<Digest>,
    state_digest: Option<Digest>,
    sums: Option<Sums>,
    seen: [bool; 4],
    complete: u8,
}

impl Contents {
    pub(crate) fn new(needs_sealed: bool) -> Self {
        Self {
            needs_sealed,
            current: None,
            small: Vec::new(),
            state_hash: Sha256::new(),
            state_size: None,
            taken: None,
            sealed_size: None,
            meta: None,
            meta_digest: None,
            state_digest: None,
            sums: None,
            seen: [false; 4],
            complete: 0,
        }
    }

    pub(crate) fn meta(&self) -> Option<&Meta> {
        self.meta.as_ref()
    }

    /// The digest of `state.bin`, once it has passed.
    pub(crate) fn state_digest(&self) -> Option<Digest> {
        self.state_digest
    }

    /// When the snapshot was taken, once `state.bin` has begun.
    pub(crate) fn taken(&self) -> Option<u64> {
        self.taken
    }

    /// Whether `state.bin` has begun.
    pub(crate) fn has_state(&self) -> bool {
        self.state_size.is_some()
    }

    /// Whether `SHA256SUMS` has passed.
    pub(crate) fn has_sums(&self) -> bool {
        self.sums.is_some()
    }

    /// Whether both digests are known; each that differs is an error at once.
    pub(crate) fn has_equal_digests(&self) -> bool {
        self.sums.is_some() && self.meta_digest.is_some() && self.state_digest.is_some()
    }

    /// Whether `SHA256SUMS.sealed` has begun.
    pub(crate) fn is_sealed(&self) -> bool {
        self.sealed_size.is_some()
    }

    /// How many members have passed whole.
    pub(crate) fn complete(&self) -> u8 {
        self.complete
    }

    /// The place inside the current member, `left` bytes before its end.
    pub(crate) fn place(&self, left: u64) -> Place {
        match self.current {
            Some((member, size)) => Place::Member {
                member,
                read: size - left,
                size,
            },
            None => Place::MemberHeader {
                complete: self.complete,
            },
        }
    }

    /// A member begins.
    pub(crate) fn begin(&mut self, name: &[u8], size: u64, time: Option<u64>) -> Result<(), Error> {
        let member = Member::from_name(name).ok_or_else(|| Error::UnexpectedMember { name: quote(name) })?;
        let seen = &mut self.seen[member as usize];
        if *seen {
            return Err(Error::DuplicateMember { member });
        }
        *seen = true;
        match member {
            Member::State => (self.state_size, self.taken) = (Some(size), time),
            _ if !(1..Member::SMALL).contains(&size) => return Err(Error::MemberSize { member, size }),
            Member::Sealed => self.sealed_size = Some(size),
            Member::Meta | Member::Sums => self.small.clear(),
        }
        self.current = Some((member, size));
        self.compare()
    }

    /// More bytes of the member.
    pub(crate) fn push(&mut self, part: &[u8], sink: &mut dyn FnMut(&[u8])) {
        match self.current {
            Some((Member::State, _)) => {
                self.state_hash.update(part);
                sink(part);
            }
            Some((Member::Meta | Member::Sums, _)) => self.small.extend_from_slice(part),
            // Nobody without the cluster's seal can read it.
            Some((Member::Sealed, _)) | None => {}
        }
    }

    /// The member is complete; returns its length.
    pub(crate) fn end(&mut self) -> Result<u64, Error> {
        let Some((member, size)) = self.current.take() else {
            return Ok(0);
        };
        match member {
            Member::Meta => {
                // The bytes as they are, not what a JSON decoder made of them: Consul once hashed the latter.
                self.meta_digest = Some(Sha256::digest(&self.small).into());
                self.meta = Some(Meta::parse(&self.small)?);
            }
            Member::State => self.state_digest = Some(self.state_hash.finalize_reset().into()),
            Member::Sums => self.sums = Some(Sums::parse(&self.small)?),
            Member::Sealed => {}
        }
        self.complete += 1;
        self.compare()?;
        Ok(size)
    }

    /// No member follows.
    pub(crate) fn close(&self) -> Result<(), Error> {
        let missing = Member::ALL.into_iter().find(|&member| {
            let is_needed = member != Member::Sealed || self.needs_sealed;
            is_needed && !self.seen[member as usize]
        });
        missing.map_or(Ok(()), |member| Err(Error::MissingMember { member }))
    }

    /// Compares what is known, so that a difference is an error at the first byte that proves it.
    fn compare(&self) -> Result<(), Error> {
        if let (Some(meta), Some(tar)) = (&self.meta, self.state_size)
            && meta.size != tar
        {
            return Err(Error::StateSize { meta: meta.size, tar });
        }
        let Some(sums) = &self.sums else { return Ok(()) };
        if self.meta_digest.is_some_and(|digest| digest != sums.meta) {
            return Err(Error::Digest { member: Member::Meta });
        }
        if self.state_digest.is_some_and(|digest| digest != sums.state) {
            return Err(Error::Digest { member: Member::State });
        }
        Ok(())
    }
}
