//! Tests with a disk that fails.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use redb::StorageBackend;
use redb::backends::FileBackend;

use super::disk::{DirLock, Disk};
use super::{EmbeddedStorage, History};
use crate::{Error, ListRequest, ReadAt, Storage};

/// A file whose writes and flushes fail once a number of them were allowed.
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
            "no space, says the test",
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

/// The file of a directory, which is made, that can be written as long as that is allowed.
pub(super) fn failing_disk(dir: &Path, allowed: &Arc<AtomicI64>) -> Disk {
    drop(Disk::open(dir).unwrap());
    let path = dir.join("store.redb");
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&path)
        .unwrap();
    let backend = Failing {
        file: FileBackend::new(file).unwrap(),
        allowed: allowed.clone(),
    };
    Disk::over(path, backend).unwrap()
}

/// A store that can write as long as it is allowed to.
fn open_failing(dir: &Path, allowed: &Arc<AtomicI64>) -> EmbeddedStorage {
    let disk = failing_disk(dir, allowed);
    EmbeddedStorage::run(dir, DirLock::take(dir).unwrap(), disk, History::default()).unwrap()
}

/// Wherever in a write the disk fails, what was acknowledged is there, and writing goes on when the
/// disk does.
#[tokio::test]
async fn a_failing_disk_loses_nothing_acknowledged() {
    let mut failures = 0;
    for allowance in 0..20 {
        let dir = tempfile::tempdir().unwrap();
        let allowed = Arc::new(AtomicI64::new(i64::MAX));
        let store = open_failing(dir.path(), &allowed);
        let value = Bytes::from(vec![b'x'; 9000]);
        let mut acknowledged = vec![store.create("/before", value.clone()).await.unwrap()];
        allowed.store(allowance, Ordering::Relaxed);
        let doubtful = store.create("/during", value.clone()).await;
        let in_doubt = match doubtful {
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
        "{failures} of 20 failed: the test tests nothing"
    );
}

/// While nothing can be written that is said, without an attempt for each who asks; and it is over by
/// itself once something can be.
#[tokio::test]
async fn a_store_that_cannot_be_written_says_so_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let allowed = Arc::new(AtomicI64::new(i64::MAX));
    let store = open_failing(dir.path(), &allowed);
    let before = store.create("/before", Bytes::new()).await.unwrap();
    store.writable().await.unwrap();
    allowed.store(0, Ordering::Relaxed);
    store.create("/during", Bytes::new()).await.unwrap_err();
    // The file cannot even be opened again.
    let (path, away) = (dir.path().join("store.redb"), dir.path().join("away"));
    std::fs::rename(&path, &away).unwrap();
    for n in 0..100 {
        let refused = store.create(&format!("/{n}"), Bytes::new()).await;
        assert!(matches!(refused, Err(Error::Unavailable(_))), "{refused:?}");
        store.writable().await.unwrap_err();
    }
    std::fs::rename(&away, &path).unwrap();
    let begun = std::time::Instant::now();
    while store.writable().await.is_err() {
        assert!(begun.elapsed().as_secs() < 60, "it is not tried again");
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

/// A file that was put back to an earlier state under a running store is not gone on with.
#[tokio::test]
async fn an_earlier_file_is_not_gone_on_with() {
    let dir = tempfile::tempdir().unwrap();
    let allowed = Arc::new(AtomicI64::new(i64::MAX));
    let store = open_failing(dir.path(), &allowed);
    store.create("/a", Bytes::new()).await.unwrap();
    let path = dir.path().join("store.redb");
    let earlier = std::fs::read(&path).unwrap();
    store.create("/b", Bytes::new()).await.unwrap();
    allowed.store(0, Ordering::Relaxed);
    store.create("/c", Bytes::new()).await.unwrap_err();
    std::fs::write(&path, earlier).unwrap();
    let refused = store.create("/d", Bytes::new()).await.unwrap_err();
    assert!(
        refused.to_string().contains("was acknowledged"),
        "{refused}"
    );
    drop(store);
    let refused = EmbeddedStorage::open(dir.path()).err().unwrap();
    assert!(
        refused.to_string().contains("was acknowledged"),
        "{refused}"
    );
}
