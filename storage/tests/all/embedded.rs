//! The embedded store: the suite, and what concerns its file.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use portcullis_storage::embedded::{EmbeddedStorage, History, OpenError};
use portcullis_storage::{Error, ListRequest, ReadAt, Storage, conformance};

fn open(dir: &Path) -> EmbeddedStorage {
    EmbeddedStorage::open(dir).expect("to open the store")
}

fn refusal(dir: &Path) -> OpenError {
    EmbeddedStorage::open(dir).err().expect("a refusal")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conforms() {
    let dir = tempfile::tempdir().unwrap();
    conformance::run(Arc::new(open(dir.path()))).await;
}

#[tokio::test]
async fn everything_is_there_after_a_restart() {
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
    let told: Vec<_> = watch
        .take(4)
        .map(|event| event.unwrap().revision())
        .collect()
        .await;
    assert_eq!(told, [one.revision, two.revision, b.revision, gone]);
    let next = store.create("/c", Bytes::new()).await.unwrap();
    assert_eq!(next.revision, gone + 1);
}

/// Also when nothing is left of the change that made the current revision.
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
async fn old_history_makes_room() {
    let dir = tempfile::tempdir().unwrap();
    let history = History {
        events: 100,
        bytes: 1 << 20,
    };
    let store = EmbeddedStorage::open_with(dir.path(), history).unwrap();
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
async fn a_closed_store_says_so() {
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
async fn a_directory_has_one_store() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    let error = refusal(dir.path());
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(
        error.to_string().contains(dir.path().to_str().unwrap()),
        "{error}"
    );
    drop(store);
    open(dir.path());
}

#[test]
fn what_is_not_a_store_is_refused_and_left_alone() {
    let noise: Vec<u8> = (0..100_000_u32)
        .map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    for content in [&b""[..], b"hello", &noise] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("store.redb");
        std::fs::write(&path, content).unwrap();
        let error = refusal(dir.path());
        assert!(error.to_string().contains("store.redb"), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}

#[test]
fn anothers_and_newer_files_are_refused() {
    const FORMAT: redb::TableDefinition<'_, &str, u64> = redb::TableDefinition::new("portcullis");
    for (key, expected) in [
        (None, "not a portcullis store"),
        (Some("format"), "format 2"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let database = redb::Database::create(dir.path().join("store.redb")).unwrap();
        if let Some(key) = key {
            let transaction = database.begin_write().unwrap();
            transaction
                .open_table(FORMAT)
                .unwrap()
                .insert(key, 2)
                .unwrap();
            transaction.commit().unwrap();
        }
        drop(database);
        let error = refusal(dir.path()).to_string();
        assert!(
            error.contains(expected) && error.contains("store.redb"),
            "{error}"
        );
    }
}

/// Damage to the file of a process that was killed: redb may go back to the commit before, which it
/// cannot tell from one that was never finished. That is noticed.
#[tokio::test]
async fn damage_after_a_kill_takes_back_nothing_without_a_word() {
    const COUNT: usize = 40;
    const FILES: [&str; 2] = ["store.redb", "store.acknowledged"];
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    for n in 0..COUNT {
        let value = Bytes::from(vec![n as u8; 500]);
        store.create(&format!("/{n}"), value).await.unwrap();
    }
    let revision = store.revision().await.unwrap();
    // As they are now is how a kill leaves them.
    let [whole, mark] = FILES.map(|file| std::fs::read(dir.path().join(file)).unwrap());
    drop(store);
    let header = (0..320).step_by(3);
    let pages = (0..whole.len()).step_by(4096).map(|page| page + 100);
    let (mut harmless, mut refused, mut rolled_back) = (0, 0, 0);
    for offset in header.chain(pages) {
        let mut damaged = whole.clone();
        if let Some(byte) = damaged.get_mut(offset) {
            *byte ^= 0x40;
        }
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILES[0]), &damaged).unwrap();
        std::fs::write(dir.path().join(FILES[1]), &mark).unwrap();
        match EmbeddedStorage::open(dir.path()) {
            Err(OpenError::RolledBack { .. }) => rolled_back += 1,
            Err(_) => refused += 1,
            Ok(store) => {
                let page = store.list("/", &ListRequest::all()).await.unwrap();
                assert_eq!(
                    (page.revision, page.entries.len()),
                    (revision, COUNT),
                    "{offset}"
                );
                harmless += 1;
            }
        }
    }
    println!("{harmless} harmless, {refused} refused, {rolled_back} were a step back");
    assert!(rolled_back > 0 && harmless > 0);
}

/// A store whose file is gone is not replaced by an empty one, unless its owner asks for that by
/// removing the mark as well.
#[tokio::test]
async fn a_missing_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path());
    store.create("/a", Bytes::new()).await.unwrap();
    drop(store);
    let [file, mark] = ["store.redb", "store.acknowledged"].map(|name| dir.path().join(name));
    std::fs::remove_file(&file).unwrap();
    for _ in 0..2 {
        let error = refusal(dir.path());
        assert!(matches!(error, OpenError::Missing { .. }), "{error}");
        let said = error.to_string();
        for path in [&file, &mark] {
            assert!(said.contains(path.to_str().unwrap()), "{said}");
        }
        assert!(!file.exists());
        // What the mark says does not matter.
        std::fs::write(&mark, "").unwrap();
    }
    std::fs::remove_file(&mark).unwrap();
    for _ in 0..2 {
        assert_eq!(open(dir.path()).revision().await.unwrap(), 1);
    }
}

/// A damaged file is refused, or the damage is where nothing is: never half of the data.
#[tokio::test]
async fn damage_is_refused() {
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
    let mut refused = 0;
    for offset in (0..whole.len()).step_by(whole.len() / 60) {
        let mut damaged = whole.clone();
        damaged[offset] ^= 0x40;
        std::fs::write(&path, &damaged).unwrap();
        match EmbeddedStorage::open(dir.path()) {
            Err(_) => refused += 1,
            Ok(store) => {
                let entries = store.list("/", &ListRequest::all()).await.unwrap().entries;
                let sound = |entry: &str, value: &Bytes| {
                    let n: usize = entry[1..].parse().unwrap();
                    value.len() == 500 && value.iter().all(|byte| *byte == n as u8)
                };
                assert_eq!(entries.len(), COUNT, "damage at {offset} lost data");
                assert!(entries.iter().all(|entry| sound(&entry.key, &entry.value)));
            }
        }
    }
    assert!(refused > 20, "only {refused} refused");
    for length in [10, 4096, whole.len() / 2] {
        std::fs::write(&path, &whole[..length]).unwrap();
        refusal(dir.path());
    }
    std::fs::write(&path, &whole).unwrap();
    open(dir.path());
}
