//! Random operations on a store and on a reference model, compared step by step.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt;
use portcullis_storage::cache::{Cache, CacheConfig};
use portcullis_storage::embedded::EmbeddedStorage;
use portcullis_storage::etcd::{EtcdOptions, EtcdStorage};
use portcullis_storage::etcd_server::EtcdServer;
use portcullis_storage::{ListRequest, ReadAt, Revision, Storage};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

mod reference;

use reference::{At, Fault, Model, Outcome, change, content, simple};

/// Keys that are prefixes of each other, and sort on both sides of a slash.
const KEYS: [&str; 8] = ["a", "a/", "a/b", "a/b/c", "a0", "ab", "b", "b/x"];
const PREFIXES: [&str; 6] = ["", "a", "a/", "a/b", "b/", "z"];

#[derive(Clone, Debug)]
enum Op {
    Create {
        key: usize,
        value: u8,
    },
    /// The expected revision is wrong by `off`.
    Swap {
        key: usize,
        off: Revision,
        value: u8,
    },
    Delete {
        key: usize,
        off: Revision,
    },
    Get {
        key: usize,
        at: At,
    },
    List {
        prefix: usize,
        at: At,
        limit: usize,
        after: Option<usize>,
    },
    Compact {
        back: Revision,
    },
    Watch {
        prefix: usize,
        back: Revision,
    },
    Restart,
}

fn op() -> impl Strategy<Value = Op> {
    let key = 0..KEYS.len();
    let prefix = 0..PREFIXES.len();
    // Mostly correct.
    let off = prop_oneof![6 => Just(0), 1 => 1..3_u64];
    let at = prop_oneof![
        Just(At::Latest),
        (-9..2_i64).prop_map(At::NotOlder),
        (-9..2_i64).prop_map(At::Exactly),
    ];
    prop_oneof![
        6 => (key.clone(), any::<u8>()).prop_map(|(key, value)| Op::Create { key, value }),
        6 => (key.clone(), off.clone(), any::<u8>())
            .prop_map(|(key, off, value)| Op::Swap { key, off, value }),
        3 => (key.clone(), off).prop_map(|(key, off)| Op::Delete { key, off }),
        3 => (key.clone(), at.clone()).prop_map(|(key, at)| Op::Get { key, at }),
        4 => (prefix.clone(), at, 0..4_usize, prop::option::of(key))
            .prop_map(|(prefix, at, limit, after)| Op::List { prefix, at, limit, after }),
        1 => (0..6_u64).prop_map(|back| Op::Compact { back }),
        1 => (prefix, 0..9_u64).prop_map(|(prefix, back)| Op::Watch { prefix, back }),
        1 => Just(Op::Restart),
    ]
}

/// The store and the model, and the prefix of the store's keys.
struct Pair {
    model: Model,
    /// `None` while it is restarted.
    store: Option<Arc<dyn Storage>>,
    root: String,
}

impl Pair {
    fn new(model: Model, store: Arc<dyn Storage>, root: impl Into<String>) -> Self {
        Self {
            model,
            store: Some(store),
            root: root.into(),
        }
    }

    fn store(&self) -> &dyn Storage {
        self.store.as_deref().unwrap()
    }

    fn key(&self, key: usize) -> String {
        format!("{}{}", self.root, KEYS[key])
    }

    fn prefix(&self, prefix: usize) -> String {
        format!("{}{}", self.root, PREFIXES[prefix])
    }

    async fn step(&mut self, op: &Op) {
        match *op {
            Op::Create { key, value } => {
                let (key, value) = (self.key(key), vec![value; 3]);
                let expected = match self.model.now().contains_key(&key) {
                    true => Err(Fault::Exists),
                    false => Ok(self.model.write(&key, Some(value.clone()))),
                };
                let actual = self.store().create(&key, Bytes::from(value)).await;
                assert_eq!(simple(actual).map(|entry| entry.revision), expected);
            }
            Op::Swap { key, off, value } => {
                let (key, value) = (self.key(key), vec![value; 2]);
                let revision = self.revision_of(&key) + off;
                let expected = self.change(&key, revision, Some(value.clone()));
                let swap = self
                    .store()
                    .compare_and_swap(&key, revision, Bytes::from(value));
                assert_eq!(simple(swap.await).map(|entry| entry.revision), expected);
            }
            Op::Delete { key, off } => {
                let key = self.key(key);
                let revision = self.revision_of(&key) + off;
                let expected = self.change(&key, revision, None);
                assert_eq!(simple(self.store().delete(&key, revision).await), expected);
            }
            Op::Get { key, at } => self.get(&self.key(key), self.model.resolve(at)).await,
            Op::List {
                prefix,
                at,
                limit,
                after,
            } => {
                let after = after.map(|key| self.key(key));
                let request = ListRequest {
                    at: self.model.resolve(at),
                    limit,
                    after,
                };
                self.list(&self.prefix(prefix), &request).await;
            }
            Op::Compact { back } => {
                let revision = self
                    .model
                    .revision()
                    .saturating_sub(back)
                    .max(self.model.base);
                self.store().compact(revision).await.unwrap();
                self.model.compacted = self.model.compacted.max(revision);
            }
            Op::Watch { prefix, back } => {
                let after = self
                    .model
                    .revision()
                    .saturating_sub(back)
                    .max(self.model.base);
                self.watch(&self.prefix(prefix), after).await;
            }
            Op::Restart => {}
        }
    }

    /// The current revision of the key; one that never existed if the key does not.
    fn revision_of(&self, key: &str) -> Revision {
        self.model
            .now()
            .get(key)
            .map_or(1 << 40, |(_, revision)| *revision)
    }

