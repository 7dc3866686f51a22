//! The embedded store: conformance, and tests of its file.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use portcullis_storage::embedded::{EmbeddedStorage, HistoryLimits, OpenError, Options};
use portcullis_storage::{Error, ListRequest, ReadAt, Storage, conformance};

fn open(dir: &Path) -> EmbeddedStorage {
    EmbeddedStorage::open(dir).expect("to open the store")
}

fn open_error(dir: &Path) -> OpenError {
    EmbeddedStorage::open(dir).err().expect("an error")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let dir = tempfile::tempdir().unwrap();
    conformance::run(Arc::new(open(dir.path()))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms_in_memory() {
    let store = EmbeddedStorage::in_memory(HistoryLimits::default());
    conformance::run(Arc::new(store)).await;
}

#[tokio::test]
async fn a_store_in_memory_has_limits_and_an_end() {
    let limits = HistoryLimits {
        events: 100,
        bytes: usize::MAX,
    };
    let store = EmbeddedStorage::in_memory(limits);
    let first = store.create("/a", Bytes::new()).await.unwrap().revision;
    let mut last = first;
    for _ in 0..1000 {
        let swapped = store.compare_and_swap("/a", last, Bytes::new()).await;
        last = swapped.unwrap().revision;
    }
    let old = store.get("/a", ReadAt::Exactly(first)).await;
    assert!(matches!(old, Err(Error::Compacted { .. })), "{old:?}");
    let mut watch = store.watch("/", last).await.unwrap();
    store.close().await;
    assert!(matches!(
        watch.next().await,
        Some(Err(Error::Unavailable(_)))
    ));
    let late = store.create("/b", Bytes::new()).await;
    assert!(matches!(late, Err(Error::Unavailable(_))), "{late:?}");
}

#[tokio::test]
async fn everything_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let start = store.revision().await.unwrap();
    let one = store.create("/a", Bytes::from("one")).await.unwrap();
    let two = store
        .compare_and_swap("/a", one.revision, Bytes::from("two"))
        .await
        .unwrap();
    let b = store.create("/b", Bytes::new()).await.unwrap();
    let gone = store.delete("/b", b.revision).await.unwrap();
    drop(store);

    let store = open(dir.path());
    assert_eq!(store.revision().await.unwrap(), gone);
    let found = store
        .get("/a", ReadAt::Latest)
        .await
        .unwrap()
        .entry
        .unwrap();
    assert_eq!(
        (found.revision, &found.value[..]),
        (two.revision, &b"two"[..])
    );
    let before = store
        .get("/a", ReadAt::Exactly(one.revision))
        .await
        .unwrap()
        .entry
        .unwrap();
    assert_eq!(&before.value[..], b"one");
    assert!(
        store
            .get("/b", ReadAt::Latest)
            .await
            .unwrap()
            .entry
            .is_none()
    );
    let watch = store.watch("/", start).await.unwrap();
    let revisions: Vec<_> = watch
        .take(4)
        .map(|event| event.unwrap().revision())
        .collect()
        .await;
    assert_eq!(revisions, [one.revision, two.revision, b.revision, gone]);
    let next = store.create("/c", Bytes::new()).await.unwrap();
    assert_eq!(next.revision, gone + 1);
}

/// Even when the change of the current revision has been compacted away.
#[tokio::test]
async fn the_revision_survives_compaction_and_restart() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let a = store.create("/a", Bytes::new()).await.unwrap();
    let gone = store.delete("/a", a.revision).await.unwrap();
    store.compact(gone).await.unwrap();
    for _ in 0..2 {
        store.close().await;
        store = open(dir.path());
        assert_eq!(store.revision().await.unwrap(), gone);
        let early = store.get("/a", ReadAt::Exactly(a.revision)).await;
        assert!(matches!(early, Err(Error::Compacted { .. })), "{early:?}");
    }
}

