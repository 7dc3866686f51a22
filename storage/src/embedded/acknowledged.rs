//! How far the store was when it last acknowledged something, beside the store itself.
//!
//! redb keeps its last two commits. Where the newer one does not match its checksums, which is so
//! after a crash in the middle of a commit, redb goes back to the older one, and must: the newer one
//! was never acknowledged. Damage done to a commit that *was* acknowledged looks the same to it. This
//! file tells the two apart: a store that ends before what it says has lost something.
//!
//! It is written after each commit and before anybody hears of it, and not flushed: what a killed
//! process wrote is there, and after a power failure it is a little behind, never ahead.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use super::error::OpenError;
use super::private_file::private;
use crate::Revision;

const FILE: &str = "store.acknowledged";
const MAGIC: [u8; 8] = *b"portack1";
const LENGTH: usize = 24;

/// The open file.
pub(super) struct Acknowledged {
    path: PathBuf,
    file: File,
    /// Whether the last attempt to write it failed.
    failed: bool,
}

impl Acknowledged {
    /// Checks that no store has acknowledged anything in the directory, whose store, `store`, is
    /// missing. A store is complete before this file is first written, so whatever the file holds, it
    /// means that a store was there.
    ///
    /// # Errors
    /// [`OpenError::Missing`] where one has.
    pub(super) fn ensure_none(dir: &Path, store: &Path) -> Result<(), OpenError> {
        let path = dir.join(FILE);
        match fs::symlink_metadata(&path) {
            Ok(_) => Err(OpenError::Missing {
                path: store.into(),
                mark: path,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(OpenError::io(&path, error)),
        }
    }

    /// Opens the file of a directory whose store, `store`, ends at `revision`.
    ///
    /// # Errors
    /// [`OpenError::RolledBack`] where more was acknowledged than that.
    pub(super) fn open(dir: &Path, store: &Path, revision: Revision) -> Result<Self, OpenError> {
        let path = dir.join(FILE);
        let broken = |error| OpenError::io(&path, error);
        let mut file = private().open(&path).map_err(broken)?;
        let mut bytes = Vec::with_capacity(LENGTH);
        file.read_to_end(&mut bytes).map_err(broken)?;
        match decode(&bytes) {
            Some(acknowledged) if acknowledged > revision => {
                return Err(OpenError::RolledBack {
                    path: store.into(),
                    found: revision,
                    acknowledged,
                    mark: path,
                });
            }
            None if !bytes.is_empty() => tracing::warn!(
                file = %path.display(),
                "unreadable: whether the last change before the start is still in the store cannot be told"
            ),
            _ => {}
        }
        let mut acknowledged = Self {
            path,
            file,
            failed: false,
        };
        acknowledged.note(revision);
        Ok(acknowledged)
    }

    /// Notes that everything up to `revision` is durable. That it cannot be written harms nothing but
    /// the check at the next start.
    pub(super) fn note(&mut self, revision: Revision) {
        let written = self.file.write_all_at(&encode(revision), 0);
        if let Err(error) = &written
            && !self.failed
        {
            tracing::warn!(file = %self.path.display(), %error, "the last change could not be noted");
        }
        self.failed = written.is_err();
    }

    /// Makes the note outlast a power failure.
    pub(super) fn flush(&self) {
        if let Err(error) = self.file.sync_data() {
            tracing::warn!(file = %self.path.display(), %error, "the last change could not be noted");
        }
    }
}

/// The revision, and it once more with all its bits turned, which no damage does to both.
fn encode(revision: Revision) -> [u8; LENGTH] {
    let mut bytes = [0; LENGTH];
    bytes[..8].copy_from_slice(&MAGIC);
    bytes[8..16].copy_from_slice(&revision.to_le_bytes());
    bytes[16..].copy_from_slice(&(!revision).to_le_bytes());
    bytes
}

fn decode(bytes: &[u8]) -> Option<Revision> {
    let number = |bytes: &[u8]| bytes.try_into().ok().map(Revision::from_le_bytes);
    let (magic, rest) = bytes.split_at_checked(8)?;
    let (revision, turned) = rest.split_at_checked(8)?;
    let (revision, turned) = (number(revision)?, number(turned)?);
    (magic == MAGIC && revision == !turned).then_some(revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_damaged_says_nothing() {
        let whole = encode(4711);
        assert_eq!(decode(&whole), Some(4711));
        for at in 0..LENGTH {
            let mut damaged = whole;
            damaged[at] ^= 0x10;
            assert_eq!(decode(&damaged), None, "{at}");
            assert_eq!(decode(&whole[..at]), None, "{at}");
        }
        assert_eq!(decode(&[0; LENGTH]), None);
    }

    #[test]
    fn a_store_that_ends_earlier_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let open = |revision| Acknowledged::open(dir.path(), Path::new("store.redb"), revision);
        open(7).unwrap().note(9);
        let error = open(8).err().unwrap().to_string();
        for part in ["store.redb", "revision 8", "revision 9", FILE] {
            assert!(error.contains(part), "{error}");
        }
        open(9).unwrap();
        open(12).unwrap();
        open(11).err().unwrap();
    }
}
