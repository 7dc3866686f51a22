//! The embedded store under `kill -9`: acknowledged changes survive, and beyond them at most the
//! one change that each writer was waiting for.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use portcullis_storage::embedded::{EmbeddedStorage, Options, Survives};
use portcullis_storage::{Entry, ListRequest, Revision, Storage};

/// Set for the child process to the store's directory.
const DIR: &str = "PORTCULLIS_TEST_KILL_DIR";
/// Set for a child whose store does not wait for the disk.
const UNSYNCED: &str = "PORTCULLIS_TEST_KILL_UNSYNCED";
/// The number of kills; `make soak` sets a higher one.
const CYCLES: &str = "PORTCULLIS_TEST_KILL_CYCLES";
const WRITERS: usize = 64;
/// After so many kills the directory is replaced by an empty one, as a growing store takes longer
/// and longer to load.
const KILLS_PER_STORE: usize = 50;

/// The changes of a key: create, update, and for every other key delete.
const STEPS: usize = 3;

/// The key of a writer's change number `n`. Writers are named by the child's first revision and a
/// number.
fn key_of(writer: &str, n: usize) -> String {
    format!("/{writer}/{}", n / STEPS)
}

/// The value of a key after a step, from which a torn write is recognizable. A few hundred of them fill the journal, so
/// that kills also meet its move to redb, and rounds after the first.
fn value_of(key: &str, step: usize) -> Bytes {
    Bytes::from(format!("{key}={step};").repeat(150 + step))
}

/// Not a test of its own: the child process that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let options = Options {
        survives: match std::env::var_os(UNSYNCED) {
            Some(_) => Survives::Kill,
            None => Survives::PowerFailure,
        },
        ..Options::default()
    };
    let store = Arc::new(EmbeddedStorage::open_with(Path::new(&dir), options).unwrap());
    let start = store.revision().await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move { write_forever(&store, &format!("{start}-{writer}")).await })
    });
    futures_util::future::join_all(writers.collect::<Vec<_>>()).await;
}

async fn write_forever(store: &EmbeddedStorage, writer: &str) {
    let mut last = None::<Arc<Entry>>;
    for n in 0.. {
        let (key, step) = (key_of(writer, n), n % STEPS);
        let value = value_of(&key, step);
        let revision = match last.take() {
            Some(entry) if step == 2 && is_deleted(n) => {
                store.delete(&key, entry.revision).await.expect("to delete")
            }
            Some(entry) if step > 0 => {
                let swap = store.compare_and_swap(&key, entry.revision, value);
                last = Some(swap.await.expect("to swap"));
                revision_of(last.as_ref())
            }
            _ => {
                last = Some(store.create(&key, value).await.expect("to create"));
                revision_of(last.as_ref())
            }
        };
        let mut out = std::io::stdout().lock();
        writeln!(out, "ACK {writer} {n} {revision} .").expect("to print");
    }
}

fn revision_of(entry: Option<&Arc<Entry>>) -> Revision {
    entry.map_or(0, |entry| entry.revision)
}

fn is_deleted(n: usize) -> bool {
    (n / STEPS).is_multiple_of(2)
}

/// The keys and values that a writer leaves after so many changes.
fn state_after(writer: &str, changes: usize) -> BTreeMap<String, Bytes> {
    let mut state = BTreeMap::new();
    for n in 0..changes {
        let (key, step) = (key_of(writer, n), n % STEPS);
        if step == 2 && is_deleted(n) {
            state.remove(&key);
        } else {
            let value = value_of(&key, step);
            state.insert(key, value);
        }
    }
    state
}

/// How many changes of a writer were acknowledged, and the revision of the last.
#[derive(Clone, Copy, Default)]
struct Acknowledged {
    changes: usize,
    revision: Revision,
}

