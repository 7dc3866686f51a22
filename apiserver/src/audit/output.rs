//! Destinations of events.

use async_trait::async_trait;

use super::budget::Memory;
use super::event::Event;

/// A log, or a webhook that takes events.
#[async_trait]
pub trait Output: Send + Sync + 'static {
    /// Writes events; returns when they are written.
    ///
    /// # Errors
    /// Why they are not written.
    async fn write(&self, events: Vec<Event>) -> Result<(), String>;

    /// Takes an event that must be written before later ones, but need not be written yet.
    ///
    /// # Errors
    /// Why it is lost, as far as that is known.
    async fn accept(&self, event: Event) -> Result<(), String> {
        self.write(vec![event]).await
    }

    /// Whether it writes together what it is given one by one: batches of one need not wait for each other.
    fn gathers(&self) -> bool {
        false
    }

    /// Takes an event that no request waits for. Its memory is released when it is written, or lost.
    ///
    /// # Errors
    /// Why the event is lost, unless that shows only later.
    async fn gather(&self, event: Event, memory: Memory) -> Result<(), String> {
        let written = self.write(vec![event]).await;
        drop(memory);
        written
    }

    /// Ends, after everything it holds has been written.
    async fn close(&self);
}
