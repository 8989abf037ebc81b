//! Protobuf messages that are in memory as a whole (protobuf encoding, "Message Structure").

/// A field's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
    /// Of a fixed length; nothing here needs one.
    Fixed,
}

/// The fields of a message in their order, with their numbers; ends with `Err` where the message is malformed.
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn new(message: &'a [u8]) -> Self {
        Self(message)
    }

    /// The last field of bytes with this number, which is the one that counts; `None` also for a malformed message.
    pub(crate) fn bytes(message: &'a [u8], number: u64) -> Option<&'a [u8]> {
        let mut found = None;
        for field in Self::new(message) {
            match field.ok()? {
                (field, Value::Bytes(bytes)) if field == number => found = Some(bytes),
                _ => {}
            }
        }
        found
    }

    fn field(&mut self) -> Option<(u64, Value<'a>)> {
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.number()?;
                Value::Bytes(self.take(usize::try_from(length).ok()?)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            _ => return None,
        };
        Some((tag >> 3, value))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            if shift == 63 && byte > 1 {
                return None;
            }
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

/// A message that is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Value<'a>), Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field().ok_or(Malformed);
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_every_type_are_read_and_the_last_of_a_number_counts() {
        let message = b"\x0a\x01a\x10\x96\x01\x1912345678\x25abcd\x0a\x02bc";
        let fields: Vec<_> = Fields::new(message).map(Result::unwrap).collect();
        let expected = [
            (1, Value::Bytes(b"a")),
            (2, Value::Number(150)),
            (3, Value::Fixed),
            (4, Value::Fixed),
            (1, Value::Bytes(b"bc")),
        ];
        assert_eq!(fields, expected);
        assert_eq!(Fields::bytes(message, 1), Some(&b"bc"[..]));
        assert_eq!(Fields::bytes(message, 2), None);
    }

    #[test]
    fn malformed_messages_end_with_an_error() {
        for message in [
            &b"\x0a"[..],
            b"\x0a\x02a",
            b"\x10\x80",
            b"\x19123",
            b"\x0b",
            b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02",
        ] {
            assert_eq!(
                Fields::new(message).last(),
                Some(Err(Malformed)),
                "{}",
                message.escape_ascii()
            );
            assert_eq!(Fields::bytes(message, 1), None);
        }
    }
}
