//! The content of a synthetic `state.bin`: framed protobuf entries with ascending keys.
//!
//! The framing is that of Vault's `physical/raft/fsm.go` (`writeTo`) and `sdk/plugin/pb/backend.proto`: an unsigned
//! varint of the length, then `StorageEntry { 1: key, 2: value }`.

use super::Content;

/// The length of most entries in bytes, frame included.
const ENTRY: u64 = 16 * 1024;

/// The length of the first entry in bytes, if there is room for more than one.
const FIRST_ENTRY: u64 = 512;

/// A generator of entries, whose lengths add up exactly.
pub(super) struct State {
    left: u64,
    content: Content,
    random: Random,
    mount: String,
    count: u64,
    entry: Vec<u8>,
}

impl State {
    pub(super) fn new(bytes: u64, content: Content, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let (high, low) = (random.next(), random.next());
        let mount = format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xffff,
            low >> 48,
            low & 0xffff_ffff_ffff
        );
        Self {
            left: bytes,
            content,
            random,
            mount,
            count: 0,
            entry: Vec::new(),
        }
    }

    /// The next entry with its frame, or `None` at the end.
    pub(super) fn next_entry(&mut self) -> Option<&[u8]> {
        if self.left == 0 {
            return None;
        }
        let wanted = if self.count == 0 { FIRST_ENTRY } else { ENTRY };
        // An entry cannot be arbitrarily short, so the last one takes the remainder too.
        let mut length = if self.left < wanted * 2 { self.left } else { wanted };
        let key = match self.count {
            // Every unsealed cluster has this one.
            0 => "core/keyring".to_owned(),
            count => format!("logical/{}/{count:016x}", self.mount),
        };
        // No entry has 129 or 16,386 bytes, because its frame would grow at 128 and 16,384; two entries have.
        let (key, value) = loop {
            match fit(&key, length) {
                Some(fitting) => break fitting,
                None => length = length * 3 / 8,
            }
        };
        self.fill_entry(&key, value);
        self.left -= length;
        self.count += 1;
        Some(&self.entry)
    }

    fn fill_entry(&mut self, key: &str, value: u64) {
        let entry = &mut self.entry;
        entry.clear();
        put_varint(entry, message_length(key.len() as u64, value));
        entry.push(0x0a);
        put_varint(entry, key.len() as u64);
        entry.extend_from_slice(key.as_bytes());
        entry.push(0x12);
        put_varint(entry, value);
        let start = entry.len();
        // At most two entries long.
        entry.resize(start + value as usize, 0);
        let value = &mut entry[start..];
        match self.content {
            Content::Incompressible => self.random.fill(value),
            Content::Mixed => {
                let (secret, paths) = value.split_at_mut(value.len() * 3 / 5);
                self.random.fill(secret);
                self.random.fill_with_paths(paths);
            }
        }
    }
}

/// The key, and the length of the value, with which an entry has `length` bytes.
///
/// Some lengths are skipped where the varint of the value's length grows; a longer key fills such a gap.
fn fit(key: &str, length: u64) -> Option<(String, u64)> {
    let mut keys = (0..4).map(|more| format!("{key}{}", &"xxxx"[..more]));
    keys.find_map(|key| value_length(length, key.len() as u64).map(|value| (key, value)))
}

/// The length of the value, at least 1, with which an entry has `length` bytes, if there is one.
fn value_length(length: u64, key: u64) -> Option<u64> {
    // Tag and length of key and value, and the frame: five bytes at least, ten varint bytes more at most.
    let candidates = (5..=15).filter_map(|overhead| length.checked_sub(key + overhead));
    candidates.filter(|&value| value > 0).find(|&value| {
        let message = message_length(key, value);
        varint_length(message) + message == length
    })
}

fn message_length(key: u64, value: u64) -> u64 {
    1 + varint_length(key) + key + 1 + varint_length(value) + value
}

fn varint_length(number: u64) -> u64 {
    u64::from((64 - (number | 1).leading_zeros()).div_ceil(7))
}

fn put_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        // The low seven bits.
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Random numbers: SplitMix64 (Steele, Lea and Flood, 2014), which is small, fast and good enough not to shrink.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    pub(super) fn fill(&mut self, out: &mut [u8]) {
        for part in out.chunks_mut(8) {
            part.copy_from_slice(&self.next().to_le_bytes()[..part.len()]);
        }
    }

    fn fill_with_paths(&mut self, out: &mut [u8]) {
        const WORDS: [&[u8]; 8] = [
            b"/team-",
            b"/service-",
            b"/config",
            b"/database",
            b"/creds/",
            b"/production",
            b"/metadata/",
            b"/logical/",
        ];
        let mut at = 0;
        while at < out.len() {
            let number = self.next();
            let word = WORDS[number as usize % WORDS.len()];
            let digits = [b'0' + (number >> 8) as u8 % 10, b'0' + (number >> 16) as u8 % 10];
            for part in [word, &digits] {
                let part = &part[..part.len().min(out.len() - at)];
                out[at..at + part.len()].copy_from_slice(part);
                at += part.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(bytes: &mut &[u8]) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = bytes.split_first().unwrap();
            *bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte < 0x80 {
                return number;
            }
        }
    }

    #[test]
    fn entries_have_exactly_the_length_asked_for_and_ascending_keys() {
        let lengths = (64..1400).chain([16_000, 32_767, 32_768, 33_281, 49_000, 1 << 20]);
        for bytes in lengths {
            let mut state = State::new(bytes, Content::Mixed, bytes);
            let (mut total, mut last) = (0, Vec::new());
            while let Some(mut entry) = state.next_entry() {
                total += entry.len() as u64;
                assert_eq!(varint(&mut entry), entry.len() as u64);
                assert_eq!(entry[0], 0x0a);
                entry = &entry[1..];
                let key_length = varint(&mut entry) as usize;
                let (key, mut value) = entry.split_at(key_length);
                assert_eq!(value[0], 0x12);
                value = &value[1..];
                assert_eq!(varint(&mut value), value.len() as u64);
                assert!(key > last.as_slice());
                last = key.to_vec();
            }
            assert_eq!(total, bytes);
        }
    }
}
