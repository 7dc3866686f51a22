//! Many operations at the same time, and how long each took.

use std::time::{Duration, Instant};

use futures_util::future::{BoxFuture, join_all};

/// How long each of many operations took.
#[derive(Default)]
pub struct Samples {
    times: Vec<Duration>,
    took: Duration,
}

impl Samples {
    /// Has each of `workers` repeat `operation` for `time`, each time with a new number.
    ///
    /// With `rate`, so many operations begin in a second, all workers together, and each one's time is counted
    /// from the moment at which it was due: an operation that waits for a slow one before it has taken longer.
    pub async fn of<W, F>(workers: Vec<W>, time: Duration, rate: Option<f64>, operation: F) -> Self
    where
        W: Send + 'static,
        F: Fn(W, usize) -> BoxFuture<'static, W> + Copy + Send + Sync + 'static,
    {
        let (begun, count) = (Instant::now(), workers.len());
        let due = move |n: usize| rate.map(|rate| begun + Duration::from_secs_f64(n as f64 / rate));
        let tasks = workers.into_iter().enumerate().map(|(index, mut worker)| {
            tokio::spawn(async move {
                let mut times = Vec::new();
                while begun.elapsed() < time {
                    let n = times.len() * count + index;
                    let one = match due(n) {
                        Some(due) => {
                            tokio::time::sleep_until(due.into()).await;
                            due
                        }
                        // no timer, which would leave the servers idle in between
                        None => Instant::now(),
                    };
                    worker = operation(worker, n).await;
                    times.push(one.elapsed());
                }
                times
            })
        });
        let done = join_all(tasks.collect::<Vec<_>>()).await;
        Self {
            times: done.into_iter().flat_map(Result::unwrap).collect(),
            took: begun.elapsed(),
        }
    }

    /// Adds one.
    pub fn push(&mut self, time: Duration) {
        self.times.push(time);
        self.took += time;
    }

    /// Adds the samples of another measurement.
    pub fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.took += other.took;
    }

    pub fn count(&self) -> usize {
        self.times.len()
    }

    pub fn per_second(&self) -> f64 {
        self.count() as f64 / self.took.as_secs_f64()
    }

    /// The time in milliseconds that this share of all operations stayed under.
    pub fn quantile(&mut self, share: f64) -> f64 {
        self.times.sort_unstable();
        let at = ((self.count() as f64 * share) as usize).min(self.count() - 1);
        self.times[at].as_secs_f64() * 1000.0
    }

    pub fn line(&mut self) -> String {
        let (half, most) = (self.quantile(0.5), self.quantile(0.99));
        let rate = self.per_second();
        format!("{rate:.0}/s, p50 {half:.2} ms, p99 {most:.2} ms")
    }
}
