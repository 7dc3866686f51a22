//! The newest changes, ahead of the store's file: one appended block for each commit.
//!
//! A transaction of redb changes a dozen pages, whatever it writes. A commit therefore appends its changes to
//! this file, and they move to redb together once there are [`FULL`] bytes of them, or when something else
//! needs a transaction; then the next block goes to the start of the file again.
//!
//! The file is a header and blocks. A block has the revision of its first record, the records of one commit,
//! whose revisions follow each other, and a checksum. What follows the last block is what earlier rounds left:
//! blocks of older revisions, which redb has, or parts of them.
//!
//! A block is written only once the one before it is durable. So an invalid block with a valid newer one behind
//! it is damage, and one with none is a commit that was under way, and was never acknowledged, unless
//! [`Acknowledged`](super::acknowledged::Acknowledged) says otherwise.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use redb::StorageBackend;

use super::record::Encoded;
use crate::{Event, Revision};

/// At this size the changes move to redb: enough to share a transaction's cost, and few enough to move within
/// some milliseconds.
pub(super) const FULL: u64 = 1 << 20;

const MAGIC: [u8; 8] = *b"portjrn1";
/// The magic bytes, the seed, and their checksum.
const HEADER: usize = 28;
const BLOCK: [u8; 4] = *b"blk1";
/// The magic bytes, the length of the records, their checksum, and the first revision.
const BLOCK_HEADER: usize = 20;
const LENGTH: usize = 4;

/// The open file.
pub(super) struct Journal {
    file: Box<dyn StorageBackend>,
    /// Part of each checksum, so that no client can make a value that looks like a block.
    seed: [u8; 16],
    /// Where the next block goes.
    end: u64,
    newer: Newer,
}

/// What a journal holds that redb does not.
#[derive(Debug, Default)]
struct Newer {
    /// The revision of the first record.
    first: Revision,
    /// The records, in order.
    records: Vec<Bytes>,
}

impl Newer {
    /// The revision of the record to come.
    const fn next(&self) -> Revision {
        self.first + self.records.len() as u64
    }
}

/// Why a journal cannot be read.
#[derive(Debug)]
pub(super) enum JournalError {
    Io(io::Error),
    /// What is invalid.
    Damaged(String),
}

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Journal {
    /// Opens a file, or begins one that is empty. redb ends at `last`.
    pub(super) fn open(
        file: Box<dyn StorageBackend>,
        last: Revision,
    ) -> Result<Self, JournalError> {
        let length = usize::try_from(file.len()?).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        file.read(0, &mut bytes)?;
        let bytes = Bytes::from(bytes);
        let Some(seed) = seed_of(&bytes) else {
            if length > HEADER {
                return Err(JournalError::Damaged("its header is invalid".into()));
            }
            // not yet begun: it is durable before its first block
            return Ok(Self::begin(file)?);
        };
        let (newer, end) = newer(&bytes, &seed, last)?;
        Ok(Self {
            file,
            seed,
            end: end as u64,
            newer,
        })
    }

    fn begin(file: Box<dyn StorageBackend>) -> io::Result<Self> {
        let seed = random();
        let mut header = [&MAGIC[..], &seed].concat();
        header.extend(crc32fast::hash(&header).to_le_bytes());
        file.write(0, &header)?;
        file.sync_data()?;
        Ok(Self {
            file,
            seed,
            end: HEADER as u64,
            newer: Newer::default(),
        })
    }

    /// Whether a block of these changes has a place; otherwise they belong into redb.
    pub(super) fn has_room(&self, changes: &[Arc<Event>]) -> bool {
        let encoded = changes.iter().filter_map(|event| Encoded::of(event));
        let bytes: usize = encoded.map(|record| LENGTH + record.len()).sum();
        self.end + (BLOCK_HEADER + bytes) as u64 <= FULL
    }

    /// Durably appends the changes of a commit. After an error they may or may not be there.
    pub(super) fn append(&mut self, changes: &[Arc<Event>]) -> io::Result<()> {
        let Some(first) = changes.first() else {
            return Ok(());
        };
        let bytes = Bytes::from(block(changes, &self.seed));
        self.file.write(self.end, &bytes)?;
        self.file.sync_data()?;
        self.end += bytes.len() as u64;
        if self.newer.records.is_empty() {
            self.newer.first = first.revision();
        }
        let records = records(&bytes.slice(BLOCK_HEADER..));
        self.newer.records.extend(records.unwrap_or_default());
        Ok(())
    }

    /// The records that redb does not have.
    pub(super) fn records(&self) -> impl Iterator<Item = (Revision, &[u8])> {
        (self.newer.first..).zip(self.newer.records.iter().map(|record| &**record))
    }

    /// The revision of the last of them.
    pub(super) fn last(&self) -> Option<Revision> {
        let any = !self.newer.records.is_empty();
        any.then(|| self.newer.next() - 1)
    }

    /// Goes back to the start, once redb has all changes.
    pub(super) fn rewind(&mut self) {
        self.end = HEADER as u64;
        self.newer.records.clear();
    }
}

