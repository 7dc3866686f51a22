//! Tests with disk failures.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use redb::backends::FileBackend;
use redb::{Database, ReadableDatabase, StorageBackend, TableDefinition};

use super::dir_lock::DirLock;
use super::disk::{Disk, JOURNAL, open_redb};
use super::file::Survives;
use super::{EmbeddedStorage, Options};
use crate::{Entry, Error, ListRequest, ReadAt, Storage};

/// A file whose writes and syncs fail after the first `allowed` ones.
#[derive(Debug)]
struct Failing {
    file: FileBackend,
    allowed: Arc<AtomicI64>,
}

impl Failing {
    fn spend(&self) -> io::Result<()> {
        if self.allowed.fetch_sub(1, Ordering::Relaxed) > 0 {
            return Ok(());
        }
        Err(io::Error::new(
            io::ErrorKind::StorageFull,
            "injected: no space",
        ))
    }
}

impl StorageBackend for Failing {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.spend()?;
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.spend()?;
        self.file.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.spend()?;
        self.file.write(offset, data)
    }
}

/// A new store's file in `dir` that accepts `allowed` operations.
pub(super) fn failing_disk(dir: &Path, allowed: &Arc<AtomicI64>) -> Disk {
    drop(Disk::open(dir, Survives::default()).unwrap());
    let open = |name| {
        let path = dir.join(name);
        let file = OpenOptions::new().read(true).write(true).open(&path);
        let file = FileBackend::new(file.unwrap()).unwrap();
        let allowed = allowed.clone();
        (path, Failing { file, allowed })
    };
    let (path, file) = open("store.redb");
    let database = open_redb(&path, file).unwrap();
    Disk::with_journal(path, database, open(JOURNAL).1).unwrap()
}

/// A store over a file that accepts `allowed` operations.
fn open_failing(dir: &Path, allowed: &Arc<AtomicI64>) -> EmbeddedStorage {
    let disk = failing_disk(dir, allowed);
    EmbeddedStorage::run(dir, DirLock::take(dir).unwrap(), disk, Options::default()).unwrap()
}

/// What a commit finds, which decides what it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    /// No journal: it begins one.
    NoJournal,
    /// A journal with room: it appends to it.
    Room,
    /// A full journal: it moves it to redb.
    Full,
    /// The number of a journal that the owner has removed: it begins another.
    Removed,
}

impl Before {
    /// A store over a file that accepts `allowed` operations, and what was acknowledged in it.
    async fn store(
        self,
        dir: &Path,
        allowed: &Arc<AtomicI64>,
    ) -> (EmbeddedStorage, Vec<Arc<Entry>>) {
        let mut acknowledged = Vec::new();
        if self == Self::Removed {
            let killed = tempfile::tempdir().unwrap();
            let store = EmbeddedStorage::open(killed.path()).unwrap();
            acknowledged.push(store.create("/moved", Bytes::from("x")).await.unwrap());
            store.create("/removed", Bytes::from("x")).await.unwrap();
            std::fs::copy(killed.path().join("store.redb"), dir.join("store.redb")).unwrap();
        }
        let store = open_failing(dir, allowed);
        let first = match self {
            Self::NoJournal | Self::Removed => None,
            Self::Room => Some(0),
            Self::Full => Some(1_000_000),
        };
        if let Some(size) = first {
            // the first commit is in redb
            acknowledged.push(store.create("/first", Bytes::new()).await.unwrap());
            let value = Bytes::from(vec![b'x'; size]);
            acknowledged.push(store.create("/before", value).await.unwrap());
        }
        (store, acknowledged)
    }
}

/// Wherever in a commit the disk fails, acknowledged writes survive, and writes succeed again once
/// the disk does.
#[tokio::test]
async fn acknowledged_writes_survive_a_failing_disk() {
    let cases = [
        (Before::Room, 2),
        (Before::NoJournal, 8),
        (Before::Full, 5),
        (Before::Removed, 10),
    ];
    for (before, least) in cases {
        let mut failures = 0;
        while a_commit_fails(before, failures).await {
            failures += 1;
        }
        println!("{before:?}: {failures} failures");
        assert!(failures >= least, "{before:?}: {failures} operations only");
    }
}

