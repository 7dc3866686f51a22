//! The embedded store on a disk that fills up: a real one, a small tmpfs.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{Entry, Error, ListRequest, ReadAt, Storage};

/// Tells the child the directory of the small disk, and that it is the child.
const DIR: &str = "PORTCULLIS_TEST_SMALL_DISK";
/// How to have a place of one's own to mount things in: as root, and as anybody.
const NAMESPACES: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];

/// Runs the child below where a small disk is mounted that goes away with it.
#[test]
fn a_full_disk_loses_nothing_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let namespace = NAMESPACES.into_iter().find(|flags| {
        let mounted = unshare(flags, "mount -t tmpfs tmpfs \"$1\"", dir.path()).output();
        mounted.is_ok_and(|output| output.status.success())
    });
    let Some(namespace) = namespace else {
        return skip(
            "a_full_disk_loses_nothing_acknowledged mounts a small tmpfs in a mount namespace of its \
             own, which neither `unshare --mount` nor `unshare --map-root-user --mount` gives here",
        );
    };
    let script = "mount -t tmpfs -o size=12m tmpfs \"$1\" && \
                  exec \"$2\" --exact full_disk::child --nocapture";
    let output = unshare(namespace, script, dir.path()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && said.contains("survived a full disk"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Says why a test is not run, past the harness, which shows nothing of a test that passed. CI has all
/// that tests need.
fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    // Without a standard error nobody is there to be told.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

fn unshare(flags: &[&str], script: &str, dir: &Path) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(flags)
        .args(["sh", "-c", script, "sh"])
        .arg(dir)
        .arg(std::env::current_exe().expect("a child"))
        .env(DIR, dir);
    command
}

fn value_of(key: &str) -> Bytes {
    Bytes::from(key.repeat(2048 / key.len()))
}

/// Not a test by itself: the process on the small disk.
#[tokio::test]
async fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let (dir, filler) = (
        Path::new(&dir).join("store"),
        Path::new(&dir).join("filler"),
    );
    std::fs::write(&filler, vec![0; 4 << 20]).unwrap();
    let store = EmbeddedStorage::open(&dir).unwrap();
    let mut acknowledged = fill(&store, "/filling").await;
    assert!(acknowledged.len() > 100, "{}", acknowledged.len());

    // It says that it cannot be written, however often small things still fit.
    let mut rounds = 0;
    while store.writable().await.is_ok() {
        acknowledged.extend(fill(&store, &format!("/rest-{rounds}")).await);
        rounds += 1;
        assert!(rounds < 100, "a full disk is said to be fine");
    }

    // It goes on reading, refuses to write, and does not hang; a start does not harm it either.
    let known = &acknowledged[0];
    let found = store.get(&known.key, ReadAt::Latest).await.unwrap();
    assert_eq!(found.entry.unwrap().revision, known.revision);
    acknowledged.extend(fill(&store, "/full").await);
    drop(store);
    if let Err(error) = EmbeddedStorage::open(&dir) {
        assert!(error.to_string().contains("store"), "{error}");
    }

    // Room is made while it runs, and again filled.
    let store = reopen(&dir, &filler);
    acknowledged.extend(fill(&store, "/again").await);
    std::fs::remove_file(&filler).unwrap();
    let before = acknowledged.len();
    let begun = Instant::now();
    while store.writable().await.is_err() {
        assert!(begun.elapsed().as_secs() < 60, "room was made");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    acknowledged.push(store.create("/after", value_of("/after")).await.unwrap());
    acknowledged.extend(fill(&store, "/more").await);
    assert!(acknowledged.len() > before + 100, "room was made for more");
    drop(store);
    let store = EmbeddedStorage::open(&dir).unwrap();
    check(&store, &acknowledged, 4 + rounds).await;
    println!(
        "{} acknowledged writes survived a full disk",
        acknowledged.len()
    );
}

/// The store, opened again; where that takes more room than there is, after making some.
fn reopen(dir: &Path, filler: &Path) -> EmbeddedStorage {
    EmbeddedStorage::open(dir).unwrap_or_else(|_| {
        std::fs::write(filler, vec![0; 3 << 20]).unwrap();
        EmbeddedStorage::open(dir).unwrap()
    })
}

/// Writes until that is refused for want of room; returns what was acknowledged.
async fn fill(store: &EmbeddedStorage, prefix: &str) -> Vec<Arc<Entry>> {
    let mut acknowledged = Vec::new();
    loop {
        let key = format!("{prefix}/{}", acknowledged.len());
        match store.create(&key, value_of(&key)).await {
            Ok(entry) => acknowledged.push(entry),
            Err(Error::Unavailable(why)) => {
                let full = std::io::Error::from(ErrorKind::StorageFull).to_string();
                let said = why.to_lowercase();
                assert!(
                    said.contains(&full) || said.contains("no space left"),
                    "{why}"
                );
                return acknowledged;
            }
            Err(other) => panic!("{other}"),
        }
        assert!(acknowledged.len() < 100_000, "the disk does not fill up");
    }
}

/// What was acknowledged is there; of the rest only what may be, and that whole.
async fn check(store: &EmbeddedStorage, acknowledged: &[Arc<Entry>], most: usize) {
    let page = store.list("/", &ListRequest::all()).await.unwrap();
    for entry in &page.entries {
        assert_eq!(entry.value, value_of(&entry.key), "{}", entry.key);
    }
    for entry in acknowledged {
        let found = store.get(&entry.key, ReadAt::Latest).await.unwrap();
        let found = found.entry.expect("what was acknowledged");
        assert_eq!(found.revision, entry.revision, "{}", entry.key);
    }
    // Each time it was full, one write was in doubt.
    let in_doubt = page.entries.len() - acknowledged.len();
    assert!(in_doubt <= most, "{in_doubt} more than were acknowledged");
}
