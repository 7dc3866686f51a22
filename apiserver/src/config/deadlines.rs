//! How long a client may keep a connection waiting.

use std::time::Duration;

/// How long a client may do nothing.
#[derive(Clone, Copy, Debug)]
pub struct Deadlines {
    /// Until the TLS handshake is done.
    pub handshake: Duration,
    /// From then on until the head of the first request is there.
    pub first: Duration,
    /// From the first to the last byte of any later head (upstream: `ReadHeaderTimeout`).
    pub head: Duration,
    /// Between requests (upstream: `IdleTimeout`).
    pub idle: Duration,
    /// Until it reads more of what is sent.
    pub stalled: Duration,
    /// The same where people read along, and how long nothing may move in a tunnel (kubelet:
    /// `--streaming-connection-idle-timeout`).
    pub paused: Duration,
    /// How long nothing may move in a tunnel of which one direction has ended.
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
    /// The shortest of them, and five seconds at most: how often to look for what is over.
    pub fn shortest(&self) -> Duration {
        let all = [self.first, self.head, self.idle, self.stalled];
        all.into_iter().fold(Duration::from_secs(5), Duration::min)
    }
}
