//! The store on disk: a redb file with all changes since the last compaction. The newest changes may be in the journal
//! (`journal`) instead, until they move to that file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use redb::{
    Builder, Database, Durability, ReadableDatabase, ReadableTable, StorageBackend, TableDefinition,
};

use super::acknowledged::Acknowledged;
use super::error::OpenError;
use super::file::{StoreFile, Survives};
use super::index::FIRST;
use super::journal::Journal;
use super::record::{Encoded, Record};
use crate::{Event, Revision};

/// The format of a store whose changes are all in redb.
const FORMAT: u64 = 1;
/// That of a store with a journal, which is read with it; the newest that this version knows.
const FORMAT_WITH_JOURNAL: u64 = 2;
const FILE: &str = "store.redb";
pub(super) const JOURNAL: &str = "store.journal";

/// All changes by revision.
const LOG: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("log");
/// The format and the compacted revision.
const META: TableDefinition<'_, &str, u64> = TableDefinition::new("portcullis");
/// Data written to check that the store is writable.
const PROBE: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("probe");
const PROBE_MARGIN: usize = 64 << 10;
const META_FORMAT: &str = "format";
const META_COMPACTED: &str = "compacted";
/// The number of the journal.
const META_JOURNAL: &str = "journal";

/// redb's cache size. Reads are served from the index, and writes append to one table, so little is
/// read twice.
const CACHE_BYTES: usize = 4 << 20;

/// How many records may wait to be removed from disk while there are changes to write.
pub(super) const SWEEP: usize = 512;
/// How long the removal of old records may delay one transaction.
const SWEEP_TIME: Duration = Duration::from_millis(5);

/// The open database file.
pub(super) struct Disk {
    path: PathBuf,
    database: Database,
    journal: Journal,
    /// Whether redb has the number of a journal that was removed.
    lacks_journal: bool,
}

/// The content of one transaction.
pub(super) struct Batch<'a> {
    pub(super) changes: &'a [Arc<Event>],
    /// The new compacted revision, if it changes.
    pub(super) compacted: Option<Revision>,
    /// Records that no read can reach any more, removed from the last one on.
    pub(super) garbage: &'a [Revision],
}

