//! Destinations for tests.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::event::{Event, Format};
use super::log::{Backups, Destination, Log, RotatedFile};
use super::losses::Losses;
use super::output::Output;

/// A log in a file that is never rotated.
pub fn log(path: &Path, losses: &Arc<Losses>) -> Arc<Log> {
    let backups = Backups {
        max_age: None,
        max_count: None,
        compress: false,
    };
    let file = RotatedFile::open(path, None, backups).unwrap();
    let log = Log::start(Destination::File(file), Format::Json, losses.clone());
    Arc::new(log.unwrap())
}

/// Keeps what is written, and fails or waits as the test needs it.
#[derive(Default)]
pub(super) struct Kept {
    /// See [`Kept::written`].
    pub(super) all: Mutex<Vec<Vec<String>>>,
    /// Whether writing fails.
    pub(super) fails: bool,
    /// How many writes may finish; `None` for any number.
    pub(super) gate: Option<Semaphore>,
}

impl Kept {
    /// The writes so far.
    pub(super) fn written(&self) -> Vec<Vec<String>> {
        self.all.lock().clone()
    }
}

#[async_trait]
impl Output for Kept {
    async fn write(&self, events: Vec<Event>) -> Result<(), String> {
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        if self.fails {
            return Err("no".to_owned());
        }
        let text = |event: &Event| String::from_utf8(event.item().to_vec()).unwrap();
        let events = events.iter().map(text).collect();
        self.all.lock().push(events);
        Ok(())
    }

    async fn close(&self) {}
}
