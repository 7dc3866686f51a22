//! Tests with power failures: of what was written and not synced, the disk has any sectors, and no others.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use futures_util::future::join_all;
use parking_lot::Mutex;
use proptest::collection::vec;
use proptest::prelude::*;
use redb::StorageBackend;

use super::dir_lock::DirLock;
use super::disk::{Disk, JOURNAL, open_redb};
use super::error::OpenError;
use super::file::Survives;
use super::{EmbeddedStorage, HistoryLimits, Options};
use crate::{Entry, Error, ListRequest, Result, Revision, Storage};

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// A file, and what has changed in it since it was synced.
#[derive(Clone, Debug, Default)]
struct Medium {
    synced: Vec<u8>,
    now: Vec<u8>,
    since: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Length(usize),
    Write(usize, Vec<u8>),
}

impl Change {
    /// Changes a file, but only those sectors that are `kept`; a length counts as the first one.
    fn apply(&self, file: &mut Vec<u8>, kept: impl Fn(usize) -> bool) {
        match self {
            Self::Length(length) if kept(0) => file.resize(*length, 0),
            Self::Length(_) => {}
            Self::Write(offset, data) => {
                let mut at = *offset;
                let mut rest = &data[..];
                while !rest.is_empty() {
                    let (sector, more) = rest.split_at(rest.len().min(SECTOR - at % SECTOR));
                    let end = at + sector.len();
                    if kept(at / SECTOR) {
                        file.resize(file.len().max(end), 0);
                        file[at..end].copy_from_slice(sector);
                    }
                    (at, rest) = (end, more);
                }
            }
        }
    }
}

impl Medium {
    fn of(content: Vec<u8>) -> Self {
        Self {
            synced: content.clone(),
            now: content,
            since: Vec::new(),
        }
    }

    fn change(&mut self, change: Change) {
        change.apply(&mut self.now, |_| true);
        self.since.push(change);
    }

    /// What is there after a power failure: all of what was not synced, none of it, or some by chance.
    fn after_failure(&self, chance: u64) -> Self {
        let mut file = self.synced.clone();
        for (n, change) in self.since.iter().enumerate() {
            change.apply(&mut file, |sector| match chance % 4 {
                0 => false,
                1 => true,
                _ => {
                    let mut hasher = DefaultHasher::new();
                    (chance, n, sector).hash(&mut hasher);
                    hasher.finish().is_multiple_of(2)
                }
            });
        }
        Self::of(file)
    }
}

/// An open file, which fails once so many changes and syncs were made, to both files.
#[derive(Clone, Debug)]
struct Powered {
    medium: Arc<Mutex<Medium>>,
    power: Arc<AtomicI64>,
}

impl Powered {
    fn change(&self, change: Change) -> io::Result<()> {
        let left = self.power.fetch_sub(1, Ordering::Relaxed);
        if left >= 0 {
            // the last one is interrupted
            self.medium.lock().change(change);
        }
        if left > 0 { Ok(()) } else { Err(failed()) }
    }
}

fn failed() -> io::Error {
    io::Error::other("injected: no power")
}

impl StorageBackend for Powered {
    fn len(&self) -> io::Result<u64> {
        Ok(self.medium.lock().now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let medium = self.medium.lock();
        let found = usize::try_from(offset)
            .ok()
            .and_then(|at| medium.now.get(at..)?.get(..out.len()));
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(Change::Length(len.try_into().map_err(io::Error::other)?))
    }

    fn sync_data(&self) -> io::Result<()> {
        if self.power.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return Err(failed());
        }
        let mut medium = self.medium.lock();
        medium.synced = medium.now.clone();
        medium.since.clear();
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let offset = offset.try_into().map_err(io::Error::other)?;
        self.change(Change::Write(offset, data.to_vec()))
    }
}

/// The files of a store.
#[derive(Clone)]
struct Machine {
    redb: Medium,
    journal: Medium,
}

impl Machine {
    /// A new store's.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        drop(Disk::open(dir.path(), Survives::default()).unwrap());
        let file = |name| Medium::of(std::fs::read(dir.path().join(name)).unwrap());
        Self {
            redb: file("store.redb"),
            journal: file(JOURNAL),
        }
    }

    fn after_failure(&self, chance: u64) -> Self {
        Self {
            redb: self.redb.after_failure(chance),
            journal: self.journal.after_failure(chance / 4),
        }
    }

    /// Opens the store and does something with it, with power for so many operations; returns what is left.
    async fn run(
        self,
        dir: &Path,
        power: i64,
        what: impl AsyncFnOnce(EmbeddedStorage, &AtomicI64),
    ) -> Result<Self, OpenError> {
        let power = Arc::new(AtomicI64::new(power));
        let [redb, journal] = [self.redb, self.journal].map(|medium| Powered {
            medium: Arc::new(Mutex::new(medium)),
            power: power.clone(),
        });
        let opened = open(dir, &redb, &journal);
        let is_powered = power.load(Ordering::Relaxed) > 0;
        match opened {
            Ok(store) => what(store, &power).await,
            Err(error) if is_powered => return Err(error),
            Err(_) => {}
        }
        let [redb, journal] = [redb, journal].map(|file| file.medium.lock().clone());
        Ok(Self { redb, journal })
    }
}

