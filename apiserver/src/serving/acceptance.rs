//! Accepts connections, also after the system had no sockets for a while.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;

/// How long to wait when the system has no more sockets.
pub(super) const PAUSE: Duration = Duration::from_millis(50);
/// How often failures that follow each other are logged as warnings.
const REMINDER: Duration = Duration::from_secs(60);

/// A listener that survives failures.
pub(super) struct Acceptance {
    listener: TcpListener,
    /// When a failure was last logged as a warning.
    warned: Option<Instant>,
}

impl Acceptance {
    /// Accepts the connections of a listener.
    pub(super) const fn new(listener: TcpListener) -> Self {
        Self {
            listener,
            warned: None,
        }
    }

    /// The next connection.
    pub(super) async fn next(&mut self) -> (TcpStream, SocketAddr) {
        loop {
            let error = match self.listener.accept().await {
                Ok(accepted) => return accepted,
                Err(error) => error,
            };
            if is_due(&mut self.warned, Instant::now()) {
                tracing::warn!(%error, "a connection could not be accepted");
            } else {
                tracing::debug!(%error, "a connection could not be accepted");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Whether a failure is to be logged as a warning: a server without descriptors fails twenty times a second,
/// and clients may keep it without.
fn is_due(warned: &mut Option<Instant>, now: Instant) -> bool {
    let due = warned.is_none_or(|last| now.duration_since(last) >= REMINDER);
    if due {
        *warned = Some(now);
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_are_warned_of_once_a_minute() {
        let (mut warned, begun) = (None, Instant::now());
        let attempts = 0..REMINDER.as_millis() / PAUSE.as_millis() * 3;
        let warnings = attempts.filter(|n| {
            let since_begin = PAUSE * u32::try_from(*n).unwrap();
            is_due(&mut warned, begun + since_begin)
        });
        assert_eq!(warnings.count(), 3);
    }
}
