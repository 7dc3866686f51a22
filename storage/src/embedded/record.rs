//! The encoding of one change on disk, stored under its revision.
//!
//! A byte for put or delete, the key's length (4 bytes, little-endian), the key, and for a put the
//! value up to the end. redb adds checksums.

use crate::{Entry, Event};

const DELETE: u8 = 0;
const PUT: u8 = 1;
const HEADER: usize = 5;

/// A decoded change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Record<'a> {
    Put { key: &'a str, value: &'a [u8] },
    Delete { key: &'a str },
}

impl<'a> Record<'a> {
    /// Decodes a record; `None` if it is invalid.
    pub(super) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(HEADER)?;
        let length = u32::from_le_bytes(header[1..].try_into().ok()?);
        let (key, value) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        let key = std::str::from_utf8(key).ok()?;
        match header[0] {
            PUT => Some(Self::Put { key, value }),
            DELETE if value.is_empty() => Some(Self::Delete { key }),
            _ => None,
        }
    }
}

/// The encoding of a change in parts, so that the value is copied only once.
pub(super) struct Encoded<'a> {
    header: [u8; HEADER],
    key: &'a [u8],
    value: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// The record of `event`; `None` for [`Event::Progress`].
    pub(super) fn of(event: &'a Event) -> Option<Self> {
        match event {
            Event::Put { entry, .. } => Some(Self::new(PUT, entry, &entry.value)),
            Event::Delete { previous, .. } => Some(Self::new(DELETE, previous, &[])),
            Event::Progress(_) => None,
        }
    }

    fn new(kind: u8, entry: &'a Entry, value: &'a [u8]) -> Self {
        let mut header = [kind; HEADER];
        // Keys are far below 4 GiB, and redb rejects records above 3 GiB.
        let length = u32::try_from(entry.key.len()).unwrap_or(u32::MAX);
        header[1..].copy_from_slice(&length.to_le_bytes());
        Self {
            header,
            key: entry.key.as_bytes(),
            value,
        }
    }

    pub(super) fn len(&self) -> usize {
        HEADER + self.key.len() + self.value.len()
    }

    /// Writes the record to `target`, whose length must be [`Encoded::len`].
    pub(super) fn write_to(&self, target: &mut [u8]) {
        let (header, rest) = target.split_at_mut(HEADER);
        let (key, value) = rest.split_at_mut(self.key.len());
        header.copy_from_slice(&self.header);
        key.copy_from_slice(self.key);
        value.copy_from_slice(self.value);
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::Frame;

    fn bytes_of(event: &Event) -> Vec<u8> {
        let encoded = Encoded::of(event).unwrap();
        let mut bytes = vec![0; encoded.len()];
        encoded.write_to(&mut bytes);
        bytes
    }

    #[test]
    fn records_round_trip() {
        let entry = Entry::new("/k", Bytes::from_static(b"v\0w"), 7);
        let put = Event::Put {
            entry: entry.clone(),
            previous: None,
            frame: Frame::default(),
        };
        let read = bytes_of(&put);
        assert_eq!(
            Record::decode(&read),
            Some(Record::Put {
                key: "/k",
                value: b"v\0w"
            })
        );

        let delete = Event::Delete {
            previous: entry,
            revision: 8,
            frame: Frame::default(),
        };
        assert_eq!(
            Record::decode(&bytes_of(&delete)),
            Some(Record::Delete { key: "/k" })
        );
    }

    #[test]
    fn invalid_records_are_rejected() {
        for bad in [
            &b""[..],
            b"\x01\x05\0\0\0abc",
            b"\x02\x01\0\0\0a",
            b"\0\x01\0\0\0ab",
            b"\x01\x01\0\0\0\xff",
        ] {
            assert_eq!(Record::decode(bad), None, "{bad:?}");
        }
    }
}
