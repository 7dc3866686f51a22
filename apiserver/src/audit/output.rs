//! Destinations of events.

use async_trait::async_trait;

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

    /// Ends, after everything it holds has been written.
    async fn close(&self);
}