/// Runs the child until it has acknowledged `count` writes, and kills it; returns what each writer
/// has acknowledged by then.
fn run_and_kill(dir: &Path, survives: Survives, count: usize) -> BTreeMap<String, Acknowledged> {
    let mut command = Command::new(std::env::current_exe().expect("a child"));
    command
        .args(["--exact", "kill::child", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped());
    if survives == Survives::Kill {
        command.env(UNSYNCED, "1");
    }
    let mut child = command.spawn().expect("a child");
    let mut acknowledged = BTreeMap::<_, Acknowledged>::new();
    let mut total = 0;
    let mut lines = BufReader::new(child.stdout.take().expect("a child")).lines();
    // Output from before the kill is still in the pipe.
    while let Some(Ok(line)) = lines.next() {
        // A truncated last line lacks the dot.
        let words: Vec<_> = line.split(' ').collect();
        let ["ACK", writer, n, revision, "."] = words[..] else {
            continue;
        };
        let (n, revision): (usize, _) = (n.parse().expect("n"), revision.parse().expect("a rev"));
        let known = acknowledged.entry(writer.to_owned()).or_default();
        assert_eq!(known.changes, n, "{writer} acknowledges each change once");
        let changes = n + 1;
        *known = Acknowledged { changes, revision };
        total += 1;
        if total == count {
            child.kill().expect("a child");
        }
    }
    child.wait().expect("a child");
    assert!(total >= count, "the child exited by itself");
    acknowledged
}

/// The expected content of a store that was killed repeatedly.
#[derive(Default)]
struct Survivors {
    /// How many changes each writer committed before the kill.
    changes: BTreeMap<String, usize>,
    acknowledged: usize,
    /// How many changes were committed but not acknowledged.
    unacknowledged: usize,
    opening: Duration,
}

impl Survivors {
    /// Opens a copy of the store, and compares its content with what is expected. The store itself stays as the kill left
    /// it: closing it would move what is in its journal.
    async fn check(&mut self, dir: &Path, acknowledged: BTreeMap<String, Acknowledged>) {
        let copy = tempfile::tempdir().unwrap();
        for file in std::fs::read_dir(dir).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
        }
        let begun = Instant::now();
        let store = EmbeddedStorage::open(copy.path()).unwrap();
        self.opening = self.opening.max(begun.elapsed());
        let page = store.list("/", &ListRequest::all()).await.unwrap();
        let mut stored = BTreeMap::<_, BTreeMap<_, _>>::new();
        let mut revisions = BTreeMap::new();
        for entry in &page.entries {
            let writer = entry.key.split('/').nth(1).unwrap().to_owned();
            let of_writer = stored.entry(writer).or_default();
            of_writer.insert(entry.key.to_string(), entry.value.clone());
            revisions.insert(entry.key.to_string(), entry.revision);
        }
        for (writer, acknowledged) in acknowledged {
            self.acknowledged += acknowledged.changes;
            let found = stored.get(&writer).cloned().unwrap_or_default();
            // The last commit may not have been acknowledged.
            let unacknowledged = usize::from(found != state_after(&writer, acknowledged.changes));
            self.unacknowledged += unacknowledged;
            if let (0, Some(revision)) = (
                unacknowledged,
                revisions.get(&key_of(&writer, acknowledged.changes - 1)),
            ) {
                assert_eq!(*revision, acknowledged.revision, "{writer}");
            }
            self.changes
                .insert(writer, acknowledged.changes + unacknowledged);
        }
        for writer in stored.keys() {
            // A writer without any acknowledgement may have committed its first change.
            if !self.changes.contains_key(writer) {
                self.unacknowledged += 1;
                self.changes.insert(writer.clone(), 1);
            }
        }
        for (writer, changes) in &self.changes {
            let found = stored.remove(writer).unwrap_or_default();
            assert_eq!(found, state_after(writer, *changes), "{writer}");
        }
        // Every revision after the first is one change.
        let changes: usize = self.changes.values().sum();
        assert_eq!(page.revision, 1 + changes as Revision);
    }
}

#[tokio::test]
async fn acknowledged_writes_survive() {
    let cycles = std::env::var(CYCLES).map_or(5, |cycles| cycles.parse().unwrap());
    let begun = Instant::now();
    let (mut acknowledged, mut unacknowledged, mut opening) = (0, 0, Duration::ZERO);
    let mut killed = 0;
    while killed < cycles {
        let dir = tempfile::tempdir().unwrap();
        let mut survivors = Survivors::default();
        for _ in 0..KILLS_PER_STORE.min(cycles - killed) {
            killed += 1;
            // Varies the moment of the kill.
            let count = 100 + 37 * killed % 500;
            let acknowledged = run_and_kill(dir.path(), Survives::PowerFailure, count);
            survivors.check(dir.path(), acknowledged).await;
        }
        acknowledged += survivors.acknowledged;
        unacknowledged += survivors.unacknowledged;
        opening = opening.max(survivors.opening);
    }
    println!(
        "{killed} kills under {WRITERS} writers in {:.0?}: all {acknowledged} acknowledged changes \
         survived, {unacknowledged} others were committed unacknowledged, nothing else was found; \
         opened in {opening:.0?} at most",
        begun.elapsed()
    );
}

/// Data in the operating system's cache survives a kill, whether or not they are on disk.
#[tokio::test]
async fn acknowledged_writes_survive_without_a_sync() {
    let dir = tempfile::tempdir().unwrap();
    let mut survivors = Survivors::default();
    for killed in 1..=3 {
        let acknowledged = run_and_kill(dir.path(), Survives::Kill, 100 + 70 * killed);
        survivors.check(dir.path(), acknowledged).await;
    }
}