impl Batch<'_> {
    /// Whether garbage has to be removed now: there is much, or nothing else to do.
    const fn is_cleaning(&self) -> bool {
        self.garbage.len() >= SWEEP || self.changes.is_empty()
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
        let database = open_redb(&path, StoreFile::open(&path, survives)?)?;
        match read_meta(&database, &path, META_FORMAT)? {
            Some(FORMAT | FORMAT_WITH_JOURNAL) => {}
            Some(found) if found > FORMAT_WITH_JOURNAL => {
                let known = FORMAT_WITH_JOURNAL;
                return Err(OpenError::Newer { path, found, known });
            }
            _ => return Err(OpenError::not_ours(&path, "it has no format version")),
        }
        let journal = StoreFile::open(&path.with_file_name(JOURNAL), survives)?;
        Self::with_journal(path, database, journal)
    }

    /// A store of these files.
    pub(super) fn with_journal(
        path: PathBuf,
        database: Database,
        journal: impl StorageBackend,
    ) -> Result<Self, OpenError> {
        let mut journal = Journal::new(Box::new(journal));
        let mut lacks_journal = false;
        if read_meta(&database, &path, META_FORMAT)? == Some(FORMAT_WITH_JOURNAL) {
            let number = read_meta(&database, &path, META_JOURNAL)?.unwrap_or_default();
            let last = read_revision(&database, &path)?.max(FIRST);
            let read = journal.read(number, last);
            read.map_err(|error| error.at(&path.with_file_name(JOURNAL)))?;
            lacks_journal = !journal.is_begun();
        }
        Ok(Self {
            path,
            database,
            journal,
            lacks_journal,
        })
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
        let database = open_redb(&draft, StoreFile::open(&draft, survives)?)?;
        initialise(&database).map_err(|error| OpenError::redb(&draft, error))?;
        fs::rename(&draft, &path).map_err(|error| OpenError::io(&path, error))?;
        let journal = StoreFile::open(&dir.join(JOURNAL), survives)?;
        let disk = Self::with_journal(path, database, journal)?;
        if survives == Survives::PowerFailure {
            let synced = File::open(dir).and_then(|dir| dir.sync_all());
            synced.map_err(|error| OpenError::io(dir, error))?;
        }
        Ok(disk)
    }

    /// The compacted revision.
    pub(super) fn compacted(&self) -> Result<Revision, OpenError> {
        Ok(read_meta(&self.database, &self.path, META_COMPACTED)?.unwrap_or(0))
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
            visit(revision, self.decode(revision, bytes.value())?)?;
        }
        let newer = self.journal.records();
        for (revision, bytes) in newer.filter(|(revision, _)| *revision > after) {
            visit(revision, self.decode(revision, bytes)?)?;
        }
        Ok(())
    }

    fn decode<'b>(&self, revision: Revision, bytes: &'b [u8]) -> Result<Record<'b>, OpenError> {
        let invalid = || self.corrupt(format!("revision {revision} is not a valid record"));
        Record::decode(bytes).ok_or_else(invalid)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The revision at which the store ends.
    pub(super) fn revision(&self) -> Result<Revision, OpenError> {
        match self.journal.last() {
            Some(last) => Ok(last),
            None => read_revision(&self.database, &self.path),
        }
    }

    pub(super) fn corrupt(&self, reason: impl Into<String>) -> OpenError {
        OpenError::corrupt(&self.path, reason)
    }

    /// Commits `batch`; after an error it may or may not have been committed. Returns how much of
    /// the garbage was removed, which is limited by time.
    pub(super) fn commit(&mut self, batch: &Batch<'_>) -> Result<usize, redb::Error> {
        let only_changes = batch.compacted.is_none() && !batch.is_cleaning();
        if only_changes && self.journal.has_room(batch.changes) {
            self.journal.append(batch.changes)?;
            return Ok(0);
        }
        let begun = match self.journal.is_begun() || batch.changes.is_empty() {
            true => None,
            false => Some(self.begin_journal()?),
        };
        let format = begun.map(|number| (FORMAT_WITH_JOURNAL, number));
        let removed = self.transact(batch, format)?;
        self.journal.rewind();
        Ok(removed)
    }

    /// Begins a journal, which counts once redb has its number.
    fn begin_journal(&mut self) -> Result<u64, redb::Error> {
        if self.lacks_journal {
            // otherwise a failure from here on would leave redb with the number of a journal that is overwritten
            self.end_journal()?;
        }
        let number = self.journal.begin()?;
        // the process that created the file may have ended before its name was durable
        if let Some(dir) = self.path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(number)
    }

    /// Leaves all changes in redb, for any version that knows no journal.
    pub(super) fn settle(&mut self) -> Result<(), redb::Error> {
        match self.journal.is_begun() || self.lacks_journal {
            true => self.end_journal(),
            false => Ok(()),
        }
    }

    fn end_journal(&mut self) -> Result<(), redb::Error> {
        let nothing = Batch {
            changes: &[],
            compacted: None,
            garbage: &[],
        };
        self.transact(&nothing, Some((FORMAT, 0)))?;
        self.journal.finish();
        self.lacks_journal = false;
        Ok(())
    }

    /// Writes the journal's changes and a batch to redb; also a new format and the number of a journal.
    fn transact(
        &self,
        batch: &Batch<'_>,
        format: Option<(u64, u64)>,
    ) -> Result<usize, redb::Error> {
        let mut transaction = self.database.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        let mut removed = 0;
        {
            let mut log = transaction.open_table(LOG)?;
            for (revision, record) in self.journal.records() {
                log.insert(revision, record)?;
            }
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
        if batch.compacted.is_some() || format.is_some() {
            let mut meta = transaction.open_table(META)?;
            if let Some(compacted) = batch.compacted {
                meta.insert(META_COMPACTED, compacted)?;
            }
            if let Some((format, journal)) = format {
                meta.insert(META_FORMAT, format)?;
                meta.insert(META_JOURNAL, journal)?;
            }
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

/// The database at `path`, accessed through `backend`.
pub(super) fn open_redb(path: &Path, backend: impl StorageBackend) -> Result<Database, OpenError> {
    let mut builder = Builder::new();
    // Without the check redb trusts a file that was closed cleanly, and may panic if it was
    // damaged since. The whole file is read anyway.
    builder
        .set_cache_size(CACHE_BYTES)
        .set_check_integrity_on_open(true);
    builder
        .create_with_backend(backend)
        .map_err(|error| OpenError::redb(path, error.into()))
}

fn initialise(database: &Database) -> Result<(), redb::Error> {
    let transaction = database.begin_write()?;
    transaction.open_table(META)?.insert(META_FORMAT, FORMAT)?;
    transaction.open_table(LOG)?;
    transaction.commit()?;
    Ok(())
}

fn read_meta(database: &Database, path: &Path, key: &str) -> Result<Option<u64>, OpenError> {
    let read = || -> Result<Option<u64>, redb::Error> {
        let table = database.begin_read()?.open_table(META)?;
        let value = table.get(key)?.map(|guard| guard.value());
        Ok(value)
    };
    read().map_err(|error| OpenError::redb(path, error))
}

/// The revision at which redb's file ends.
fn read_revision(database: &Database, path: &Path) -> Result<Revision, OpenError> {
    let last = || -> Result<Option<Revision>, redb::Error> {
        let table = database.begin_read()?.open_table(LOG)?;
        Ok(table.last()?.map(|(revision, _)| revision.value()))
    };
    let last = last().map_err(|error| OpenError::redb(path, error))?;
    // Compaction may have removed the last record.
    let compacted = read_meta(database, path, META_COMPACTED)?;
    Ok(last.unwrap_or(0).max(compacted.unwrap_or(0)))
}
