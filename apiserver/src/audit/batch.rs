//! Events that wait to be sent together.
//!
//! Upstream: `k8s.io/apiserver/plugin/pkg/audit/buffered`. Unlike there, the number of batches in transit is
//! limited: if the destination is slow, events wait, and then are lost.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::budget::{Budget, Memory};
use super::event::Event;
use super::losses::Losses;
use super::output::Output;
use super::throttle::{Rate, Throttle};

/// The most bytes of a batch, if nothing else is said; one event alone may have more.
pub const BYTES: usize = 8 * 1024 * 1024;

/// How events are put together.
#[derive(Clone, Copy, Debug)]
pub struct BatchConfig {
    /// How many events may wait.
    pub buffer: usize,
    /// How many are in a batch.
    pub size: usize,
    /// How long the first of a batch waits for others.
    pub wait: Duration,
    /// How often batches are sent.
    pub rate: Option<Rate>,
    /// How many batches may be in transit.
    pub under_way: usize,
    /// The bytes at which a batch takes no more events.
    pub bytes: usize,
}

/// Takes events without delay.
#[derive(Debug)]
pub struct Queue {
    waiting: mpsc::Sender<Waiting>,
    budget: Budget,
}

#[derive(Debug)]
struct Waiting {
    event: Event,
    memory: Memory,
}

/// Sends the events of a queue.
pub struct Sender {
    waiting: mpsc::Receiver<Waiting>,
    config: BatchConfig,
    throttle: Option<Throttle>,
    output: Arc<dyn Output>,
    losses: Arc<Losses>,
    stop: CancellationToken,
}

/// A queue, and the sender that empties it until `stop`, and sends the rest then.
pub fn queue(
    config: BatchConfig,
    output: Arc<dyn Output>,
    losses: Arc<Losses>,
    stop: CancellationToken,
) -> (Queue, Sender) {
    let (sender, waiting) = mpsc::channel(config.buffer.max(1));
    let queue = Queue {
        waiting: sender,
        budget: Budget::new(),
    };
    let now = std::time::Instant::now();
    let sender = Sender {
        waiting,
        config,
        throttle: config.rate.map(|rate| Throttle::new(rate, now)),
        output,
        losses,
        stop,
    };
    (queue, sender)
}

impl Queue {
    /// Adds an event to the queue.
    ///
    /// # Errors
    /// Why it is lost.
    pub fn add(&self, event: Event) -> Result<(), &'static str> {
        const FULL: &str = "audit buffer queue blocked";
        let memory = self.budget.take(event.size()).ok_or(FULL)?;
        let added = self.waiting.try_send(Waiting { event, memory });
        added.map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => FULL,
            mpsc::error::TrySendError::Closed(_) => "audit backend shut down",
        })
    }
}

impl Sender {
    /// Sends until the queue is closed and empty.
    pub async fn run(mut self) {
        let (under_way, sent) = (TaskTracker::new(), self.config.under_way.max(1));
        let permits = Arc::new(Semaphore::new(sent));
        loop {
            let batch = self.collect().await;
            if batch.is_empty() && self.waiting.is_closed() {
                break;
            }
            if batch.is_empty() {
                continue;
            }
            self.hold_back().await;
            if self.config.size <= 1 && self.output.gathers() {
                self.gather(batch).await;
                continue;
            }
            let permit = permits.clone().acquire_owned().await;
            let (output, losses) = (self.output.clone(), self.losses.clone());
            under_way.spawn(async move {
                let (events, memory): (Vec<_>, Vec<_>) =
                    batch.into_iter().map(|w| (w.event, w.memory)).unzip();
                let count = events.len();
                if let Err(why) = output.write(events).await {
                    losses.add(count, &why);
                }
                drop((memory, permit));
            });
        }
        under_way.close();
        under_way.wait().await;
    }

    async fn gather(&self, batch: Vec<Waiting>) {
        for Waiting { event, memory } in batch {
            if let Err(why) = self.output.gather(event, memory).await {
                self.losses.add(1, &why);
            }
        }
    }

    /// The next batch; an empty one if nothing came for a while.
    async fn collect(&mut self) -> Vec<Waiting> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let until = Instant::now() + self.config.wait;
        let alone = self.config.size <= 1;
        while batch.len() < self.config.size.max(1) && bytes < self.config.bytes {
            tokio::select! {
                biased;
                waiting = self.waiting.recv() => match waiting {
                    Some(waiting) => {
                        bytes += waiting.event.size();
                        batch.push(waiting);
                    }
                    None => break,
                },
                () = self.stop.cancelled(), if !self.waiting.is_closed() => self.waiting.close(),
                () = tokio::time::sleep_until(until), if !alone => break,
            }
        }
        batch
    }

    async fn hold_back(&mut self) {
        if let Some(throttle) = &mut self.throttle {
            let wait = throttle.next(std::time::Instant::now());
            let held_back = tokio::time::sleep(wait);
            let _ = self.stop.run_until_cancelled(held_back).await;
        }
    }
}

#[cfg(test)]
mod tests;
