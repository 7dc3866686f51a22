//! A store in memory only: changes are applied by the caller, under the lock of the index.

use std::sync::Arc;

use super::Shared;
use super::change::Change;
use super::committer::closed;
use crate::{Error, Event, Result, Revision};

/// How many changes are trimmed under one lock, so that no reader stalls.
const TRIM: usize = 256;

impl Shared {
    /// Decides and applies a change.
    pub(super) fn write(&self, key: &Arc<str>, change: Change) -> Result<Arc<Event>> {
        let event = {
            let mut index = self.index.write();
            // looked at under the lock, so that nothing is written after the close
            if self.closed.is_cancelled() {
                return Err(closed());
            }
            let current = index.latest(key).cloned();
            let event = Arc::new(change.decide(key, current, index.revision() + 1)?);
            index.apply(event.clone());
            if let Some(revision) = index.over_limits(&self.limits) {
                index.compact(revision);
            }
            index.trim(TRIM);
            event
        };
        self.publish(event.revision());
        Ok(event)
    }

    /// Forgets what was superseded at or before `revision`.
    pub(super) fn compact(&self, requested: Revision) -> Result<()> {
        {
            let mut index = self.index.write();
            let current = index.revision();
            if requested > current {
                return Err(Error::TooNew { requested, current });
            }
            index.compact(requested);
        }
        loop {
            let mut index = self.index.write();
            if !index.has_garbage() {
                return Ok(());
            }
            index.trim(TRIM);
        }
    }
}
