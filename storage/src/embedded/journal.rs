//! The newest changes, ahead of the store's file: one appended block for each commit.
//!
//! A transaction of redb changes a dozen pages, whatever it writes. A commit therefore appends its changes to
//! this file, and they move to redb together once there are [`FULL`] bytes of them, or when something else
//! needs a transaction; then the next block goes to the start of the file again.
//!
//! The file is a header and, from [`START`] on, blocks. A block has the revision of its first record, the records
//! of one commit, whose revisions follow each other, and a checksum. What follows the last block is what earlier
//! rounds left, blocks of older revisions, which redb has, or parts of them, or zeros: the file has its full size
//! from the start, so that no block fails for lack of space.
//!
//! A block is written only once the one before it is durable. So an invalid block with a valid newer one behind
//! it is damage, and one with none is a commit that was under way, and was never acknowledged, unless
//! [`Acknowledged`](super::acknowledged::Acknowledged) says otherwise. Disks are expected to write sectors whole
//! or not at all: a block may share its first one with the block before it.
//!
//! redb has the journal's number while it has to be read, so that no other journal can take its place.

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use redb::StorageBackend;

use super::error::OpenError;
use super::record::Encoded;
use crate::{Event, Revision};

/// At this size the changes move to redb: enough to share a transaction's cost, and few enough to move within
/// some milliseconds.
pub(super) const FULL: u64 = 1 << 20;

/// Where the blocks begin: behind whatever a disk writes at once.
const START: usize = 4096;
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
    /// Part of each checksum, so that no client can make a value that looks like a block, and no block of an
    /// earlier journal counts. Without it nothing can be appended.
    seed: Option<Seed>,
    /// Where the next block goes.
    end: u64,
    newer: Newer,
}

type Seed = [u8; 16];

/// What distinguishes a journal from others.
fn number(seed: &Seed) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|at| seed[at]))
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

impl JournalError {
    /// The error of a store with this journal.
    pub(super) fn at(self, path: &Path) -> OpenError {
        match self {
            Self::Io(error) => OpenError::io(path, error),
            Self::Damaged(why) => OpenError::corrupt(
                path,
                format!(
                    "{why}; restore the directory from a backup, or remove this file and \
                     store.acknowledged to continue without the newest changes"
                ),
            ),
        }
    }
}

impl From<io::Error> for JournalError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Journal {
    /// A file whose content does not count.
    pub(super) fn new(file: Box<dyn StorageBackend>) -> Self {
        Self {
            file,
            seed: None,
            end: START as u64,
            newer: Newer::default(),
        }
    }

    /// Reads the journal of this number; redb ends at `last`. There may be none, if its owner has removed it.
    pub(super) fn read(&mut self, wanted: u64, last: Revision) -> Result<(), JournalError> {
        let length = self.file.len()?;
        if length == 0 {
            return Ok(());
        }
        if length > FULL {
            return Err(damaged(format!("it has {length} bytes")));
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        self.file.read(0, &mut bytes)?;
        let bytes = Bytes::from(bytes);
        let seed = seed_of(&bytes).ok_or_else(|| damaged("its header is invalid"))?;
        if number(&seed) != wanted {
            return Err(damaged("it belongs to another store"));
        }
        let (newer, end) = newer(&bytes, &seed, last)?;
        if !newer.records.is_empty() {
            // The last block may be only in the system's memory, if the process ended before it was synced.
            self.file.write(START as u64, &bytes[START..end])?;
            self.file.sync_data()?;
        }
        self.seed = Some(seed);
        self.end = end as u64;
        self.newer = newer;
        Ok(())
    }

    /// Begins anew, and returns the number. Nothing that the file held counts any more.
    pub(super) fn begin(&mut self) -> io::Result<u64> {
        let seed = random();
        let mut header = [&MAGIC[..], &seed].concat();
        header.extend(crc32fast::hash(&header).to_le_bytes());
        let length = self.file.len()?;
        if length != FULL {
            let missing = FULL.saturating_sub(length);
            let zeros = vec![0; usize::try_from(missing).map_err(io::Error::other)?];
            self.file.set_len(FULL)?;
            self.file.write(FULL - missing, &zeros)?;
        }
        self.file.write(0, &header)?;
        self.file.sync_data()?;
        self.seed = Some(seed);
        self.rewind();
        Ok(number(&seed))
    }

    /// Whether changes can be appended.
    pub(super) const fn is_begun(&self) -> bool {
        self.seed.is_some()
    }

    /// Whether the file is there in name only.
    pub(super) fn is_empty(&self) -> io::Result<bool> {
        Ok(self.file.len()? == 0)
    }

    /// Whether a block of these changes has a place; otherwise they belong into redb.
    pub(super) fn has_room(&self, changes: &[Arc<Event>]) -> bool {
        let encoded = changes.iter().filter_map(|event| Encoded::of(event));
        let bytes: usize = encoded.map(|record| LENGTH + record.len()).sum();
        self.is_begun() && self.end + (BLOCK_HEADER + bytes) as u64 <= FULL
    }

    /// Durably appends the changes of a commit. After an error they may or may not be there.
    pub(super) fn append(&mut self, changes: &[Arc<Event>]) -> io::Result<()> {
        let (Some(first), Some(seed)) = (changes.first(), &self.seed) else {
            return Err(io::Error::other("there is no journal to append to"));
        };
        let bytes = Bytes::from(block(changes, seed));
        let records = records(&bytes.slice(BLOCK_HEADER..));
        let records = records.ok_or_else(|| io::Error::other("a block without its records"))?;
        self.file.write(self.end, &bytes)?;
        self.file.sync_data()?;
        self.end += bytes.len() as u64;
        if self.newer.records.is_empty() {
            self.newer.first = first.revision();
        }
        self.newer.records.extend(records);
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
        self.end = START as u64;
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

fn damaged(why: impl Into<String>) -> JournalError {
    JournalError::Damaged(why.into())
}

/// Sixteen unpredictable bytes, like the keys of the standard library's hash maps.
fn random() -> Seed {
    use std::hash::{BuildHasher, RandomState};
    let half = || RandomState::new().hash_one(0_u8).to_le_bytes();
    let mut seed = [0; 16];
    seed[..8].copy_from_slice(&half());
    seed[8..].copy_from_slice(&half());
    seed
}

fn seed_of(bytes: &[u8]) -> Option<Seed> {
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
        first: last.saturating_add(1),
        records: Vec::new(),
    };
    let (mut at, mut end) = (START, START);
    while let Some(block) = bytes.get(at..).and_then(|rest| Block::read(rest, seed)) {
        let records = records(&bytes.slice_ref(block.records))
            .ok_or_else(|| damaged(format!("the block at byte {at} is invalid")))?;
        let next = found.next();
        let count = records.len() as u64;
        at += block.length();
        if block.first == next {
            found.records.extend(records);
            end = at;
        } else if block.first > next {
            let why = format!("revision {next} is missing before {}", block.first);
            return Err(damaged(why));
        } else if block.first.saturating_add(count) > next {
            let why = format!("only a part of the block at byte {at} is in the store");
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