#[tokio::test]
async fn history_beyond_its_limits_is_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let limits = HistoryLimits {
        events: 100,
        bytes: 1 << 20,
    };
    let options = Options {
        limits,
        ..Options::default()
    };
    let store = EmbeddedStorage::open_with(dir.path(), options).unwrap();
    let first = store
        .create("/a", Bytes::from(vec![0; 1000]))
        .await
        .unwrap();
    let mut entry = first.clone();
    for _ in 0..300 {
        entry = store
            .compare_and_swap("/a", entry.revision, entry.value.clone())
            .await
            .unwrap();
    }
    let past = store.get("/a", ReadAt::Exactly(first.revision)).await;
    assert!(matches!(past, Err(Error::Compacted { .. })), "{past:?}");
    assert!(
        store
            .get("/a", ReadAt::Exactly(entry.revision - 50))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let mut watch = store.watch("/", 1).await.unwrap();
    store.close().await;
    store.close().await;
    let write = store.create("/a", Bytes::new()).await;
    assert!(matches!(write, Err(Error::Unavailable(_))), "{write:?}");
    assert!(matches!(
        watch.next().await,
        Some(Err(Error::Unavailable(_)))
    ));
    assert!(watch.next().await.is_none());
    open(dir.path());
}

#[tokio::test]
async fn a_directory_is_locked() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let error = open_error(dir.path());
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(
        error.to_string().contains(dir.path().to_str().unwrap()),
        "{error}"
    );
    drop(store);
    open(dir.path());
}

