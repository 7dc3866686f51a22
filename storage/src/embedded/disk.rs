//! The store on disk: one redb file with all changes since the last compaction.
//!
//! A second file, `store.lock`, excludes other processes: it is created before the first, and never
//! replaced.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::{
    Builder, Database, Durability, ReadableDatabase, ReadableTable, StorageBackend,
    TableDefinition, backends::FileBackend,
};

use super::acknowledged::Acknowledged;
use super::error::OpenError;
use super::file::{Survives, Unsynced};
use super::private_file::private;
use super::record::{Encoded, Record};
use crate::{Event, Revision};

/// The format that this version writes, and the newest it reads.
const FORMAT: u64 = 1;
const FILE: &str = "store.redb";
const LOCK: &str = "store.lock";

/// All changes by revision.
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// The format and the compacted revision.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("portcullis");
/// Data written to check that the store is writable.
const PROBE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("probe");
const PROBE_MARGIN: usize = 64 << 10;
const META_FORMAT: &str = "format";
const META_COMPACTED: &str = "compacted";

/// redb's cache size. Reads are served from the index, and writes append to one table, so little is
/// read twice.
const CACHE_BYTES: usize = 4 << 20;

/// How long the removal of old records may delay one transaction.
const SWEEP_TIME: Duration = Duration::from_millis(5);

/// How long to wait for a lock that another process holds.
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);

/// The open database file.
pub(super) struct Disk {
    path: PathBuf,
    database: Database,
}

/// The exclusive lock of a directory, held until dropped.
pub(super) struct DirLock(#[expect(dead_code, reason = "its being open is the lock")] File);

/// The content of one transaction.
pub(super) struct Batch<'a> {
    pub(super) changes: &'a [Arc<Event>],
    /// The new compacted revision, if it changes.
    pub(super) compacted: Option<Revision>,
    /// Records that no read can reach any more, removed from the last one on.
    pub(super) garbage: &'a [Revision],
}

impl DirLock {
    /// Locks the directory; creates it, accessible to its owner only, if it does not exist.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let made = builder.create(dir);
        made.map_err(|error| OpenError::io(dir, error))?;
        let path = dir.join(LOCK);
        let file = private()
            .open(&path)
            .map_err(|error| OpenError::io(&path, error))?;
        match lock(&file) {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path }),
            Err(TryLockError::Error(error)) => Err(OpenError::io(&path, error)),
        }
    }
}

/// Locks a file, and retries for a short time: a child process inherits its parent's open files,
/// and with them the locks, until it calls exec.
fn lock(file: &File) -> Result<(), TryLockError> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_TIMEOUT => {
                std::thread::sleep(LOCK_TIMEOUT / 20);
            }
            outcome => return outcome,
        }
    }
}

impl Disk {
    /// Opens the directory's file, or creates it. The caller holds the directory's lock.
    pub(super) fn open(dir: &Path, survives: Survives) -> Result<Self, OpenError> {
        let path = dir.join(FILE);
        if path
            .try_exists()
            .map_err(|error| OpenError::io(&path, error))?
        {
            Self::open_existing(path, survives)
        } else {
            Self::create(dir, path, survives)
        }
    }

    /// Opens the directory's existing file.
    pub(super) fn reopen(dir: &Path, survives: Survives) -> Result<Self, OpenError> {
        Self::open_existing(dir.join(FILE), survives)
    }

    fn open_existing(path: PathBuf, survives: Survives) -> Result<Self, OpenError> {
        let length = fs::metadata(&path)
            .map_err(|error| OpenError::io(&path, error))?
            .len();
        if length == 0 {
            // redb would initialise it as an empty store, but a store's file is never created
            // empty.
            return Err(OpenError::corrupt(&path, "the file is empty"));
        }
        let disk = Self::at(path, survives)?;
        let found = disk.meta(META_FORMAT)?;
        match found {
            Some(FORMAT) => Ok(disk),
            Some(found) if found > FORMAT => Err(OpenError::Newer {
                path: disk.path,
                found,
                known: FORMAT,
            }),
            _ => Err(OpenError::not_ours(&disk.path, "it has no format version")),
        }
    }

