//! Deletes objects whose owners are gone (upstream: `pkg/controller/garbagecollector`).
//!
//! The dependents of a deleted object are deleted after it, before it, or orphaned, as requested.
//!
//! An observer of the watch cache keeps `graph` up to date and the queue filled. Decisions about a key from
//! the queue are based on what is stored (`owners`), never on the graph alone.

mod attempt;
mod graph;
mod owners;
mod report;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use portcullis_api::UserInfo;
use portcullis_storage::cache::{Cache, Observer};
use portcullis_storage::{Entry, Event};

use self::graph::{Cause, Graph, Wanted};
use self::report::Reporter;
use crate::queue::Queue;
use portcullis_registry::Registry;
use portcullis_registry::delete::{FOREGROUND, ORPHAN};
use portcullis_registry::head::HeadMeta;

/// How many objects are processed concurrently, so that they share the store's commits
/// (upstream: `--concurrent-gc-syncs`, 20).
const AT_ONCE: usize = 64;

/// How long the collector waits for more to do, by the cause. No request waits for it, and a batch costs
/// less.
#[derive(Clone, Copy, Debug)]
struct Patience {
    new_owner: Duration,
    deletion: Duration,
}

const PATIENCE: Patience = Patience {
    new_owner: Duration::from_secs(1),
    deletion: Duration::from_millis(200),
};

/// The garbage collector. It maintains the graph as long as the server runs, and acts while it is run.
pub struct Collector {
    registry: Arc<Registry>,
    user: UserInfo,
    graph: Mutex<Graph>,
    queue: Queue,
    acting: AtomicBool,
    patience: Patience,
    reporter: Reporter,
}

impl Collector {
    /// A collector that follows the cache.
    pub fn start(registry: Arc<Registry>, cache: &Cache) -> Arc<Self> {
        Self::with_patience(registry, cache, PATIENCE)
    }

    fn with_patience(registry: Arc<Registry>, cache: &Cache, patience: Patience) -> Arc<Self> {
        let root = registry.root();
        let queue = Queue::default();
        let queue = queue.counted(
            "garbage_collector_attempt_to_delete",
            registry.work_queues(),
        );
        let collector = Arc::new(Self {
            queue,
            registry,
            user: UserInfo::service_account("kube-system", "generic-garbage-collector"),
            graph: Mutex::default(),
            acting: AtomicBool::new(false),
            patience,
            reporter: Reporter::default(),
        });
        cache.observe(&root, Box::new(Watcher(collector.clone())));
        collector
    }

    /// Collects until this is dropped.
    pub async fn run(self: Arc<Self>) {
        let _acting = Acting::begin(&self);
        let attempt = |key: Arc<str>| {
            let collector = self.clone();
            async move { collector.attempt(&key).await.map(|()| true) }
        };
        self.queue.serve(AT_ONCE, attempt).await;
    }

    fn want(&self, wanted: Wanted) {
        if !self.acting.load(Ordering::Acquire) {
            return;
        }
        for (key, cause) in wanted {
            let after = match cause {
                Cause::NewOwner => self.patience.new_owner,
                Cause::Deletion => self.patience.deletion,
                Cause::Cascade => Duration::ZERO,
            };
            self.queue.add(key, after);
        }
    }
}

/// The collector acts as long as this exists.
struct Acting<'a>(&'a Collector);

impl<'a> Acting<'a> {
    fn begin(collector: &'a Collector) -> Self {
        // Under the lock, so that no change is lost between the existing objects and later ones.
        let graph = collector.graph.lock();
        collector.acting.store(true, Ordering::Release);
        collector.want(
            graph
                .keys()
                .map(|key| (key.clone(), Cause::Deletion))
                .collect(),
        );
        Self(collector)
    }
}

impl Drop for Acting<'_> {
    fn drop(&mut self) {
        let _graph = self.0.graph.lock();
        self.0.acting.store(false, Ordering::Release);
        self.0.queue.clear();
    }
}

/// Passes the changes on to the collector.
struct Watcher(Arc<Collector>);

impl Watcher {
    fn put(graph: &mut Graph, entry: &Entry) -> Wanted {
        if !concerns(&entry.value) && !graph.knows(&entry.key) {
            return Wanted::new();
        }
        match HeadMeta::read(entry) {
            Ok(meta) => graph.put(&entry.key, meta),
            Err(error) => {
                tracing::warn!(key = %entry.key, %error, "an object cannot be read");
                graph.forget(&entry.key)
            }
        }
    }
}

impl Observer for Watcher {
    fn reset(&self, entries: &[Arc<Entry>]) {
        let mut graph = self.0.graph.lock();
        graph.reset();
        for entry in entries {
            Self::put(&mut graph, entry);
        }
        self.0.want(
            graph
                .keys()
                .map(|key| (key.clone(), Cause::Deletion))
                .collect(),
        );
    }

    fn apply(&self, event: &Event) {
        let mut graph = self.0.graph.lock();
        let wanted = match event {
            Event::Put { entry, .. } => Self::put(&mut graph, entry),
            // Without owners in the graph, nothing had dependents.
            Event::Delete { previous, .. } if !graph.is_empty() => match HeadMeta::read(previous) {
                Ok(meta) => graph.delete(&previous.key, &meta.uid),
                Err(_) => graph.forget(&previous.key),
            },
            Event::Delete { .. } | Event::Progress(_) => return,
        };
        self.0.want(wanted);
    }
}

/// Whether an object can name owners or wait for its dependents: a quick test that most objects fail, so that
/// they need not be decoded.
fn concerns(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else {
        return false;
    };
    text.contains(r#""ownerReferences":["#)
        || text.contains(r#""deletionTimestamp":""#)
            && (text.contains(FOREGROUND) || text.contains(ORPHAN))
}
