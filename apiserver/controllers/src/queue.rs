//! What a controller still has to look at: each key once, now, later, or again after a failure.
//!
//! Every controller works through one of these, so that an object that cannot be dealt with costs the
//! others nothing.

use std::collections::{BTreeSet, HashMap};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use portcullis_api::Status;
use portcullis_api::backoff::jittered;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a key waits after a failure: the first time, and at most. Doubled each time between
/// (upstream: `DefaultControllerRateLimiter` in `k8s.io/client-go/util/workqueue`, less patient).
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(60));
/// A key that failed so often in a row is told of, once.
const STUBBORN: u32 = 8;

/// Keys with the time from which on they are due.
#[derive(Debug)]
pub struct Queue {
    waiting: Mutex<Waiting>,
    news: Notify,
    /// How long a key waits at most after a failure.
    again_max: Duration,
}

#[derive(Debug, Default)]
struct Waiting {
    by_time: BTreeSet<(Instant, Arc<str>)>,
    by_key: HashMap<Arc<str>, Instant>,
    /// Keys that are being attempted; with when they are due again, if they were added meanwhile.
    running: HashMap<Arc<str>, Option<Instant>>,
    /// How often in a row a key failed.
    failures: HashMap<Arc<str>, u32>,
}

impl Default for Queue {
    fn default() -> Self {
        Self::patient_for(AGAIN.1)
    }
}

impl Queue {
    /// A queue in which keys wait no longer than this after a failure.
    pub fn patient_for(again_max: Duration) -> Self {
        Self {
            waiting: Mutex::default(),
            news: Notify::new(),
            again_max,
        }
    }

    /// Adds a key that is due after a while; one that is there already is due at the earlier time.
    pub fn add(&self, key: Arc<str>, after: Duration) {
        if self.waiting.lock().add(key, Instant::now() + after) {
            self.news.notify_one();
        }
    }

    /// Adds a key that is due now, unless it waits or is being attempted already.
    pub fn add_unless_known(&self, key: Arc<str>) {
        let mut waiting = self.waiting.lock();
        let known = waiting.by_key.contains_key(&key) || waiting.running.contains_key(&key);
        if !known && waiting.add(key, Instant::now()) {
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
                        if let Some((_, key)) = waiting.by_time.pop_first() {
                            waiting.by_key.remove(&key);
                            waiting.running.insert(key.clone(), None);
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

    /// Takes keys as they are due and attempts what there is to do, for so many at once; `false` is
    /// for what has to be tried again. An object that is gone is done with.
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
        let again = self.waiting.lock().running.remove(&key).flatten();
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

    /// Adds a key that failed again, due later each time. One that is refused again and again, by
    /// something other than an absent store, is told of.
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
                tracing::warn!(%key, error, "a controller fails at this again and again");
            }
            Some(status) => tracing::debug!(%key, error = status.message, "to be tried again"),
            None => {}
        }
        self.add(key, after);
    }

    /// Forgets that a key ever failed.
    fn succeeded(&self, key: &str) {
        self.waiting.lock().failures.remove(key);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        *self.waiting.lock() = Waiting::default();
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.lock().by_key.is_empty()
    }
}

