//! The embedded store under kill -9: what was acknowledged is there.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bytes::Bytes;
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{ListRequest, Storage};

/// Tells the child its directory, and that it is the child.
const DIR: &str = "PORTCULLIS_TEST_KILL_DIR";
/// How often it is killed; a soak sets another number.
const CYCLES: &str = "PORTCULLIS_TEST_KILL_CYCLES";
const WRITERS: usize = 64;

/// The value that belongs to a key, so that one half written is known.
fn value_of(key: &str) -> Bytes {
    Bytes::from(key.repeat(40))
}

/// Not a test by itself: the process that is killed, when the test below runs it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let store = Arc::new(EmbeddedStorage::open(Path::new(&dir)).unwrap());
    let start = store.revision().await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0.. {
                let key = format!("/{start}-{writer}-{n}");
                let entry = store.create(&key, value_of(&key)).await.expect("to write");
                let mut out = std::io::stdout().lock();
                writeln!(out, "ACK {key} {}", entry.revision).expect("to tell");
            }
        })
    });
    futures_util::future::join_all(writers.collect::<Vec<_>>()).await;
}

/// Runs the child until it has acknowledged `count` writes, and kills it; returns those it has
/// acknowledged by then.
fn acknowledged_before_death(dir: &Path, count: usize) -> Vec<(String, u64)> {
    let mut child = Command::new(std::env::current_exe().expect("a child"))
        .args(["--exact", "kill::child", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut acknowledged = Vec::new();
    let mut lines = BufReader::new(child.stdout.take().expect("a child")).lines();
    // The rest of what it said before it died is still in the pipe.
    while let Some(Ok(line)) = lines.next() {
        if let Some((key, revision)) = line
            .strip_prefix("ACK ")
            .and_then(|ack| ack.split_once(' '))
        {
            // Its last line may be cut off.
            let Ok(revision) = revision.parse() else {
                continue;
            };
            acknowledged.push((key.to_owned(), revision));
            if acknowledged.len() == count {
                child.kill().expect("a child");
            }
        }
    }
    child.wait().expect("a child");
    assert!(acknowledged.len() >= count, "the child died by itself");
    // A cut off number is a number, too.
    acknowledged.pop();
    acknowledged
}

#[tokio::test]
async fn what_was_acknowledged_survives() {
    let dir = tempfile::tempdir().unwrap();
    let mut expected = BTreeMap::new();
    let cycles = std::env::var(CYCLES).map_or(5, |cycles| cycles.parse().unwrap());
    for cycle in 1..=cycles {
        // Not always at the same moment.
        expected.extend(acknowledged_before_death(
            dir.path(),
            100 + 37 * cycle % 500,
        ));
        let store = EmbeddedStorage::open(dir.path()).unwrap();
        let page = store.list("/", &ListRequest::all()).await.unwrap();
        let there: BTreeMap<_, _> = page
            .entries
            .iter()
            .map(|entry| (entry.key.to_string(), entry.revision))
            .collect();
        for (key, revision) in &expected {
            assert_eq!(there.get(key), Some(revision), "{key} was acknowledged");
        }
        assert!(
            page.entries
                .iter()
                .all(|entry| entry.value == value_of(&entry.key))
        );
        // Every revision after the first was one creation.
        assert_eq!(page.revision, 1 + there.len() as u64);
    }
    println!(
        "{} acknowledged writes survived {cycles} kills",
        expected.len()
    );
}