    fn change(
        &mut self,
        key: &str,
        expected: Revision,
        value: Option<Vec<u8>>,
    ) -> Outcome<Revision> {
        match self.model.now().get(key) {
            Some((_, revision)) if *revision == expected => Ok(self.model.write(key, value)),
            actual => Err(Fault::Conflict(actual.cloned())),
        }
    }

    async fn get(&self, key: &str, at: ReadAt) {
        let expected = self
            .model
            .at(at)
            .map(|(state, revision)| (state.get(key).cloned(), revision));
        let actual = simple(self.store().get(key, at).await);
        let actual = actual.map(|found| (found.entry.as_deref().map(content), found.revision));
        assert_eq!(actual, expected, "{key} at {at:?}");
    }

    async fn list(&self, prefix: &str, request: &ListRequest) {
        let expected = self.model.at(request.at).map(|(state, revision)| {
            let wanted = |key: &str| {
                key.starts_with(prefix) && request.after.as_deref().is_none_or(|after| key > after)
            };
            let all: Vec<_> = state.keys().filter(|key| wanted(key)).cloned().collect();
            let most = if request.limit == 0 {
                all.len()
            } else {
                request.limit
            };
            let page: Vec<_> = all.iter().take(most).cloned().collect();
            let remaining = all.len() - page.len();
            (page, remaining, revision)
        });
        let actual = simple(self.store().list(prefix, request).await).map(|page| {
            let keys = page
                .entries
                .iter()
                .map(|entry| entry.key.to_string())
                .collect();
            (keys, page.remaining, page.revision)
        });
        assert_eq!(actual, expected, "{prefix} {request:?}");
    }

    /// Checks that a watch after `after` delivers every change under `prefix`.
    async fn watch(&self, prefix: &str, after: Revision) {
        if after + 1 == self.model.compacted {
            // etcd may still deliver the change of the compacted revision.
            return;
        }
        if after < self.model.compacted {
            let error = match self.store().watch(prefix, after).await {
                Ok(mut watch) => watch.next().await.unwrap().map(drop),
                Err(error) => Err(error),
            };
            assert_eq!(simple(error), Err(Fault::Compacted));
            return;
        }
        let since = self
            .model
            .changes
            .iter()
            .skip((after - self.model.base) as usize);
        let expected: Vec<_> = since
            .filter(|change| change.0.starts_with(prefix))
            .collect();
        let watch = self.store().watch(prefix, after).await.unwrap();
        let changes = watch.filter_map(|event| async move { change(&event.unwrap()) });
        let actual: Vec<_> = changes.take(expected.len()).collect().await;
        assert!(
            actual.iter().eq(expected),
            "{prefix} after {after}: {actual:?}"
        );
    }
}

fn runner(cases: u32) -> TestRunner {
    // No file of failures beside the test: the minimal failing case is printed.
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

fn run_cases(cases: u32, case: impl Fn(Vec<Op>) -> futures_util::future::BoxFuture<'static, ()>) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = runner(cases).run(&prop::collection::vec(op(), 1..120), |ops| {
        runtime.block_on(async {
            // In a task, so that a panic is a failure that proptest shrinks.
            let done =
                tokio::time::timeout(std::time::Duration::from_secs(60), tokio::spawn(case(ops)));
            match done.await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(TestCaseError::fail(error.to_string())),
                Err(_) => Err(TestCaseError::fail("timed out")),
            }
        })
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

fn open(dir: &Path) -> Arc<EmbeddedStorage> {
    Arc::new(EmbeddedStorage::open(dir).unwrap())
}

async fn cache_over(store: Arc<dyn Storage>) -> Arc<Cache> {
    let cache = Cache::start(store, "/registry/", CacheConfig::default()).await;
    Arc::new(cache.unwrap())
}

#[test]
fn embedded_matches_the_model() {
    run_cases(40, |ops| {
        Box::pin(async move {
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path());
            let model = Model::new(store.revision().await.unwrap());
            let mut pair = Pair::new(model, store, "/registry/");
            for op in &ops {
                pair.step(op).await;
                if let Op::Restart = op {
                    // Dropped first, as the directory is locked.
                    pair.store = None;
                    pair.store = Some(open(dir.path()));
                }
            }
        })
    });
}

#[test]
fn the_cache_over_embedded_matches_the_model() {
    run_cases(40, |ops| {
        Box::pin(async move {
            let dir = tempfile::tempdir().unwrap();
            let store = open(dir.path());
            let model = Model::new(store.revision().await.unwrap());
            let cache = cache_over(store).await;
            let mut pair = Pair::new(model, cache, "/registry/");
            for op in &ops {
                pair.step(op).await;
            }
        })
    });
}

#[test]
fn etcd_and_the_cache_over_it_match_the_model() {
    let server = EtcdServer::start();
    let endpoint = server.endpoint();
    let case = std::sync::atomic::AtomicUsize::new(0);
    run_cases(12, |ops| {
        let endpoint = endpoint.clone();
        let case = case.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Box::pin(async move {
            let options = EtcdOptions::new([endpoint]);
            let etcd = Arc::new(EtcdStorage::connect(&options).await.unwrap());
            let cache = cache_over(etcd.clone()).await;
            for (name, store) in [("etcd", etcd as Arc<dyn Storage>), ("cache", cache)] {
                let model = Model::new(store.revision().await.unwrap());
                let root = format!("/registry/{name}{case}/");
                let mut pair = Pair::new(model, store, root);
                for op in &ops {
                    pair.step(op).await;
                }
            }
        })
    });
}
