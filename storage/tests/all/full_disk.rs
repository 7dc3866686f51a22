//! The embedded store on a disk that fills up, a small tmpfs.

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{Entry, Error, ListRequest, ReadAt, Storage};

/// Set for the child process to the directory of the small disk.
const DIR: &str = "PORTCULLIS_TEST_SMALL_DISK";
/// Flags of `unshare` for a mount namespace: as root, and unprivileged.
const NAMESPACES: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];

/// Runs `child` in a mount namespace with a small tmpfs.
#[test]
fn acknowledged_writes_survive_a_full_disk() {
    let dir = tempfile::tempdir().unwrap();
    let namespace = NAMESPACES.into_iter().find(|flags| {
        let mounted = unshare(flags, "mount -t tmpfs tmpfs \"$1\"", dir.path()).output();
        mounted.is_ok_and(|output| output.status.success())
    });
    let Some(namespace) = namespace else {
        return skip(
            "acknowledged_writes_survive_a_full_disk mounts a small tmpfs in its own mount namespace, \
             which neither `unshare --mount` nor `unshare --map-root-user --mount` provides here",
        );
    };
    let script = "mount -t tmpfs -o size=12m tmpfs \"$1\" && \
                  exec \"$2\" --exact full_disk::child --nocapture";
    let output = unshare(namespace, script, dir.path()).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("survived a full disk"),
        "{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Reports a skipped test on stderr, as the harness captures the output of passed tests. In CI
/// nothing may be skipped.
fn skip(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    // Nothing can be reported without stderr.
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

/// Not a test of its own: the child process on the small disk.
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

    // Reported as not writable, even if small writes still fit.
    let mut rounds = 0;
    while store.writable().await.is_ok() {
        acknowledged.extend(fill(&store, &format!("/rest-{rounds}")).await);
        rounds += 1;
        assert!(rounds < 100, "a full disk is reported as writable");
    }

    // Reads continue, writes fail without hanging, and a restart does no harm.
    let known = &acknowledged[0];
    let found = store.get(&known.key, ReadAt::Latest).await.unwrap();
    assert_eq!(found.entry.unwrap().revision, known.revision);
    acknowledged.extend(fill(&store, "/full").await);
    drop(store);
    if let Err(error) = EmbeddedStorage::open(&dir) {
        assert!(error.to_string().contains("store"), "{error}");
    }

    // Space is freed while the store runs, and filled again.
    let store = reopen(&dir, &filler);
    acknowledged.extend(fill(&store, "/again").await);
    std::fs::remove_file(&filler).unwrap();
    let before = acknowledged.len();
    let begun = Instant::now();
    while store.writable().await.is_err() {
        assert!(begun.elapsed().as_secs() < 60, "space was freed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    acknowledged.push(store.create("/after", value_of("/after")).await.unwrap());
    acknowledged.extend(fill(&store, "/more").await);
    assert!(
        acknowledged.len() > before + 100,
        "space was freed for more"
    );
    drop(store);
    let store = EmbeddedStorage::open(&dir).unwrap();
    check(&store, &acknowledged, 4 + rounds).await;
    println!(
        "{} acknowledged writes survived a full disk",
        acknowledged.len()
    );
}

/// Reopens the store; frees some space first if there is too little.
fn reopen(dir: &Path, filler: &Path) -> EmbeddedStorage {
    EmbeddedStorage::open(dir).unwrap_or_else(|_| {
        std::fs::write(filler, vec![0; 3 << 20]).unwrap();
        EmbeddedStorage::open(dir).unwrap()
    })
}

/// Writes until the disk is full; returns the acknowledged entries.
async fn fill(store: &EmbeddedStorage, prefix: &str) -> Vec<Arc<Entry>> {
    let mut acknowledged = Vec::new();
    loop {
        let key = format!("{prefix}/{}", acknowledged.len());
        match store.create(&key, value_of(&key)).await {
            Ok(entry) => acknowledged.push(entry),
            Err(Error::Unavailable(why)) => {
                let full = std::io::Error::from(ErrorKind::StorageFull).to_string();
                let message = why.to_lowercase();
                assert!(
                    message.contains(&full) || message.contains("no space left"),
                    "{why}"
                );
                return acknowledged;
            }
            Err(other) => panic!("{other}"),
        }
        assert!(acknowledged.len() < 100_000, "the disk does not fill up");
    }
}

/// Checks that acknowledged entries are present, at most `most` others, and all of them intact.
async fn check(store: &EmbeddedStorage, acknowledged: &[Arc<Entry>], most: usize) {
    let page = store.list("/", &ListRequest::all()).await.unwrap();
    for entry in &page.entries {
        assert_eq!(entry.value, value_of(&entry.key), "{}", entry.key);
    }
    for entry in acknowledged {
        let found = store.get(&entry.key, ReadAt::Latest).await.unwrap();
        let found = found.entry.expect("an acknowledged entry");
        assert_eq!(found.revision, entry.revision, "{}", entry.key);
    }
    // One write was in doubt each time the disk was full.
    let in_doubt = page.entries.len() - acknowledged.len();
    assert!(in_doubt <= most, "{in_doubt} more than were acknowledged");
}
