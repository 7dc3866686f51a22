//! The wire format: tags, varints, lengths. Nothing is copied, and lengths are checked before use.

use super::ProtobufError;

/// Reads the fields of a message.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// The value after a tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Payload<'a> {
    /// Wire type 0.
    Varint(u64),
    /// Wire type 2: text, bytes, a message, or packed scalars.
    Bytes(&'a [u8]),
    /// Fixed-width numbers and groups, which no type of Kubernetes uses; only their wire type is
    /// kept.
    Unused(u8),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The number and payload of the next field, if there is one.
    pub(super) fn next(&mut self) -> Result<Option<(u32, Payload<'a>)>, ProtobufError> {
        if self.is_empty() {
            return Ok(None);
        }
        let (number, wire_type) = self.tag()?;
        let payload = match wire_type {
            3 => {
                self.skip_group()?;
                Payload::Unused(wire_type)
            }
            _ => self
                .scalar(wire_type)?
                .ok_or_else(|| illegal(number.into(), wire_type))?,
        };
        Ok(Some((number, payload)))
    }

    /// A number of up to 64 bits, seven per byte.
    pub(super) fn varint(&mut self) -> Result<u64, ProtobufError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.take(1)?.first().copied().unwrap_or_default();
            // only one bit of the tenth byte fits; as Go, drop the others
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(ProtobufError::Overflow)
    }

    fn tag(&mut self) -> Result<(u32, u8), ProtobufError> {
        let tag = self.varint()?;
        let (number, wire_type) = (tag >> 3, (tag & 7) as u8);
        match u32::try_from(number) {
            Ok(field @ 1..0x2000_0000) => Ok((field, wire_type)),
            _ => Err(illegal(number, wire_type)),
        }
    }

    /// A payload other than a group; `None` if the wire type does not exist.
    fn scalar(&mut self, wire_type: u8) -> Result<Option<Payload<'a>>, ProtobufError> {
        Ok(Some(match wire_type {
            0 => Payload::Varint(self.varint()?),
            1 => self.take(8).map(|_| Payload::Unused(wire_type))?,
            2 => {
                let length = self.varint()?;
                let length = usize::try_from(length).map_err(|_| ProtobufError::Truncated)?;
                Payload::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Payload::Unused(wire_type))?,
            _ => return Ok(None),
        }))
    }

    /// Skips to the end of a group. Nested groups are counted, because recursion could overflow the
    /// stack.
    fn skip_group(&mut self) -> Result<(), ProtobufError> {
        let mut depth = 1_usize;
        while depth > 0 {
            match self.tag()? {
                (_, 3) => depth += 1,
                (_, 4) => depth -= 1,
                (number, wire_type) => {
                    self.scalar(wire_type)?
                        .ok_or_else(|| illegal(number.into(), wire_type))?;
                }
            }
        }
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], ProtobufError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(ProtobufError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'a> Payload<'a> {
    pub(super) fn varint(self, field: &'static str) -> Result<u64, ProtobufError> {
        match self {
            Self::Varint(value) => Ok(value),
            Self::Bytes(_) | Self::Unused(_) => Err(self.wrong_type(field)),
        }
    }

    pub(super) fn bytes(self, field: &'static str) -> Result<&'a [u8], ProtobufError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes),
            Self::Varint(_) | Self::Unused(_) => Err(self.wrong_type(field)),
        }
    }

    pub(super) fn text(self, field: &'static str) -> Result<&'a str, ProtobufError> {
        std::str::from_utf8(self.bytes(field)?).map_err(|error| ProtobufError::Value {
            field,
            why: error.to_string(),
        })
    }

    fn wrong_type(self, field: &'static str) -> ProtobufError {
        let wire_type = match self {
            Self::Varint(_) => 0,
            Self::Bytes(_) => 2,
            Self::Unused(wire_type) => wire_type,
        };
        ProtobufError::WireType { field, wire_type }
    }
}

fn illegal(number: u64, wire_type: u8) -> ProtobufError {
    ProtobufError::Tag { number, wire_type }
}
