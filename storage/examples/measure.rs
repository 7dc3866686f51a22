//! Measures the embedded store: how fast it opens, writes, compacts and loads; and for comparison,
//! how fast etcd handles the same writes on the same disk.
//!
//! `cargo run --release -p portcullis-storage --example measure [DIR]`
//!
//! On a busy machine the CPU time beside a duration says more than the duration.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::etcd::{EtcdOptions, EtcdStorage};
use portcullis_storage::etcd_server::EtcdServer;
use portcullis_storage::{ListRequest, ReadAt, Storage};

const VALUE: usize = 2048;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let base = std::env::args()
        .nth(1)
        .map_or_else(std::env::temp_dir, PathBuf::from);
    let dir = tempfile::tempdir_in(&base)?;
    println!("resident before: {} KiB", resident()?);
    let clock = Clock::start()?;
    let mut store = Arc::new(EmbeddedStorage::open(dir.path())?);
    println!("open a new directory: {}", clock.elapsed()?);
    compare_with_etcd(&store, &base).await?;
    store.close().await;
    drop(store);
    compactions(&base).await?;
    let dir = tempfile::tempdir_in(&base)?;
    store = Arc::new(EmbeddedStorage::open(dir.path())?);
    fill(&store, 100_000).await?;
    println!("resident with 100,000 of 2 KiB: {} KiB", resident()?);
    let clock = Clock::start()?;
    let page = store
        .list("/registry/load/50/", &ListRequest::all())
        .await?;
    println!("list {} of them: {}", page.entries.len(), clock.elapsed()?);
    through_the_cache(store.clone()).await?;
    store.close().await;
    drop(store);
    let clock = Clock::start()?;
    store = Arc::new(EmbeddedStorage::open(dir.path())?);
    println!("open them again: {}", clock.elapsed()?);
    println!("at revision {}", store.revision().await?);
    Ok(())
}

/// Alternates the same writes between both stores.
async fn compare_with_etcd(store: &Arc<EmbeddedStorage>, dir: &Path) -> Result<(), Failure> {
    const ROUNDS: u32 = 3;
    let server = EtcdServer::start_durable(dir);
    let etcd = EtcdStorage::connect(&EtcdOptions::new([server.endpoint()])).await?;
    let (etcd, embedded): (Arc<dyn Storage>, Arc<dyn Storage>) = (Arc::new(etcd), store.clone());
    for writers in [1, 16, 64] {
        let mut rates = [0.0, 0.0];
        for _ in 0..ROUNDS {
            rates[0] += creates("embedded", embedded.clone(), writers).await?;
            rates[1] += creates("etcd", etcd.clone(), writers).await?;
        }
        let (embedded, etcd) = (rates[0] / f64::from(ROUNDS), rates[1] / f64::from(ROUNDS));
        println!(
            "{writers} writers: embedded {embedded:.0}/s, etcd {etcd:.0}/s, {:.1} times as many",
            embedded / etcd
        );
    }
    Ok(())
}

/// Elapsed time, and CPU time of this process.
struct Clock {
    begun: Instant,
    used: Duration,
}

impl Clock {
    fn start() -> Result<Self, Failure> {
        let (begun, used) = (Instant::now(), cpu_time()?);
        Ok(Self { begun, used })
    }

    fn elapsed(&self) -> Result<String, Failure> {
        let took = self.begun.elapsed();
        let used = cpu_time()?.saturating_sub(self.used);
        Ok(format!("{took:.1?}, {used:.1?} of CPU time"))
    }
}

/// The CPU time of this process so far.
fn cpu_time() -> Result<Duration, Failure> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
    // Linux reports 100 ticks per second to user space.
    Ok(Duration::from_millis(ticks * 10))
}

async fn creates(name: &str, store: Arc<dyn Storage>, writers: usize) -> Result<f64, Failure> {
    const TIME: Duration = Duration::from_secs(2);
    let done = Arc::new(AtomicU64::new(0));
    // Makes keys unique, as the store was written to before.
    let run = store.revision().await?;
    let begun = Instant::now();
    let tasks: Vec<_> = (0..writers)
        .map(|writer| {
            let (store, done) = (store.clone(), done.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < TIME {
                    let n = done.fetch_add(1, Ordering::Relaxed);
                    let one = Instant::now();
                    let key = format!("/registry/{run}/{writer}/{n}");
                    store.create(&key, Bytes::from(vec![b'x'; VALUE])).await?;
                    times.push(one.elapsed());
                }
                Ok::<_, Failure>(times)
            })
        })
        .collect();
    let mut times = Vec::new();
    for task in tasks {
        times.extend(task.await??);
    }
    let (took, count) = (begun.elapsed(), times.len());
    report(&format!("{name}, {writers} writers"), took, times);
    Ok(count as f64 / took.as_secs_f64())
}