/// The records of a block; `None` if they do not fill it.
fn records(block: &Bytes) -> Option<Vec<Bytes>> {
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

/// Sixteen bytes that nobody can foresee: the keys of the standard library's hash maps are.
fn random() -> [u8; 16] {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(0_u8).to_le_bytes();
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&half());
    seed[8..].copy_from_slice(&half());
    seed
}

fn seed_of(bytes: &[u8]) -> Option<[u8; 16]> {
    let (header, checksum) = bytes.get(..HEADER)?.split_last_chunk::<4>()?;
    let (magic, seed) = header.split_first_chunk::<8>()?;
    let is_valid = *magic == MAGIC && crc32fast::hash(header) == u32::from_le_bytes(*checksum);
    is_valid.then(|| seed.try_into().ok())?
}

fn checksum(seed: &[u8], first: Revision, records: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(seed);
    hasher.update(&first.to_le_bytes());
    hasher.update(records);
    hasher.finalize()
}

fn block(changes: &[Arc<Event>], seed: &[u8]) -> Vec<u8> {
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
struct Block<'b> {
    first: Revision,
    records: &'b [u8],
}

impl<'b> Block<'b> {
    /// The block at the start of `bytes`; `None` if there is no valid one.
    fn read(bytes: &'b [u8], seed: &[u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(BLOCK_HEADER)?;
        let number = |at: usize| Some(u32::from_le_bytes(header.get(at..at + 4)?.try_into().ok()?));
        if header.first_chunk::<4>() != Some(&BLOCK) {
            return None;
        }
        let records = rest.get(..usize::try_from(number(4)?).ok()?)?;
        let first = Revision::from_le_bytes(header.get(12..)?.try_into().ok()?);
        (checksum(seed, first, records) == number(8)?).then_some(Self { first, records })
    }

    fn length(&self) -> usize {
        BLOCK_HEADER + self.records.len()
    }
}

/// The records after `last`, and where they end.
fn newer(bytes: &Bytes, seed: &[u8], last: Revision) -> Result<(Newer, usize), JournalError> {
    let mut found = Newer {
        first: last + 1,
        records: Vec::new(),
    };
    let (mut at, mut end) = (HEADER, HEADER);
    while let Some(block) = bytes.get(at..).and_then(|rest| Block::read(rest, seed)) {
        let records = records(&bytes.slice_ref(block.records))
            .ok_or_else(|| JournalError::Damaged(format!("the block at byte {at} is invalid")))?;
        let next = found.next();
        let count = records.len() as u64;
        at += block.length();
        if block.first == next {
            found.records.extend(records);
            end = at;
        } else if block.first > next {
            let why = format!("revision {next} is missing before {}", block.first);
            return Err(JournalError::Damaged(why));
        } else if block.first + count > next {
            let why = format!("only a part of the block at byte {at} is in the store");
            return Err(JournalError::Damaged(why));
        } else if !found.records.is_empty() {
            // what an earlier round left
            break;
        }
    }
    let next = found.next();
    match lost(bytes, seed, at, next) {
        Some(revision) => Err(JournalError::Damaged(format!(
            "revision {revision} follows an invalid block"
        ))),
        None => Ok((found, end)),
    }
}

/// The first revision of a valid block, from `at` on, that is not older than `next`.
fn lost(bytes: &[u8], seed: &[u8], at: usize, next: Revision) -> Option<Revision> {
    let starts = bytes.len().saturating_sub(BLOCK.len());
    (at..starts)
        .filter(|start| bytes[*start..].starts_with(&BLOCK))
        .filter_map(|start| Block::read(&bytes[start..], seed))
        .find(|block| block.first >= next)
        .map(|block| block.first)
}

#[cfg(test)]
mod tests;
