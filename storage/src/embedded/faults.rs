//! Tests with disk failures.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use redb::StorageBackend;
use redb::backends::FileBackend;

use super::disk::{DirLock, Disk, JOURNAL, open_redb};
use super::file::Survives;
use super::{EmbeddedStorage, Options};
use crate::{Error, ListRequest, ReadAt, Storage};

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

/// Wherever in a commit the disk fails, acknowledged writes survive, and writes succeed again once
/// the disk does.
#[tokio::test]
async fn acknowledged_writes_survive_a_failing_disk() {
    let mut failures = 0;
    for allowance in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let allowed = Arc::new(AtomicI64::new(i64::MAX));
        let store = open_failing(dir.path(), &allowed);
        let value = Bytes::from(vec![b'x'; 9000]);
        let mut acknowledged = vec![store.create("/before", value.clone()).await.unwrap()];
        allowed.store(allowance, Ordering::Relaxed);
        let outcome = store.create("/during", value.clone()).await;
        let in_doubt = match outcome {
            Ok(entry) => {
                acknowledged.push(entry);
                false
            }
            Err(Error::Unavailable(_)) => true,
            Err(other) => panic!("{other:?}"),
        };
        failures += usize::from(in_doubt);
        allowed.store(i64::MAX, Ordering::Relaxed);
        acknowledged.push(store.create("/after", value.clone()).await.unwrap());
        let before = store.revision().await.unwrap();
        drop(store);
        let store = EmbeddedStorage::open(dir.path()).unwrap();
        assert_eq!(store.revision().await.unwrap(), before);
        for entry in &acknowledged {
            let found = store
                .get(&entry.key, ReadAt::Latest)
                .await
                .unwrap()
                .entry
                .unwrap();
            assert_eq!(
                (found.revision, &found.value),
                (entry.revision, &entry.value)
            );
        }
        let all = store
            .list("/", &ListRequest::all())
            .await
            .unwrap()
            .entries
            .len();
        let most = acknowledged.len() + usize::from(in_doubt);
        assert!(
            (acknowledged.len()..=most).contains(&all),
            "{all} of {most}"
        );
    }
    assert!(
        (2..20).contains(&failures),
        "{failures} of 20 failed, which tests nothing"
    );
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
