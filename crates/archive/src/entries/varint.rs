//! Unsigned varints, byte by byte: seven bits each, the lowest first, the eighth set on all but the last.

use super::Fault;

/// A number of which some bytes may have come.
#[derive(Default)]
pub(super) struct Varint {
    value: u64,
    shift: u32,
}

impl Varint {
    /// Takes its bytes from the beginning of `bytes`; returns how many those were, and the number once it is complete.
    ///
    /// # Errors
    /// A number of more than 64 bits, which Go's reader refuses too.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<(usize, Option<u64>), Fault> {
        for (position, &byte) in bytes.iter().enumerate() {
            if self.shift == 63 && byte > 1 {
                return Err(Fault::Number);
            }
            self.value |= u64::from(byte & 0x7f) << self.shift;
            self.shift += 7;
            if byte < 0x80 {
                let value = std::mem::take(self).value;
                return Ok((position + 1, Some(value)));
            }
        }
        Ok((bytes.len(), None))
    }

    /// Whether no byte of it has come.
    pub(super) fn is_empty(&self) -> bool {
        self.shift == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_up_to_64_bits_are_read_in_any_slicing() {
        let numbers: [(&[u8], u64); 5] = [
            (&[0], 0),
            (&[0x7f], 127),
            (&[0x80, 1], 128),
            (&[0x80, 0], 0),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], u64::MAX),
        ];
        for (bytes, number) in numbers {
            for cut in 0..bytes.len() {
                let mut varint = Varint::default();
                assert_eq!(varint.push(&bytes[..cut]), Ok((cut, None)));
                assert_eq!(varint.is_empty(), cut == 0);
                assert_eq!(varint.push(&bytes[cut..]), Ok((bytes.len() - cut, Some(number))));
                assert!(varint.is_empty());
            }
        }
    }

    #[test]
    fn numbers_of_more_than_64_bits_are_refused() {
        assert_eq!(Varint::default().push(&[0xff; 10]), Err(Fault::Number));
        assert_eq!(
            Varint::default().push(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2]),
            Err(Fault::Number)
        );
    }
}