    /// Creates the file under a temporary name first, so that an existing one is always complete.
    fn create(dir: &Path, path: PathBuf, survives: Survives) -> Result<Self, OpenError> {
        Acknowledged::ensure_none(dir, &path)?;
        let draft = path.with_extension("redb.new");
        match fs::remove_file(&draft) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(OpenError::io(&draft, error));
            }
            _ => {}
        }
        let mut disk = Self::at(draft.clone(), survives)?;
        disk.initialise()
            .map_err(|error| OpenError::redb(&draft, error))?;
        fs::rename(&draft, &path).map_err(|error| OpenError::io(&path, error))?;
        if survives == Survives::PowerFailure {
            let synced = File::open(dir).and_then(|dir| dir.sync_all());
            synced.map_err(|error| OpenError::io(dir, error))?;
        }
        disk.path = path;
        Ok(disk)
    }

    fn at(path: PathBuf, survives: Survives) -> Result<Self, OpenError> {
        let file = private()
            .open(&path)
            .map_err(|error| OpenError::io(&path, error))?;
        let file = FileBackend::new(file).map_err(|error| OpenError::redb(&path, error.into()))?;
        match survives {
            Survives::PowerFailure => Self::over(path, file),
            Survives::Kill => Self::over(path, Unsynced(file)),
        }
    }

    /// The database at `path`, accessed through `backend`.
    pub(super) fn over(path: PathBuf, backend: impl StorageBackend) -> Result<Self, OpenError> {
        let mut builder = Builder::new();
        // Without the check redb trusts a file that was closed cleanly, and may panic if it was
        // damaged since. The whole file is read anyway.
        builder
            .set_cache_size(CACHE_BYTES)
            .set_check_integrity_on_open(true);
        match builder.create_with_backend(backend) {
            Ok(database) => Ok(Self { path, database }),
            Err(error) => Err(OpenError::redb(&path, error.into())),
        }
    }

    fn initialise(&self) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction.open_table(META)?.insert(META_FORMAT, FORMAT)?;
        transaction.open_table(LOG)?;
        transaction.commit()?;
        Ok(())
    }

    fn meta(&self, key: &str) -> Result<Option<u64>, OpenError> {
        let read = || -> Result<Option<u64>, redb::Error> {
            let table = self.database.begin_read()?.open_table(META)?;
            let value = table.get(key)?.map(|guard| guard.value());
            Ok(value)
        };
        read().map_err(|error| OpenError::redb(&self.path, error))
    }

    /// The compacted revision.
    pub(super) fn compacted(&self) -> Result<Revision, OpenError> {
        Ok(self.meta(META_COMPACTED)?.unwrap_or(0))
    }

    /// Reads every change after `after`, in order.
    pub(super) fn replay(
        &self,
        after: Revision,
        mut visit: impl FnMut(Revision, Record<'_>) -> Result<(), OpenError>,
    ) -> Result<(), OpenError> {
        let redb_error = |error: redb::Error| OpenError::redb(&self.path, error);
        let table = (|| Ok(self.database.begin_read()?.open_table(LOG)?))().map_err(redb_error)?;
        let changes = table
            .range(after + 1..)
            .map_err(|error| redb_error(error.into()))?;
        for change in changes {
            let (revision, bytes) = change.map_err(|error| redb_error(error.into()))?;
            let revision = revision.value();
            let record = Record::decode(bytes.value()).ok_or_else(|| {
                self.corrupt(format!("revision {revision} is not a valid record"))
            })?;
            visit(revision, record)?;
        }
        Ok(())
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The revision at which the file ends.
    pub(super) fn revision(&self) -> Result<Revision, OpenError> {
        let last = || -> Result<Option<Revision>, redb::Error> {
            let table = self.database.begin_read()?.open_table(LOG)?;
            Ok(table.last()?.map(|(revision, _)| revision.value()))
        };
        let last = last().map_err(|error| OpenError::redb(&self.path, error))?;
        // Compaction may have removed the last record.
        Ok(last.unwrap_or(0).max(self.compacted()?))
    }

    pub(super) fn corrupt(&self, reason: impl Into<String>) -> OpenError {
        OpenError::corrupt(&self.path, reason)
    }

    /// Commits `batch`; after an error it may or may not have been committed. Returns how much of
    /// the garbage was removed, which is limited by time.
    pub(super) fn commit(&self, batch: &Batch<'_>) -> Result<usize, redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        let mut removed = 0;
        {
            let mut log = transaction.open_table(LOG)?;
            for event in batch.changes {
                let Some(record) = Encoded::of(event) else {
                    continue;
                };
                let mut space = log.insert_reserve(event.revision(), record.len())?;
                record.write_to(space.as_mut());
            }
            let begun = Instant::now();
            for revision in batch.garbage.iter().rev() {
                if begun.elapsed() > SWEEP_TIME {
                    break;
                }
                log.remove(revision)?;
                removed += 1;
            }
        }
        if let Some(compacted) = batch.compacted {
            transaction
                .open_table(META)?
                .insert(META_COMPACTED, compacted)?;
        }
        transaction.commit()?;
        Ok(removed)
    }

    /// Durably writes `bytes` and a margin, and removes them again.
    pub(super) fn probe(&self, bytes: usize) -> Result<(), redb::Error> {
        let transaction = self.database.begin_write()?;
        transaction
            .open_table(PROBE)?
            .insert_reserve(0, bytes + PROBE_MARGIN)?
            .as_mut()
            .fill(0xa5);
        transaction.commit()?;
        let transaction = self.database.begin_write()?;
        transaction.delete_table(PROBE)?;
        transaction.commit()?;
        Ok(())
    }
}