impl Waiting {
    /// Whether the key is due earlier than anything that was there.
    fn add(&mut self, key: Arc<str>, due: Instant) -> bool {
        if let Some(again) = self.running.get_mut(&key) {
            *again = Some(again.map_or(due, |earlier| earlier.min(due)));
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

/// An attempt whose panic is a failure.
async fn survive(attempt: impl Future<Output = Result<bool, Status>>) -> Result<bool, Status> {
    let outcome = AssertUnwindSafe(attempt).catch_unwind().await;
    outcome.unwrap_or_else(|_| Err(Status::internal("a controller panicked")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_key_comes_once_and_at_its_earliest() {
        let queue = Queue::default();
        queue.add("late".into(), Duration::from_secs(3600));
        queue.add("b".into(), Duration::from_millis(20));
        queue.add("a".into(), Duration::from_secs(3600));
        queue.add("a".into(), Duration::ZERO);
        queue.add("a".into(), Duration::from_secs(1));
        assert_eq!(&*queue.next().await, "a");
        assert_eq!(&*queue.next().await, "b");
        queue.add("late".into(), Duration::ZERO);
        assert_eq!(&*queue.next().await, "late");
        assert!(queue.is_empty());
    }

    #[tokio::test]
    async fn what_is_added_meanwhile_wakes_who_waits() {
        let queue = Arc::new(Queue::default());
        queue.add("later".into(), Duration::from_secs(3600));
        let next = tokio::spawn({
            let queue = queue.clone();
            async move { queue.next().await }
        });
        tokio::task::yield_now().await;
        queue.add("now".into(), Duration::ZERO);
        assert_eq!(&*next.await.unwrap(), "now");
    }

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_again_and_what_is_gone_is_not() {
        let queue = Queue::patient_for(Duration::from_millis(1));
        for key in ["later", "error", "gone", "done"] {
            queue.add(key.into(), Duration::ZERO);
        }
        let tried = Mutex::new(HashMap::<String, u32>::new());
        let attempt = |key: Arc<str>| {
            let mut tried = tried.lock();
            let times = tried.entry(key.to_string()).or_default();
            *times += 1;
            let first = *times == 1;
            async move {
                match &*key {
                    "later" => Ok(!first),
                    "error" if first => Err(Status::internal("not yet")),
                    "gone" => Err(Status::failure(
                        portcullis_api::status::Reason::NotFound,
                        "",
                    )),
                    _ => Ok(true),
                }
            }
        };
        let serve = queue.serve(2, attempt);
        let ended = tokio::time::timeout(Duration::from_millis(300), serve).await;
        assert!(ended.is_err() && queue.is_empty());
        let tried = tried.into_inner();
        let times = ["later", "error", "gone", "done"].map(|key| tried[key]);
        assert_eq!(times, [2, 2, 1, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_wait_longer_each_time_until_one_succeeds() {
        let queue = Queue::default();
        let due = |queue: &Queue| queue.waiting.lock().by_key["x"] - Instant::now();
        queue.failed("x".into(), None);
        assert!(due(&queue) <= AGAIN.0);
        for _ in 0..40 {
            queue.waiting.lock().by_key.clear();
            queue.waiting.lock().by_time.clear();
            queue.failed("x".into(), None);
        }
        let late = due(&queue);
        assert!(late > AGAIN.1 / 3 && late <= AGAIN.1, "{late:?}");
        queue.succeeded("x");
        queue.failed("x".into(), None);
        assert!(due(&queue) <= AGAIN.0);
    }

    /// A key that is added while it is attempted is attempted again, and not twice at once.
    #[tokio::test(start_paused = true)]
    async fn a_key_is_attempted_once_at_a_time() {
        let queue = Queue::default();
        queue.add("x".into(), Duration::ZERO);
        let key = queue.next().await;
        queue.add(key.clone(), Duration::ZERO);
        queue.add_unless_known(key.clone());
        assert!(queue.is_empty());
        queue.settle(key, Ok(true));
        assert_eq!(&*queue.next().await, "x");
        queue.settle("x".into(), Ok(true));
        queue.add("x".into(), Duration::from_secs(3600));
        queue.add_unless_known("x".into());
        assert!(queue.waiting.lock().by_key["x"] > Instant::now());
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_costs_one_attempt() {
        let queue = Queue::patient_for(Duration::from_millis(1));
        for key in ["bad", "good"] {
            queue.add(key.into(), Duration::ZERO);
        }
        let tried = Mutex::new(Vec::new());
        let attempt = |key: Arc<str>| {
            tried.lock().push(key.clone());
            let panics = &*key == "bad" && tried.lock().len() < 3;
            async move {
                assert!(!panics, "a bug");
                Ok(true)
            }
        };
        let serve = queue.serve(1, attempt);
        let all = async {
            while tried.lock().len() < 3 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            () = serve => {}
            () = all => {}
            () = tokio::time::sleep(Duration::from_secs(20)) => panic!("{tried:?}"),
        }
        assert_eq!(
            tried.into_inner(),
            ["bad".into(), "good".into(), Arc::<str>::from("bad")]
        );
    }
}
