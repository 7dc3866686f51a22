//! The keys that a controller has to process: each once, now, later, or again after a failure.
//!
//! Every controller works through one of these, so that an object that cannot be processed does not delay the
//! others.

use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::{Mutex, MutexGuard};
use portcullis_api::Status;
use portcullis_api::backoff::jittered;
use portcullis_registry::work_queues::{Observation, Observed, QueueMetrics, WorkQueues};
use tokio::sync::Notify;
use tokio::time::Instant;

/// The pause of a key after a failure: the first one, and the longest. Doubled each time in between
/// (upstream: `DefaultControllerRateLimiter` in `k8s.io/client-go/util/workqueue`, from 5 ms to 1000 s).
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(60));
/// After so many failures in a row a key is logged, once.
const STUBBORN: u32 = 8;

/// Keys with the time at which they are due.
#[derive(Debug)]
pub struct Queue {
    waiting: Arc<Keys>,
    metrics: Option<QueueMetrics>,
    news: Notify,
    /// The longest pause of a key after a failure.
    again_max: Duration,
}

/// The keys of a queue, which may be looked at from elsewhere.
#[derive(Debug, Default)]
struct Keys(Mutex<Waiting>);

impl Keys {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock()
    }
}

#[derive(Debug, Default)]
struct Waiting {
    by_time: BTreeSet<(Instant, Arc<str>)>,
    by_key: HashMap<Arc<str>, Instant>,
    running: HashMap<Arc<str>, Attempted>,
    /// How often in a row a key failed.
    failures: HashMap<Arc<str>, u32>,
}

/// A key that is being attempted.
#[derive(Debug)]
struct Attempted {
    since: Instant,
    /// When it is due again, if it was added meanwhile.
    again: Option<Instant>,
}

impl Default for Queue {
    fn default() -> Self {
        Self::patient_for(AGAIN.1)
    }
}

impl Queue {
    /// A queue with this longest pause after a failure.
    pub fn patient_for(again_max: Duration) -> Self {
        Self {
            waiting: Arc::default(),
            metrics: None,
            news: Notify::new(),
            again_max,
        }
    }

    /// The same, counted under a name.
    #[must_use]
    pub fn counted(self, name: &str, queues: &WorkQueues) -> Self {
        let seen: Weak<Keys> = Arc::downgrade(&self.waiting);
        let metrics = Some(queues.named(name, seen));
        Self { metrics, ..self }
    }

    fn count(&self, count: impl FnOnce(&QueueMetrics)) {
        if let Some(metrics) = &self.metrics {
            count(metrics);
        }
    }

    /// Adds a key that is due after a while; one that is there already is due at the earlier time.
    pub fn add(&self, key: Arc<str>, after: Duration) {
        self.count(|metrics| metrics.adds.inc());
        if self.waiting.lock().add(key, Instant::now() + after) {
            self.news.notify_one();
        }
    }

    /// Adds a key that is due now, unless it is queued or being attempted already.
    pub fn add_unless_known(&self, key: Arc<str>) {
        let mut waiting = self.waiting.lock();
        let known = waiting.by_key.contains_key(&key) || waiting.running.contains_key(&key);
        if known {
            return;
        }
        self.count(|metrics| metrics.adds.inc());
        if waiting.add(key, Instant::now()) {
            self.news.notify_one();
        }
    }

    /// Waits for a key to be due, and takes it: it is not due again before it is settled.
    async fn next(&self) -> Arc<str> {
        loop {
            let first = {
                let mut waiting = self.waiting.lock();
                match waiting.by_time.first() {
                    Some((due, _)) if *due <= Instant::now() => {
                        if let Some((due, key)) = waiting.by_time.pop_first() {
                            let since = Instant::now();
                            let waited = since.saturating_duration_since(due);
                            self.count(|metrics| metrics.waited.observe(waited.as_secs_f64()));
                            waiting.by_key.remove(&key);
                            let attempted = Attempted { since, again: None };
                            waiting.running.insert(key.clone(), attempted);
                            return key;
                        }
                        None
                    }
                    first => first.map(|(due, _)| *due),
                }
            };
            match first {
                None => self.news.notified().await,
                Some(due) => tokio::select! {
                    () = tokio::time::sleep_until(due) => {}
                    () = self.news.notified() => {}
                },
            }
        }
    }