#[test]
fn other_files_are_rejected_and_left_unchanged() {
    let noise: Vec<u8> = (0..100_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for content in [&b""[..], b"hello", &noise] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.redb");
        std::fs::write(&path, content).unwrap();
        let error = open_error(dir.path());
        assert!(error.to_string().contains("store.redb"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}

#[test]
fn foreign_and_newer_databases_are_rejected() {
    const FORMAT: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("portcullis");
    for (key, expected) in [
        (None, "not a portcullis store"),
        (Some("format"), "format 3"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let database = redb::Database::create(dir.path().join("store.redb")).unwrap();
        if let Some(key) = key {
            let transaction = database.begin_write().unwrap();
            transaction
                .open_table(FORMAT)
                .unwrap()
                .insert(key, 3)
                .unwrap();
            transaction.commit().unwrap();
        }
        drop(database);
        let error = open_error(dir.path()).to_string();
        assert!(
            error.contains(expected) && error.contains("store.redb"),
            "{error}"
        );
    }
}

/// Damage to the files after a kill may look like a commit that was under way: to redb, which then goes back to
/// the one before, or in the journal. The store distinguishes the two.
#[tokio::test]
async fn damage_after_a_kill_never_loses_data_silently() {
    const FILES: [&str; 3] = ["store.redb", "store.journal", "store.acknowledged"];
    // as many as the journal holds, and more
    for (count, size) in [(40, 500), (150, 8_000)] {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path());
        for n in 0..count {
            let value = Bytes::from(vec![n as u8; size]);
            store.create(&format!("/{n}"), value).await.unwrap();
        }
        let revision = store.revision().await.unwrap();
        // A kill would leave the files like this.
        let files = FILES.map(|file| std::fs::read(dir.path().join(file)).unwrap());
        drop(store);
        let (mut harmless, mut rejected) = (0, 0);
        for (file, whole) in files.iter().enumerate().take(2) {
            let header = (0..320).step_by(3);
            let step = (whole.len() / 40).max(4096);
            let pages = (0..whole.len()).step_by(step).map(|page| page + 100);
            for offset in header.chain(pages) {
                let mut damaged = files.clone();
                if let Some(byte) = damaged[file].get_mut(offset) {
                    *byte ^= 0x40;
                }
                let dir = tempfile::tempdir().unwrap();
                for (name, content) in FILES.iter().zip(&damaged) {
                    std::fs::write(dir.path().join(name), content).unwrap();
                }
                let Ok(store) = EmbeddedStorage::open(dir.path()) else {
                    rejected += 1;
                    continue;
                };
                let page = store.list("/", &ListRequest::all()).await.unwrap();
                let (found, entries) = (page.revision, page.entries.len());
                assert_eq!((found, entries), (revision, count), "{file} {offset}");
                harmless += 1;
            }
        }
        println!("{harmless} harmless, {rejected} rejected");
        assert!(rejected > 0 && harmless > 0);
    }
}

/// What a store has in its journal moves to redb when it is closed, also if it was killed in between.
#[tokio::test]
async fn the_journal_is_emptied_into_redb() {
    let dir = tempfile::tempdir().unwrap();
    let path = |file: &str| dir.path().join(file);
    let store = open(dir.path());
    // the first commit begins the journal, in redb
    store.create("/begin", Bytes::new()).await.unwrap();
    let a = store.create("/a", Bytes::from("a")).await.unwrap();
    let killed = tempfile::tempdir().unwrap();
    for file in ["store.redb", "store.journal", "store.acknowledged"] {
        std::fs::copy(path(file), killed.path().join(file)).unwrap();
    }
    // an older copy of redb's file, as it was before the journal's changes
    let before = std::fs::read(path("store.redb")).unwrap();
    store.close().await;
    assert_ne!(std::fs::read(path("store.redb")).unwrap(), before);
    std::fs::remove_file(path("store.journal")).unwrap();
    open(killed.path()).close().await;
    std::fs::remove_file(killed.path().join("store.journal")).unwrap();
    for dir in [dir.path(), killed.path()] {
        let found = open(dir).get("/a", ReadAt::Latest).await.unwrap().entry;
        assert_eq!(found.unwrap().revision, a.revision);
    }
    // without the journal, a store that was not closed lacks what was acknowledged
    std::fs::write(path("store.redb"), before).unwrap();
    std::fs::remove_file(path("store.journal")).unwrap();
    let error = open_error(dir.path());
    assert!(matches!(error, OpenError::RolledBack { .. }), "{error}");
}

/// A missing file is not replaced by an empty store unless the owner removes `store.acknowledged`
/// as well.
#[tokio::test]
async fn a_missing_file_is_rejected() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.create("/a", Bytes::new()).await.unwrap();
    drop(store);
    let [file, acknowledged] =
        ["store.redb", "store.acknowledged"].map(|name| dir.path().join(name));
    std::fs::remove_file(&file).unwrap();
    for _ in 0..2 {
        let error = open_error(dir.path());
        assert!(matches!(error, OpenError::Missing { .. }), "{error}");
        let message = error.to_string();
        for path in [&file, &acknowledged] {
            assert!(message.contains(path.to_str().unwrap()), "{message}");
        }
        assert!(!file.exists());
        // The content of the file does not matter.
        std::fs::write(&acknowledged, "").unwrap();
    }
    std::fs::remove_file(&acknowledged).unwrap();
    // what is left of its journal belongs to the store that is gone
    assert!(dir.path().join("store.journal").exists());
    for _ in 0..2 {
        assert_eq!(open(dir.path()).revision().await.unwrap(), 1);
    }
}

/// A damaged file is rejected, unless the damage is in unused space: data is never lost silently.
#[tokio::test]
async fn damage_is_rejected() {
    const COUNT: usize = 200;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..COUNT {
        store
            .create(&format!("/{n}"), Bytes::from(vec![n as u8; 500]))
            .await
            .unwrap();
    }
    store.close().await;
    let path = dir.path().join("store.redb");
    let whole = std::fs::read(&path).unwrap();
    let mut rejected = 0;
    for offset in (0..whole.len()).step_by(whole.len() / 60) {
        let mut damaged = whole.clone();
        damaged[offset] ^= 0x40;
        std::fs::write(&path, &damaged).unwrap();
        match EmbeddedStorage::open(dir.path()) {
            Err(_) => rejected += 1,
            Ok(store) => {
                let entries = store.list("/", &ListRequest::all()).await.unwrap().entries;
                let intact = |entry: &str, value: &Bytes| {
                    let n: usize = entry[1..].parse().unwrap();
                    value.len() == 500 && value.iter().all(|byte| *byte == n as u8)
                };
                assert_eq!(entries.len(), COUNT, "damage at {offset} lost data");
                assert!(entries.iter().all(|entry| intact(&entry.key, &entry.value)));
            }
        }
    }
    assert!(rejected > 20, "only {rejected} rejected");
    for length in [10, 4096, whole.len() / 2] {
        std::fs::write(&path, &whole[..length]).unwrap();
        open_error(dir.path());
    }
    std::fs::write(&path, &whole).unwrap();
    open(dir.path());
}
