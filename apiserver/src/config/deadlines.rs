//! How long a connection may be idle.

use std::time::Duration;

/// How long a client may be idle.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Until the TLS handshake is done.
    pub handshake: Duration,
    /// From then on until the head of the first request is complete.
    pub first: Duration,
    /// From the first to the last byte of any later head (upstream: `ReadHeaderTimeout`).
    pub head: Duration,
    /// Between requests (upstream: `IdleTimeout`).
    pub idle: Duration,
    /// Until it reads more of a response.
    pub stalled: Duration,
    /// The same for output that people read along, and how long a tunnel may be idle (kubelet:
    /// `--streaming-connection-idle-timeout`).
    pub paused: Duration,
    /// How long a tunnel may be idle after one direction has ended.
    pub half_closed: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            handshake: Duration::from_secs(10),
            first: Duration::from_secs(10),
            head: Duration::from_secs(32),
            idle: Duration::from_secs(90),
            stalled: Duration::from_secs(30),
            paused: Duration::from_secs(4 * 60 * 60),
            half_closed: Duration::from_secs(120),
        }
    }
}

impl Deadlines {
    /// The shortest of them, and five seconds at most: how often to look for expired ones.
    pub fn shortest(&self) -> Duration {
        let all = [self.first, self.head, self.idle, self.stalled];
        all.into_iter().fold(Duration::from_secs(5), Duration::min)
    }
}
