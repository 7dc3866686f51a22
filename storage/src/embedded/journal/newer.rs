//! What of a journal counts.

use bytes::Bytes;

use super::block::{BLOCK, Block, records};
use super::{JournalError, START, Seed, damaged};
use crate::Revision;

/// What a journal holds that redb does not.
#[derive(Debug, Default)]
pub(super) struct Newer {
    /// The revision of the first record.
    pub(super) first: Revision,
    /// The records, in order.
    pub(super) records: Vec<Bytes>,
}

impl Newer {
    /// The revision of the record to come.
    pub(super) const fn next(&self) -> Revision {
        self.first + self.records.len() as u64
    }
}

/// The records after `last`, and where they end.
pub(super) fn newer(
    bytes: &Bytes,
    seed: &Seed,
    last: Revision,
) -> Result<(Newer, usize), JournalError> {
    let mut found = Newer {
        first: last.saturating_add(1),
        records: Vec::new(),
    };
    let (mut at, mut end) = (START, START);
    while let Some(block) = bytes.get(at..).and_then(|rest| Block::read(rest, seed)) {
        let records = records(&bytes.slice_ref(block.records))
            .ok_or_else(|| damaged(format!("the block at byte {at} is invalid")))?;
        let next = found.next();
        let (start, count) = (at, records.len() as u64);
        at += block.length();
        if block.first == next {
            found.records.extend(records);
            end = at;
        } else if block.first > next {
            let why = format!("revision {next} is missing before {}", block.first);
            return Err(damaged(why));
        } else if block.first.saturating_add(count) > next {
            let why = format!("only a part of the block at byte {start} is in the store");
            return Err(damaged(why));
        } else if !found.records.is_empty() {
            // what an earlier round left
            break;
        }
    }
    let next = found.next();
    match lost(bytes, seed, at, next) {
        Some(revision) => Err(damaged(format!(
            "revision {revision} follows an invalid block"
        ))),
        None => Ok((found, end)),
    }
}

/// The first revision of a valid block, from `at` on, that is not older than `next`.
fn lost(bytes: &[u8], seed: &Seed, at: usize, next: Revision) -> Option<Revision> {
    let starts = bytes.len().saturating_sub(BLOCK.len());
    (at..starts)
        .filter(|start| bytes[*start..].starts_with(&BLOCK))
        .filter_map(|start| Block::read(&bytes[start..], seed))
        .find(|block| block.first >= next)
        .map(|block| block.first)
}