fn report(what: &str, took: Duration, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: f64| times[(times.len() as f64 * share) as usize];
    println!(
        "{what}: {:.0}/s, p50 {:.2?}, p99 {:.2?}, p99.9 {:.2?}, max {:.1?}",
        times.len() as f64 / took.as_secs_f64(),
        at(0.5),
        at(0.99),
        at(0.999),
        times[times.len() - 1],
    );
}

/// The effect of compaction on a writer: its latencies while tens of thousands of changes are
/// compacted and, for comparison, while none are.
///
/// On a disk the maximum is dominated by slow syncs in either case; in memory only the store itself
/// remains.
async fn compactions(disk: &Path) -> Result<(), Failure> {
    let memory = Path::new("/dev/shm");
    let dirs = [("on disk", disk), ("in memory", memory)];
    for (place, base) in dirs.into_iter().filter(|(_, base)| base.is_dir()) {
        let dir = tempfile::tempdir_in(base)?;
        let store = Arc::new(EmbeddedStorage::open(dir.path())?);
        for _ in 0..3 {
            let history = make_history(&store).await?;
            one_writer(&format!("1 writer {place}"), &store).await?;
            store.compact(history).await?;
            one_writer(&format!("1 writer {place}, compacting"), &store).await?;
        }
        store.close().await;
    }
    Ok(())
}

/// Creates a history of 25,000 changes; returns its last revision.
async fn make_history(store: &Arc<EmbeddedStorage>) -> Result<u64, Failure> {
    let tasks: Vec<_> = (0..64)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                let key = format!("/registry/swap/{writer}");
                for _ in 0..400 {
                    swap(&store, &key).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    Ok(store.revision().await?)
}

async fn swap(store: &EmbeddedStorage, key: &str) -> Result<(), Failure> {
    let value = Bytes::from(vec![b'x'; VALUE]);
    let found = store.get(key, ReadAt::Latest).await?.entry;
    let expected = found.map_or(0, |entry| entry.revision);
    if expected == 0 {
        store.create(key, value).await?;
    } else {
        store.compare_and_swap(key, expected, value).await?;
    }
    Ok(())
}

async fn one_writer(what: &str, store: &EmbeddedStorage) -> Result<(), Failure> {
    let (begun, mut times) = (Instant::now(), Vec::new());
    while begun.elapsed() < Duration::from_secs(1) {
        let one = Instant::now();
        swap(store, "/registry/swap/0").await?;
        times.push(one.elapsed());
    }
    report(what, begun.elapsed(), times);
    Ok(())
}

/// Consistent reads, and delivery of changes to many watchers.
async fn through_the_cache(store: Arc<EmbeddedStorage>) -> Result<(), Failure> {
    const READS: u32 = 200_000;
    const WATCHERS: u32 = 1_000;
    const CHANGES: u32 = 200;
    let clock = Clock::start()?;
    let cache = Arc::new(Cache::start(store, "/registry/", CacheConfig::default()).await?);
    println!("start the cache: {}", clock.elapsed()?);
    println!("resident then: {} KiB", resident()?);
    let begun = Instant::now();
    for _ in 0..READS {
        cache.get("/registry/load/50/50", ReadAt::Latest).await?;
    }
    println!("one consistent get: {:.2?}", begun.elapsed() / READS);
    let begun = Instant::now();
    for _ in 0..1000 {
        cache
            .list("/registry/load/50/", &ListRequest::all())
            .await?;
    }
    println!("one consistent list of 100: {:.2?}", begun.elapsed() / 1000);
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        let mut watch = cache.watch("/registry/fan/", cache.reached()).await?;
        watchers.push(tokio::spawn(async move {
            let mut left = CHANGES;
            while left > 0 {
                match watch.next().await {
                    Some(Ok(event)) => left -= u32::from(event.key().is_some()),
                    other => return Err(format!("{other:?}")),
                }
            }
            Ok(())
        }));
    }
    let begun = Instant::now();
    for n in 0..CHANGES {
        cache
            .create(
                &format!("/registry/fan/{n}"),
                Bytes::from(vec![b'x'; VALUE]),
            )
            .await?;
    }
    for watcher in watchers {
        watcher.await??;
    }
    println!(
        "one event to one of {WATCHERS} watchers: {:.2?}",
        begun.elapsed() / CHANGES / WATCHERS
    );
    cache.shutdown().await;
    Ok(())
}

async fn fill(store: &Arc<EmbeddedStorage>, count: usize) -> Result<(), Failure> {
    let clock = Clock::start()?;
    let tasks: Vec<_> = (0..64)
        .map(|writer| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in (writer..count).step_by(64) {
                    let key = format!("/registry/load/{}/{n}", n % 1000);
                    store.create(&key, Bytes::from(vec![b'x'; VALUE])).await?;
                }
                Ok::<_, portcullis_storage::Error>(())
            })
        })
        .collect();
    for task in tasks {
        task.await??;
    }
    println!("fill: {count} in {}", clock.elapsed()?);
    Ok(())
}

/// The resident set size of this process in KiB.
fn resident() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let size = line.and_then(|line| line.split_whitespace().next());
    Ok(size.unwrap_or("0").parse()?)
}