fn open(dir: &Path, redb: &Powered, journal: &Powered) -> Result<EmbeddedStorage, OpenError> {
    // no file has this name: after a failure the store finds nothing that it could open
    let path = dir.join("store.redb");
    let database = open_redb(&path, redb.clone())?;
    let disk = Disk::with_journal(path, database, journal.clone())?;
    let limits = HistoryLimits {
        events: 40,
        ..HistoryLimits::default()
    };
    let options = Options {
        limits,
        survives: Survives::PowerFailure,
    };
    EmbeddedStorage::run(dir, DirLock::take(dir)?, disk, options)
}

/// The revision of an entry, and the size of its value, which is always `value` of it.
type Found = (Revision, usize);

fn value(size: usize) -> Bytes {
    Bytes::from(vec![b'a' + (size % 26) as u8; size])
}

fn found(entry: &Entry) -> Found {
    let size = entry.value.len();
    assert!(
        entry.value == value(size),
        "{} has another value",
        entry.key
    );
    (entry.revision, size)
}

/// What clients know.
#[derive(Clone, Default)]
struct Known {
    /// What was acknowledged, or found after a failure.
    entries: BTreeMap<String, Found>,
    /// The keys whose last write failed, and the size that it would have left; `None` for a deletion.
    in_doubt: BTreeMap<String, Option<usize>>,
}

impl Known {
    /// Writes at the same time: the key's number and the size of its value, or a deletion.
    async fn write(&mut self, store: &EmbeddedStorage, writes: &BTreeMap<u8, Option<usize>>) {
        let changes = writes.iter().map(async |(key, size)| {
            let key = format!("/{key}");
            let known = self.entries.get(&key).map(|(revision, _)| *revision);
            let outcome = match (known, size.map(value)) {
                (None, None) => return None,
                (None, Some(value)) => store.create(&key, value).await.map(Some),
                (Some(old), Some(value)) => {
                    store.compare_and_swap(&key, old, value).await.map(Some)
                }
                (Some(old), None) => store.delete(&key, old).await.map(|_| None),
            };
            Some((key, *size, outcome))
        });
        for (key, size, outcome) in join_all(changes).await.into_iter().flatten() {
            match outcome {
                Ok(entry) => self.set(key, entry.as_deref().map(found)),
                Err(Error::Unavailable(_)) => drop(self.in_doubt.insert(key, size)),
                Err(other) => panic!("{other:?}"),
            }
        }
    }

    fn set(&mut self, key: String, now: Option<Found>) {
        match now {
            Some(now) => self.entries.insert(key, now),
            None => self.entries.remove(&key),
        };
    }

    /// Compares with what is stored, which decides what was in doubt.
    async fn check(&mut self, store: &EmbeddedStorage) {
        let page = store.list("/", &ListRequest::all()).await.unwrap();
        let entries = page.entries.iter();
        let stored: BTreeMap<_, _> = entries
            .map(|entry| (entry.key.to_string(), found(entry)))
            .collect();
        for (key, written) in std::mem::take(&mut self.in_doubt) {
            let now = stored.get(&key).copied();
            if now.map(|(_, size)| size) == written {
                self.set(key, now);
            }
        }
        assert_eq!(stored, self.entries);
    }
}

/// What happens between two failures.
#[derive(Clone, Debug)]
struct Round {
    writes: Vec<BTreeMap<u8, Option<usize>>>,
    /// After how many operations the power fails, also while the store is opened.
    power: i64,
    /// Whether the power fails, or only the process ends.
    is_failure: bool,
    /// Which sectors the disk has.
    chance: u64,
}

fn rounds() -> impl Strategy<Value = Vec<Round>> {
    // the larger ones fill the journal
    let size = prop_oneof![6 => 0_usize..600, 2 => 600_usize..20_000, 1 => 200_000_usize..500_000];
    let write = prop::option::weighted(0.8, size);
    let writes = vec(prop::collection::btree_map(0_u8..12, write, 1..4), 1..16);
    let power = prop_oneof![1 => 0_i64..12, 3 => 0_i64..60];
    let round = (writes, power, prop::bool::weighted(0.8), any::<u64>());
    let round = round.prop_map(|(writes, power, is_failure, chance)| Round {
        writes,
        power,
        is_failure,
        chance,
    });
    vec(round, 1..8)
}

async fn survive(rounds: Vec<Round>) {
    let dir = tempfile::tempdir().unwrap();
    let (mut machine, mut known) = (Machine::new(), Known::default());
    for round in rounds {
        let work = async |store: EmbeddedStorage, power: &AtomicI64| {
            known.check(&store).await;
            for writes in &round.writes {
                known.write(&store, writes).await;
                if power.load(Ordering::Relaxed) <= 0 {
                    break;
                }
            }
            // it does not close the store in peace
            power.store(0, Ordering::Relaxed);
        };
        machine = machine.run(dir.path(), round.power, work).await.unwrap();
        if round.is_failure {
            machine = machine.after_failure(round.chance);
        }
        // on another machine, as what it makes durable is not durable on this one
        let other = tempfile::tempdir().unwrap();
        let mark = "store.acknowledged";
        // the store makes it when it is opened for the first time
        let _ = std::fs::copy(dir.path().join(mark), other.path().join(mark));
        let mut known = known.clone();
        let check = async |store: EmbeddedStorage, _: &AtomicI64| known.check(&store).await;
        let copy = machine.clone().run(other.path(), i64::MAX, check);
        copy.await.unwrap();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whenever the power fails, and whichever sectors the disk has of what was not synced, the store opens and
    /// has what was acknowledged.
    #[test]
    fn acknowledged_writes_survive_power_failures(rounds in rounds()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(survive(rounds));
    }
}
