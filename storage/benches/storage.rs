//! Benchmarks of lists, watches and writes: `make bench`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::{StreamExt, future};
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::{ListRequest, Result, Storage};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

const VALUE: usize = 2048;
const LISTED: usize = 10_000;
const WATCHERS: usize = 1_000;

fn value() -> Bytes {
    Bytes::from(vec![b'x'; VALUE])
}

/// An embedded store in a temporary directory.
struct Bench {
    runtime: Runtime,
    store: Arc<EmbeddedStorage>,
    _dir: TempDir,
}

impl Bench {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self {
            runtime: Runtime::new().expect("threads"),
            store: Arc::new(EmbeddedStorage::open(dir.path()).expect("a store")),
            _dir: dir,
        }
    }

    fn cache(&self) -> Arc<Cache> {
        let start = Cache::start(
            self.store.clone(),
            "/registry/",
            CacheConfig {
                // No watcher may be ended as slow during the measurement.
                watcher_events: 100_000,
                ..CacheConfig::default()
            },
        );
        Arc::new(self.runtime.block_on(start).expect("a cache"))
    }
}

fn lists(criterion: &mut Criterion) {
    let bench = Bench::new();
    let fill = (0..LISTED).map(|n| {
        let store = bench.store.clone();
        async move {
            store
                .create(&format!("/registry/pods/ns/{n:05}"), value())
                .await
        }
    });
    let filled = bench.runtime.block_on(future::try_join_all(fill));
    assert_eq!(filled.expect("to fill the store").len(), LISTED);
    let cache = bench.cache();
    let all = ListRequest::all();
    let page = ListRequest {
        limit: 500,
        ..ListRequest::all()
    };
    let mut group = criterion.benchmark_group("list");
    for (name, request, expected) in [
        ("10000", &all, LISTED),
        ("the first 500 of 10000", &page, 500),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter_with_large_drop(|| {
                let list = cache.list("/registry/pods/", request);
                let list = bench.runtime.block_on(list).expect("a list");
                assert_eq!(list.entries.len(), expected);
                list
            });
        });
    }
}

/// From the write until the last watcher has received its event.
fn fan_out(criterion: &mut Criterion) {
    let bench = Bench::new();
    let cache = bench.cache();
    let (seen, mut all_seen) = mpsc::unbounded_channel();
    for _ in 0..WATCHERS {
        let watch = cache.watch("/registry/pods/ns/", cache.reached());
        let mut watch = bench.runtime.block_on(watch).expect("a watch");
        let seen = seen.clone();
        bench.runtime.spawn(async move {
            while let Some(Ok(event)) = watch.next().await {
                // The receiver is gone once the benchmark ends.
                if event.key().is_some() && seen.send(()).is_err() {
                    return;
                }
            }
        });
    }
    let mut group = criterion.benchmark_group("fan-out");
    group.throughput(Throughput::Elements(WATCHERS as u64));
    let mut number = 0_u64;
    group.bench_function("one write to 1000 watchers", |bencher| {
        bencher.iter(|| {
            number += 1;
            bench.runtime.block_on(async {
                let key = format!("/registry/pods/ns/{number}");
                cache.create(&key, value()).await.expect("a write");
                for _ in 0..WATCHERS {
                    all_seen.recv().await.expect("an event");
                }
            });
        });
    });
}

/// How long `writers` concurrent writers take to update an object of theirs `times` times each.
async fn write(store: &Arc<EmbeddedStorage>, writers: u64, times: u64) -> Result<Duration> {
    let run = store.revision().await?;
    let mut entries = Vec::new();
    for writer in 0..writers {
        let key = format!("/registry/{run}/{writer}");
        entries.push(store.create(&key, value()).await?);
    }
    let begun = Instant::now();
    let tasks = entries.into_iter().map(|mut entry| {
        let store = store.clone();
        tokio::spawn(async move {
            for _ in 0..times {
                let swap = store.compare_and_swap(&entry.key, entry.revision, value());
                entry = swap.await?;
            }
            Result::Ok(entry)
        })
    });
    let written = future::join_all(tasks.collect::<Vec<_>>()).await;
    let took = begun.elapsed();
    for entry in written {
        let entry = entry.expect("a writer")?;
        store.delete(&entry.key, entry.revision).await?;
    }
    Ok(took)
}

fn writes(criterion: &mut Criterion) {
    let bench = Bench::new();
    let mut group = criterion.benchmark_group("embedded writes of 2 KiB");
    for writers in [1, 16, 64] {
        group.throughput(Throughput::Elements(writers));
        group.bench_function(format!("{writers} at once"), |bencher| {
            bencher.iter_custom(|iterations| {
                let written = write(&bench.store, writers, iterations);
                bench.runtime.block_on(written).expect("to write")
            });
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .sample_size(20);
    targets = lists, fan_out, writes
}
criterion_main!(benches);
