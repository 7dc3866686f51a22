//! Where events go.

use async_trait::async_trait;

use super::event::Event;

/// A log, or a server that takes events.
#[async_trait]
pub trait Output: Send + Sync + 'static {
    /// Writes events; returns when they are written.
    ///
    /// # Errors
    /// Why they are not.
    async fn write(&self, events: Vec<Event>) -> Result<(), String>;

    /// Takes an event that must be written before those that come later, and need not be written yet.
    ///
    /// # Errors
    /// Why it is lost, as far as that is known.
    async fn accept(&self, event: Event) -> Result<(), String> {
        self.write(vec![event]).await
    }

    /// Ends, with everything written that it has.
    async fn close(&self);
}
