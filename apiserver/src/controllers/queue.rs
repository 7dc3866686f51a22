//! What a controller still has to look at: each key once, now, later, or again after a failure.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use portcullis_api::Status;
use tokio::sync::Notify;
use tokio::time::Instant;

/// How long a key waits after a failure: the first time, and at most. Doubled each time between
/// (upstream: `DefaultControllerRateLimiter` in `k8s.io/client-go/util/workqueue`, less patient).
const AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(60));

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

    /// Waits for a key to be due, and takes it.
    pub async fn next(&self) -> Arc<str> {
        loop {
            let first = {
                let mut waiting = self.waiting.lock();
                match waiting.by_time.first() {
                    Some((due, _)) if *due <= Instant::now() => {
                        if let Some((_, key)) = waiting.by_time.pop_first() {
                            waiting.by_key.remove(&key);
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
                    running.push(async move { (key, attempt.await) });
                }
                Some((key, done)) = running.next() => self.settle(key, done),
            }
        }
    }

    fn settle(&self, key: Arc<str>, done: Result<bool, Status>) {
        match done {
            Ok(true) => self.succeeded(&key),
            Ok(false) => self.failed(key),
            Err(status) if status.code == 404 => self.succeeded(&key),
            Err(status) => {
                tracing::debug!(%key, error = status.message, "to be tried again");
                self.failed(key);
            }
        }
    }

    /// Adds a key that failed again, due later each time.
    fn failed(&self, key: Arc<str>) {
        let after = {
            let mut waiting = self.waiting.lock();
            let failures = waiting.failures.entry(key.clone()).or_default();
            let factor = 2_u32.saturating_pow(*failures);
            *failures = failures.saturating_add(1);
            AGAIN.0.saturating_mul(factor).min(self.again_max)
        };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
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

    #[tokio::test]
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

    #[tokio::test]
    async fn failures_wait_longer_each_time_until_one_succeeds() {
        let queue = Queue::default();
        let due = |queue: &Queue| queue.waiting.lock().by_key["x"] - Instant::now();
        queue.failed("x".into());
        assert!(due(&queue) <= AGAIN.0);
        queue.next().await;
        for _ in 0..40 {
            queue.failed("x".into());
            queue.waiting.lock().by_key.clear();
            queue.waiting.lock().by_time.clear();
        }
        queue.failed("x".into());
        let late = due(&queue);
        assert!(late > AGAIN.1 / 2 && late <= AGAIN.1, "{late:?}");
        queue.succeeded("x");
        queue.failed("x".into());
        assert!(due(&queue) <= AGAIN.0);
    }
}