    /// Takes keys when they are due and attempts them, up to so many concurrently; `false` means that the key
    /// has to be tried again. An object that is gone is finished.
    pub async fn serve<F>(&self, at_once: usize, attempt: impl Fn(Arc<str>) -> F)
    where
        F: Future<Output = Result<bool, Status>>,
    {
        let mut running = FuturesUnordered::new();
        loop {
            tokio::select! {
                key = self.next(), if running.len() < at_once => {
                    let attempt = attempt(key.clone());
                    running.push(async move { (key, survive(attempt).await) });
                }
                Some((key, done)) = running.next() => self.settle(key, done),
            }
        }
    }

    fn settle(&self, key: Arc<str>, done: Result<bool, Status>) {
        let attempted = self.waiting.lock().running.remove(&key);
        if let Some(attempted) = &attempted {
            let worked = attempted.since.elapsed().as_secs_f64();
            self.count(|metrics| metrics.worked.observe(worked));
        }
        let again = attempted.and_then(|attempted| attempted.again);
        match done {
            Ok(true) => self.succeeded(&key),
            Ok(false) => self.failed(key.clone(), None),
            Err(status) if status.code == 404 => self.succeeded(&key),
            Err(status) => self.failed(key.clone(), Some(&status)),
        }
        if let Some(due) = again {
            self.waiting.lock().add(key, due);
        }
    }

    /// Adds a key that failed again, with a longer pause each time. One that fails again and again, for a
    /// reason other than an unavailable store, is logged.
    fn failed(&self, key: Arc<str>, why: Option<&Status>) {
        let (after, failures) = {
            let mut waiting = self.waiting.lock();
            let failures = waiting.failures.entry(key.clone()).or_default();
            let factor = 2_u32.saturating_pow(*failures);
            *failures = failures.saturating_add(1);
            let step = AGAIN.0.saturating_mul(factor).min(self.again_max);
            (jittered(step), *failures)
        };
        match why {
            Some(status) if failures == STUBBORN && status.code != 503 => {
                let error = &status.message;
                tracing::warn!(%key, error, "a controller fails repeatedly");
            }
            Some(status) => tracing::debug!(%key, error = status.message, "will be retried"),
            None => {}
        }
        self.count(|metrics| metrics.retries.inc());
        self.add(key, after);
    }

    /// Clears the failures of a key.
    fn succeeded(&self, key: &str) {
        self.waiting.lock().failures.remove(key);
    }

    /// Removes everything.
    pub fn clear(&self) {
        *self.waiting.lock() = Waiting::default();
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.waiting.lock().by_key.is_empty()
    }
}

impl Waiting {
    /// Whether the key is due earlier than all others.
    fn add(&mut self, key: Arc<str>, due: Instant) -> bool {
        if let Some(attempted) = self.running.get_mut(&key) {
            let again = attempted.again;
            attempted.again = Some(again.map_or(due, |earlier| earlier.min(due)));
            return false;
        }
        match self.by_key.get(&key) {
            Some(earlier) if *earlier <= due => return false,
            Some(later) => {
                self.by_time.remove(&(*later, key.clone()));
            }
            None => {}
        }
        let first = self.by_time.first().is_none_or(|(first, _)| due < *first);
        self.by_key.insert(key.clone(), due);
        self.by_time.insert((due, key));
        first
    }
}

impl Observed for Keys {
    fn observe(&self) -> Observation {
        let now = Instant::now();
        let waiting = self.lock();
        let due = waiting.by_time.iter().take_while(|(due, _)| *due <= now);
        let worked = waiting.running.values();
        let worked = worked.map(|attempted| now.saturating_duration_since(attempted.since));
        Observation {
            depth: due.count(),
            unfinished: worked.clone().sum(),
            longest: worked.max().unwrap_or_default(),
        }
    }
}

/// An attempt whose panic is a failure.
async fn survive(attempt: impl Future<Output = Result<bool, Status>>) -> Result<bool, Status> {
    let outcome = AssertUnwindSafe(attempt).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Status::internal("a controller panicked")))
}

#[cfg(test)]
mod tests;