/// Whether a commit fails when the disk fails after `allowance` operations.
async fn a_commit_fails(before: Before, allowance: i64) -> bool {
    let dir = tempfile::tempdir().unwrap();
    let allowed = Arc::new(AtomicI64::new(i64::MAX));
    let (store, mut acknowledged) = before.store(dir.path(), &allowed).await;
    let value = Bytes::from(vec![b'x'; 60_000]);
    allowed.store(allowance, Ordering::Relaxed);
    let in_doubt = match store.create("/during", value.clone()).await {
        Ok(entry) => {
            acknowledged.push(entry);
            false
        }
        Err(Error::Unavailable(_)) => true,
        Err(other) => panic!("{other:?}"),
    };
    // as if the process had been killed now
    let killed = tempfile::tempdir().unwrap();
    for file in ["store.redb", JOURNAL, "store.acknowledged"] {
        let copied = std::fs::copy(dir.path().join(file), killed.path().join(file));
        assert!(copied.is_ok() || file == "store.acknowledged", "{file}");
    }
    has(killed.path(), &acknowledged, in_doubt).await;
    allowed.store(i64::MAX, Ordering::Relaxed);
    acknowledged.push(store.create("/after", value).await.unwrap());
    drop(store);
    has(dir.path(), &acknowledged, in_doubt).await;
    in_doubt
}

/// Opens a store, which must have what was acknowledged and at most one object more.
async fn has(dir: &Path, acknowledged: &[Arc<Entry>], in_doubt: bool) {
    let store = EmbeddedStorage::open(dir).unwrap();
    for entry in acknowledged {
        let found = store.get(&entry.key, ReadAt::Latest).await.unwrap();
        let found = found.entry.unwrap();
        assert_eq!(
            (found.revision, &found.value),
            (entry.revision, &entry.value)
        );
    }
    let all = store.list("/", &ListRequest::all()).await.unwrap();
    let most = acknowledged.len() + usize::from(in_doubt);
    assert!((acknowledged.len()..=most).contains(&all.entries.len()));
}

/// A version that knows no journal opens what was closed, whether or not there still was a journal.
#[tokio::test]
async fn a_store_without_its_journal_is_closed_as_any() {
    let dir = tempfile::tempdir().unwrap();
    let allowed = Arc::new(AtomicI64::new(i64::MAX));
    let (store, acknowledged) = Before::Removed.store(dir.path(), &allowed).await;
    store.close().await;
    let file = Database::open(dir.path().join("store.redb")).unwrap();
    let table = TableDefinition::<&str, u64>::new("portcullis");
    let meta = file.begin_read().unwrap().open_table(table).unwrap();
    assert_eq!(meta.get("format").unwrap().unwrap().value(), 1);
    drop((meta, file));
    has(dir.path(), &acknowledged, false).await;
}

/// While the store is not writable, every call fails, without an attempt each; it recovers once the
/// disk does.
#[tokio::test]
async fn writes_fail_until_the_disk_recovers() {
    let dir = tempfile::tempdir().unwrap();
    let allowed = Arc::new(AtomicI64::new(i64::MAX));
    let store = open_failing(dir.path(), &allowed);
    let before = store.create("/before", Bytes::new()).await.unwrap();
    store.writable().await.unwrap();
    allowed.store(0, Ordering::Relaxed);
    store.create("/during", Bytes::new()).await.unwrap_err();
    // Reopening the file fails too.
    let (path, moved) = (dir.path().join("store.redb"), dir.path().join("moved"));
    std::fs::rename(&path, &moved).unwrap();
    for n in 0..100 {
        let error = store.create(&format!("/{n}"), Bytes::new()).await;
        assert!(matches!(error, Err(Error::Unavailable(_))), "{error:?}");
        store.writable().await.unwrap_err();
    }
    std::fs::rename(&moved, &path).unwrap();
    let begun = std::time::Instant::now();
    while store.writable().await.is_err() {
        assert!(begun.elapsed().as_secs() < 60, "the write is not retried");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    let after = store.create("/after", Bytes::new()).await.unwrap();
    drop(store);
    let store = EmbeddedStorage::open(dir.path()).unwrap();
    for entry in [before, after] {
        let found = store.get(&entry.key, ReadAt::Latest).await.unwrap();
        assert_eq!(found.entry.unwrap().revision, entry.revision);
    }
}

/// Files replaced by earlier copies under a running store are rejected.
#[tokio::test]
async fn an_earlier_copy_of_the_file_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let allowed = Arc::new(AtomicI64::new(i64::MAX));
    let store = open_failing(dir.path(), &allowed);
    store.create("/a", Bytes::new()).await.unwrap();
    let files = ["store.redb", JOURNAL].map(|file| dir.path().join(file));
    let earlier = files.clone().map(|file| std::fs::read(file).unwrap());
    store.create("/b", Bytes::new()).await.unwrap();
    allowed.store(0, Ordering::Relaxed);
    store.create("/c", Bytes::new()).await.unwrap_err();
    for (file, content) in files.iter().zip(earlier) {
        std::fs::write(file, content).unwrap();
    }
    let error = store.create("/d", Bytes::new()).await.unwrap_err();
    assert!(error.to_string().contains("was acknowledged"), "{error}");
    drop(store);
    let error = EmbeddedStorage::open(dir.path()).err().unwrap();
    assert!(error.to_string().contains("was acknowledged"), "{error}");
}
