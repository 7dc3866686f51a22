//! The revision that was last acknowledged, in a file beside the store.
//!
//! redb keeps its last two commits. If the newer one does not match its checksums, as after a crash
//! in the middle of a commit, redb rolls back to the older one, and must: the newer one was never
//! acknowledged. Damage to a commit that *was* acknowledged looks the same. This file distinguishes
//! the two: a store that ends before the acknowledged revision has lost data.
//!
//! It is written after each commit and before the commit is acknowledged, but not synced: it
//! survives a kill of the process; after a power failure it may be slightly stale, never ahead.

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
    /// Checks that no store in the directory, whose file `store` is missing, has acknowledged a
    /// write. The store's file is complete before this one is first written, so the existence of
    /// this one, whatever its content, shows that there was a store.
    ///
    /// # Errors
    /// [`OpenError::Missing`] if there was one.
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

    /// Opens the file in a directory whose store, `store`, ends at `revision`.
    ///
    /// # Errors
    /// [`OpenError::RolledBack`] if a later revision was acknowledged.
    pub(super) fn open(dir: &Path, store: &Path, revision: Revision) -> Result<Self, OpenError> {
        let path = dir.join(FILE);
        let io_error = |error| OpenError::io(&path, error);
        let mut file = private().open(&path).map_err(io_error)?;
        let mut bytes = Vec::with_capacity(LENGTH);
        file.read_to_end(&mut bytes).map_err(io_error)?;
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
                "unreadable: cannot verify that the store still holds the last acknowledged write"
            ),
            _ => {}
        }
        let mut acknowledged = Self {
            path,
            file,
            failed: false,
        };
        acknowledged.record(revision);
        Ok(acknowledged)
    }

    /// Records that everything up to `revision` is durable. A failure only affects the check at the
    /// next start.
    pub(super) fn record(&mut self, revision: Revision) {
        let written = self.file.write_all_at(&encode(revision), 0);
        if let Err(error) = &written
            && !self.failed
        {
            tracing::warn!(file = %self.path.display(), %error, "cannot record the last acknowledged revision");
        }
        self.failed = written.is_err();
    }

    /// Syncs the file, so that it survives a power failure.
    pub(super) fn sync(&self) {
        if let Err(error) = self.file.sync_data() {
            tracing::warn!(file = %self.path.display(), %error, "cannot record the last acknowledged revision");
        }
    }
}

/// The revision, followed by its bitwise complement to detect damage.
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
    let (revision, inverted) = rest.split_at_checked(8)?;
    let (revision, inverted) = (number(revision)?, number(inverted)?);
    (magic == MAGIC && revision == !inverted).then_some(revision)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_is_detected() {
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
    fn a_store_behind_the_acknowledged_revision_is_rejected() {
        let dir = tempfile::tempdir().unwrap();
        let open = |revision| Acknowledged::open(dir.path(), Path::new("store.redb"), revision);
        open(7).unwrap().record(9);
        let error = open(8).err().unwrap().to_string();
        for part in ["store.redb", "revision 8", "revision 9", FILE] {
            assert!(error.contains(part), "{error}");
        }
        open(9).unwrap();
        open(12).unwrap();
        open(11).err().unwrap();
    }
}
