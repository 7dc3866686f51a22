//! The embedded store under kill -9: what was acknowledged is there, and nothing else but the one
//! change each writer was waiting for.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{Entry, ListRequest, Revision, Storage};

/// Tells the child its directory, and that it is the child.
const DIR: &str = "PORTCULLIS_TEST_KILL_DIR";
/// How often it is killed; `make soak` sets another number.
const CYCLES: &str = "PORTCULLIS_TEST_KILL_CYCLES";
const WRITERS: usize = 64;
/// After how many kills the next one begins with an empty directory: a store that only grows would
/// be read for longer and longer.
const KILLS_OF_ONE_STORE: usize = 50;

/// What a writer does to a key: makes it, changes it, and deletes every other one.
const STEPS: usize = 3;

/// The key of a writer's change number `n`; a writer is a run of the child and a number.
fn key_of(writer: &str, n: usize) -> String {
    format!("/{writer}/{}", n / STEPS)
}

/// The value that belongs to a key and a step, so that one half written is known.
fn value_of(key: &str, step: usize) -> Bytes {
    Bytes::from(format!("{key}={step};").repeat(30 + step))
}

/// Not a test by itself: the process that is killed, when the test below runs it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(dir) = std::env::var(DIR) else { return };
    let store = Arc::new(EmbeddedStorage::open(Path::new(&dir)).unwrap());
    let start = store.revision().await.unwrap();
    let writers = (0..WRITERS).map(|writer| {
        let store = store.clone();
        tokio::spawn(async move { write_for_ever(&store, &format!("{start}-{writer}")).await })
    });
    futures_util::future::join_all(writers.collect::<Vec<_>>()).await;
}

async fn write_for_ever(store: &EmbeddedStorage, writer: &str) {
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
        writeln!(out, "ACK {writer} {n} {revision} .").expect("to tell");
    }
}

fn revision_of(entry: Option<&Arc<Entry>>) -> Revision {
    entry.map_or(0, |entry| entry.revision)
}

fn is_deleted(n: usize) -> bool {
    (n / STEPS).is_multiple_of(2)
}

/// What a writer leaves after so many changes: its keys and their values.
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

/// What is known of a writer: how many changes it was told of, and the revision of the last one.
#[derive(Clone, Copy, Default)]
struct Acknowledged {
    changes: usize,
    revision: Revision,
}

/// Runs the child until it has acknowledged `count` writes, and kills it; what it has acknowledged by
/// then, for each writer.
fn acknowledged_before_death(dir: &Path, count: usize) -> BTreeMap<String, Acknowledged> {
    let mut child = Command::new(std::env::current_exe().expect("a child"))
        .args(["--exact", "kill::child", "--nocapture"])
        .env(DIR, dir)
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let mut acknowledged = BTreeMap::<_, Acknowledged>::new();
    let mut total = 0;
    let mut lines = BufReader::new(child.stdout.take().expect("a child")).lines();
    // The rest of what it said before it died is still in the pipe.
    while let Some(Ok(line)) = lines.next() {
        // Its last line may be cut off: then the dot is missing.
        let words: Vec<_> = line.split(' ').collect();
        let ["ACK", writer, n, revision, "."] = words[..] else {
            continue;
        };
        let (n, revision): (usize, _) = (n.parse().expect("n"), revision.parse().expect("a rev"));
        let known = acknowledged.entry(writer.to_owned()).or_default();
        assert_eq!(known.changes, n, "{writer} tells of each change once");
        let changes = n + 1;
        *known = Acknowledged { changes, revision };
        total += 1;
        if total == count {
            child.kill().expect("a child");
        }
    }
    child.wait().expect("a child");
    assert!(total >= count, "the child died by itself");
    acknowledged
}

/// What is in a store that was killed over and over.
#[derive(Default)]
struct Survivors {
    /// How many changes each writer made before it died.
    changes: BTreeMap<String, usize>,
    acknowledged: usize,
    /// How many changes were there that nobody was told of.
    unheard: usize,
    opening: Duration,
}

impl Survivors {
    /// Opens the store, and compares it with what should be in it.
    async fn check(&mut self, dir: &Path, told: BTreeMap<String, Acknowledged>) {
        let begun = Instant::now();
        let store = EmbeddedStorage::open(dir).unwrap();
        self.opening = self.opening.max(begun.elapsed());
        let page = store.list("/", &ListRequest::all()).await.unwrap();
        let mut there = BTreeMap::<_, BTreeMap<_, _>>::new();
        let mut revisions = BTreeMap::new();
        for entry in &page.entries {
            let writer = entry.key.split('/').nth(1).unwrap().to_owned();
            let of_writer = there.entry(writer).or_default();
            of_writer.insert(entry.key.to_string(), entry.value.clone());
            revisions.insert(entry.key.to_string(), entry.revision);
        }
        for (writer, told) in told {
            self.acknowledged += told.changes;
            let found = there.get(&writer).cloned().unwrap_or_default();
            // It may have died between a change and the word of it.
            let unheard = usize::from(found != state_after(&writer, told.changes));
            self.unheard += unheard;
            if let (0, Some(revision)) =
                (unheard, revisions.get(&key_of(&writer, told.changes - 1)))
            {
                assert_eq!(*revision, told.revision, "{writer}");
            }
            self.changes.insert(writer, told.changes + unheard);
        }
        for writer in there.keys() {
            // One that died before any word of its first change.
            if !self.changes.contains_key(writer) {
                self.unheard += 1;
                self.changes.insert(writer.clone(), 1);
            }
        }
        for (writer, changes) in &self.changes {
            let found = there.remove(writer).unwrap_or_default();
            assert_eq!(found, state_after(writer, *changes), "{writer}");
        }
        // Every revision after the first was one change.
        let changes: usize = self.changes.values().sum();
        assert_eq!(page.revision, 1 + changes as Revision);
    }
}

#[tokio::test]
async fn what_was_acknowledged_survives() {
    let cycles = std::env::var(CYCLES).map_or(5, |cycles| cycles.parse().unwrap());
    let begun = Instant::now();
    let (mut acknowledged, mut unheard, mut opening) = (0, 0, Duration::ZERO);
    let mut killed = 0;
    while killed < cycles {
        let dir = tempfile::tempdir().unwrap();
        let mut survivors = Survivors::default();
        for _ in 0..KILLS_OF_ONE_STORE.min(cycles - killed) {
            killed += 1;
            // Not always at the same moment.
            let told = acknowledged_before_death(dir.path(), 100 + 37 * killed % 500);
            survivors.check(dir.path(), told).await;
        }
        acknowledged += survivors.acknowledged;
        unheard += survivors.unheard;
        opening = opening.max(survivors.opening);
    }
    println!(
        "{killed} kills under {WRITERS} writers in {:.0?}: {acknowledged} acknowledged changes, \
         all there; {unheard} more were made and not heard of; nothing else; opened in {opening:.0?} \
         at most",
        begun.elapsed()
    );
}
