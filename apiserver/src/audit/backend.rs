//! A destination of events, and how long requests wait for it.
//!
//! Upstream: `AuditBatchOptions` in `k8s.io/apiserver/pkg/server/options/audit.go`.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::batch::{self, BatchConfig, Queue};
use super::budget::Budget;
use super::event::Event;
use super::losses::Losses;
use super::output::Output;

/// How long the waiting events may take to be written at the end.
const FLUSH: Duration = Duration::from_secs(10);
/// The least size that an event counts with if its request does not wait, in bytes: it needs a task as well.
const LEFT: usize = 16 * 1024;

/// Whether requests wait until their events are written.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// No; events that do not fit into the buffer are lost.
    Batch(BatchConfig),
    /// Yes, but they are served even if the events are lost.
    Blocking,
    /// Yes, and a request whose first event is lost is rejected.
    BlockingStrict,
}

/// A destination.
pub struct Backend {
    output: Arc<dyn Output>,
    delivery: Delivery,
    losses: Arc<Losses>,
    /// The most bytes that an event may have, if there is a limit.
    event_max: Option<usize>,
    /// For events of requests that do not wait, though the mode would have them wait.
    left: Budget,
    tasks: TaskTracker,
    runtime: Handle,
    stop: CancellationToken,
}

enum Delivery {
    Batch(Queue),
    Blocking { strict: bool },
}

impl Backend {
    /// Starts; within a runtime. `stop` is cancelled when no more events follow; the owner passes it to the
    /// output as well.
    pub fn start(
        output: Arc<dyn Output>,
        mode: Mode,
        losses: Arc<Losses>,
        stop: CancellationToken,
    ) -> Self {
        let tasks = TaskTracker::new();
        let delivery = match mode {
            Mode::Batch(config) => {
                let (queue, sender) =
                    batch::queue(config, output.clone(), losses.clone(), stop.clone());
                tasks.spawn(sender.run());
                Delivery::Batch(queue)
            }
            Mode::Blocking => Delivery::Blocking { strict: false },
            Mode::BlockingStrict => Delivery::Blocking { strict: true },
        };
        Self {
            output,
            delivery,
            losses,
            event_max: None,
            left: Budget::new(),
            tasks,
            runtime: Handle::current(),
            stop,
        }
    }

    /// The same, with a limit to the bytes of each event: one that has more loses its objects.
    #[must_use]
    pub fn truncating(self, event_max: Option<usize>) -> Self {
        Self { event_max, ..self }
    }

    /// The event as it is to be kept; `None` if it is too large for that.
    fn truncated(&self, event: Event) -> Option<Event> {
        let Some(max) = self.event_max else {
            return Some(event);
        };
        let event = event.within(max);
        if event.is_none() {
            self.losses
                .add(1, "event is too large even after truncating");
        }
        event
    }

    /// Takes an event, for as long as the mode says. False if the request must not go on.
    ///
    /// `is_first`: others of the same request will follow, so that there is no need to wait unless the
    /// request depends on it.
    pub async fn take(&self, event: Event, is_first: bool) -> bool {
        let Some(event) = self.truncated(event) else {
            return !matches!(self.delivery, Delivery::Blocking { strict: true });
        };
        let strict = match &self.delivery {
            Delivery::Batch(queue) => {
                self.queue(queue, event);
                return true;
            }
            Delivery::Blocking { strict } => *strict,
        };
        let mut unwritten = Unwritten {
            backend: self,
            event: Some(event.clone()),
        };
        let written = match is_first && !strict {
            true => self.output.accept(event).await,
            false => self.output.write(vec![event]).await,
        };
        unwritten.event = None;
        if let Err(why) = &written {
            self.losses.add(1, why);
        }
        written.is_ok() || !strict
    }

    /// Takes an event of a request that is over and cannot wait.
    pub fn leave(&self, event: Event) {
        let Some(event) = self.truncated(event) else {
            return;
        };
        if let Delivery::Batch(queue) = &self.delivery {
            return self.queue(queue, event);
        }
        let Some(memory) = self.left.take(event.size().max(LEFT)) else {
            return self.losses.add(1, "too many events wait to be written");
        };
        let (output, losses) = (self.output.clone(), self.losses.clone());
        let written = async move {
            if let Err(why) = output.write(vec![event]).await {
                losses.add(1, &why);
            }
            drop(memory);
        };
        self.tasks.spawn_on(written, &self.runtime);
    }

    fn queue(&self, queue: &Queue, event: Event) {
        if let Err(why) = queue.add(event) {
            self.losses.add(1, why);
        }
    }

    /// Writes the waiting events, as far as the time allows.
    pub async fn finish(&self) {
        self.stop.cancel();
        self.tasks.close();
        let written = async {
            self.tasks.wait().await;
            self.output.close().await;
        };
        if tokio::time::timeout(FLUSH, written).await.is_err() {
            let seconds = FLUSH.as_secs();
            tracing::error!(seconds, "some audit events were not written in time");
        }
    }
}

/// An event that is being written. If its request stops waiting for it, it is written all the same: twice, at
/// worst.
struct Unwritten<'a> {
    backend: &'a Backend,
    event: Option<Event>,
}

impl Drop for Unwritten<'_> {
    fn drop(&mut self) {
        if let Some(event) = self.event.take() {
            self.backend.leave(event);
        }
    }
}

#[cfg(test)]
mod tests;
