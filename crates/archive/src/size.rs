//! How long an archive can become.

/// Bytes of everything but `state.bin`: five tar headers and a PAX record block, the three small members at their
/// largest, the padding of four members, the two zero blocks, and the gzip header, trailer and last block.
const OVERHEAD: u64 = 5 * 512 + 512 + 3 * 8192 + 4 * 512 + 2 * 512 + 64;

/// The fewest plain bytes that a writer puts into one block of data that does not shrink.
///
/// OpenBao stores blocks of 65,535 bytes. Go's and zlib's compressors close a block after 16,384 symbols, of one byte
/// each if nothing repeats, and then store it.
const BLOCK: u64 = 16_384 - 1;

/// The most bytes that one such block adds: the five of a stored block's header, and one for alignment.
const BLOCK_OVERHEAD: u64 = 6;

/// An upper bound in bytes of the archive whose `state.bin` has `state_bytes` bytes ([`Meta::size`](crate::Meta)).
///
/// Holds for the archives that known writers produce, compressed or stored; real ones are at most 0.04 % and some
/// 40 KiB shorter if their data does not shrink, and much shorter if it does. Saturates at [`u64::MAX`].
pub fn largest_archive(state_bytes: u64) -> u64 {
    let plain = state_bytes.saturating_add(OVERHEAD);
    let blocks = plain.div_ceil(BLOCK);
    plain.saturating_add(blocks.saturating_mul(BLOCK_OVERHEAD))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bound_saturates_and_grows() {
        assert_eq!(largest_archive(u64::MAX), u64::MAX);
        assert_eq!(largest_archive(u64::MAX - 1), u64::MAX);
        assert!(largest_archive(0) < 40_000);
        assert!(largest_archive(1 << 40) < (1 << 40) + (1 << 40) / 2_000);
    }
}
