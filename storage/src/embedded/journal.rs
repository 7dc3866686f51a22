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
//! or not at all: a block may share its first sector with the block before it. As that sector may contain the
//! beginning of a block's header, the place of the next block's header is cleared before anything is written
//! there after a start.
//!
//! redb has the journal's number while it has to be read, so that no other journal can take its place.

mod block;
mod newer;

use std::io;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use redb::StorageBackend;

use self::block::{BLOCK_HEADER, block, records, size};
use self::newer::{Newer, newer};
use super::error::OpenError;
use crate::{Event, Revision};

/// At this size the changes move to redb: enough to share a transaction's cost, and few enough to move within
/// some milliseconds.
pub(super) const FULL: u64 = 1 << 20;

/// Where the blocks begin: behind whatever a disk writes at once.
const START: usize = 4096;
const MAGIC: [u8; 8] = *b"portjrn1";
/// The magic bytes, the seed, and their checksum.
const HEADER: usize = 28;

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
    /// A file whose content is ignored.
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
        let torn = &bytes[end.min(bytes.len())..bytes.len().min(end + BLOCK_HEADER)];
        let is_torn = torn.iter().any(|byte| *byte != 0);
        if is_torn {
            // The next block's first sector must not complete what is left here of one that was never committed.
            self.file
                .write(end as u64, &[0; BLOCK_HEADER][..torn.len()])?;
        }
        if !newer.records.is_empty() {
            // The last block may be only in the system's memory, if the process ended before it was synced.
            self.file.write(START as u64, &bytes[START..end])?;
        }
        if is_torn || !newer.records.is_empty() {
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
        if !self.is_whole()? {
            let zeros = vec![0; usize::try_from(FULL).map_err(io::Error::other)?];
            self.file.set_len(FULL)?;
            self.file.write(0, &zeros)?;
            self.file.sync_data()?;
        }
        self.file.write(0, &header)?;
        self.file.sync_data()?;
        self.seed = Some(seed);
        self.rewind();
        Ok(number(&seed))
    }

    /// Whether the disk has given the file all its space: only then it gets its first header. Its length does not
    /// tell, for files may have holes.
    fn is_whole(&self) -> io::Result<bool> {
        if self.file.len()? != FULL {
            return Ok(false);
        }
        let mut header = [0; HEADER];
        self.file.read(0, &mut header)?;
        Ok(seed_of(&header).is_some())
    }

    /// Whether changes can be appended.
    pub(super) const fn is_begun(&self) -> bool {
        self.seed.is_some()
    }

    /// Whether a block of these changes has a place; otherwise they belong into redb.
    pub(super) fn has_room(&self, changes: &[Arc<Event>]) -> bool {
        self.is_begun() && self.end + size(changes) as u64 <= FULL
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

    /// Ends it, once redb has all changes and its number no more.
    pub(super) fn finish(&mut self) {
        self.seed = None;
        self.rewind();
    }

    /// Goes back to the start, once redb has all changes.
    pub(super) fn rewind(&mut self) {
        self.end = START as u64;
        self.newer.records.clear();
    }
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

#[cfg(test)]
mod tests;
