//! A block: the changes of one commit.

use std::sync::Arc;

use bytes::Bytes;

use super::Seed;
use crate::embedded::record::Encoded;
use crate::{Event, Revision};

/// The start of each block.
pub(super) const BLOCK: [u8; 4] = *b"blk1";
/// The magic bytes, the length of the records, their checksum, and the first revision.
pub(super) const BLOCK_HEADER: usize = 20;
const LENGTH: usize = 4;

/// The size of a block of these changes.
pub(super) fn size(changes: &[Arc<Event>]) -> usize {
    let encoded = changes.iter().filter_map(|event| Encoded::of(event));
    let records: usize = encoded.map(|record| LENGTH + record.len()).sum();
    BLOCK_HEADER + records
}

fn checksum(seed: &Seed, first: Revision, records: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(seed);
    hasher.update(&first.to_le_bytes());
    hasher.update(records);
    hasher.finalize()
}

/// The block of some changes.
pub(super) fn block(changes: &[Arc<Event>], seed: &Seed) -> Vec<u8> {
    let first = changes.first().map_or(0, |event| event.revision());
    let encoded: Vec<_> = changes
        .iter()
        .filter_map(|event| Encoded::of(event))
        .collect();
    let length: usize = encoded.iter().map(|record| LENGTH + record.len()).sum();
    let mut block = vec![0; BLOCK_HEADER + length];
    let (header, mut rest) = block.split_at_mut(BLOCK_HEADER);
    for record in &encoded {
        let (length, after) = rest.split_at_mut(LENGTH);
        let (space, after) = after.split_at_mut(record.len());
        // a batch is far below 4 GiB
        length.copy_from_slice(
            &u32::try_from(record.len())
                .unwrap_or(u32::MAX)
                .to_le_bytes(),
        );
        record.write_to(space);
        rest = after;
    }
    header[..4].copy_from_slice(&BLOCK);
    header[4..8].copy_from_slice(&u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
    header[12..].copy_from_slice(&first.to_le_bytes());
    let sum = checksum(seed, first, &block[BLOCK_HEADER..]);
    block[8..12].copy_from_slice(&sum.to_le_bytes());
    block
}

/// A valid block.
pub(super) struct Block<'b> {
    pub(super) first: Revision,
    pub(super) records: &'b [u8],
}

impl<'b> Block<'b> {
    /// The block at the start of `bytes`; `None` if there is no valid one.
    pub(super) fn read(bytes: &'b [u8], seed: &Seed) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(BLOCK_HEADER)?;
        let number = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
        if header.first_chunk::<4>() != Some(&BLOCK) {
            return None;
        }
        let records = rest.get(..usize::try_from(number(4)?).ok()?)?;
        let first = Revision::from_le_bytes(header.get(12..)?.try_into().ok()?);
        (checksum(seed, first, records) == number(8)?).then_some(Self { first, records })
    }

    pub(super) fn length(&self) -> usize {
        BLOCK_HEADER + self.records.len()
    }
}

/// The records of a block; `None` if they do not fill it.
pub(super) fn records(block: &Bytes) -> Option<Vec<Bytes>> {
    let (mut records, mut rest) = (Vec::new(), &block[..]);
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<LENGTH>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        let (record, after) = after.split_at_checked(length)?;
        records.push(block.slice_ref(record));
        rest = after;
    }
    Some(records)
}
