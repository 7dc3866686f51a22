//! A connection after a 101: bytes are copied between its client and the other end, and not interpreted.
//!
//! Upstream: `tryUpgrade` in `k8s.io/apimachinery/pkg/util/proxy/upgradeaware.go`, which ends both
//! directions when one of them ends.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use parking_lot::Mutex;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf, copy_bidirectional_with_sizes};
use tokio::time::Instant;

use super::progress::UnderWay;
use crate::config::Deadlines;
use crate::limits::in_flight::InFlight;
use crate::response::switched::Duplex;

/// How much is buffered in each direction, in bytes; a TLS record holds as much.
const BUFFER: usize = 16 * 1024;

/// The tunnel that a connection becomes after its last response, if it becomes one.
#[derive(Clone, Default)]
pub struct Switch(Arc<Mutex<Option<Tunnel>>>);

/// The parts of a tunnel.
pub struct Tunnel {
    /// The other end.
    pub other: Box<dyn Duplex>,
    /// The permits that the request holds until the tunnel ends.
    pub in_flight: Option<Arc<InFlight>>,
    /// Marks the connection as not idle, and what arrives as no head of a request.
    pub under_way: UnderWay,
}

impl Switch {
    /// Makes the connection a tunnel.
    pub fn to(&self, tunnel: Tunnel) {
        *self.0.lock() = Some(tunnel);
    }

    /// The tunnel, if the connection becomes one.
    pub fn take(&self) -> Option<Tunnel> {
        self.0.lock().take()
    }
}

impl Tunnel {
    /// Copies until both directions have ended, or both are idle for too long. `early` are the bytes that the
    /// client sent before the response.
    ///
    /// # Errors
    /// One end has broken off, or the tunnel is idle.
    pub async fn run(
        self,
        client: impl Duplex,
        early: Bytes,
        deadlines: &Deadlines,
    ) -> io::Result<()> {
        let activity = Activity::begin();
        let mut client = Watched::new(client, early, &activity);
        let mut other = Watched::new(self.other, Bytes::new(), &activity);
        let copying = copy_bidirectional_with_sizes(&mut client, &mut other, BUFFER, BUFFER);
        tokio::select! {
            copied = copying => copied.map(drop),
            () = activity.ceases(deadlines) => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "the tunnel is idle"))
            }
        }
    }
}

/// When bytes last arrived.
struct Activity {
    began: Instant,
    /// In milliseconds since the start.
    last: AtomicU64,
    /// Whether one direction has ended.
    half_closed: AtomicBool,
}

impl Activity {
    fn begin() -> Self {
        Self {
            began: Instant::now(),
            last: AtomicU64::new(0),
            half_closed: AtomicBool::new(false),
        }
    }

    fn moved(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(since, Ordering::Relaxed);
    }

    /// Resolves when the tunnel has been idle for too long. When one direction has ended the other has less
    /// time: its reader may be gone.
    async fn ceases(&self, deadlines: &Deadlines) {
        loop {
            let patience = if self.half_closed.load(Ordering::Relaxed) {
                deadlines.half_closed
            } else {
                deadlines.paused
            };
            let last = self.began + Duration::from_millis(self.last.load(Ordering::Relaxed));
            let now = Instant::now();
            if last + patience <= now {
                return;
            }
            let look = now + deadlines.half_closed.min(deadlines.paused);
            tokio::time::sleep_until((last + patience).min(look)).await;
        }
    }
}

/// One end, whose reads are noted.
struct Watched<'a, T> {
    inner: T,
    /// The bytes that arrived earlier.
    early: Bytes,
    activity: &'a Activity,
}

impl<'a, T> Watched<'a, T> {
    const fn new(inner: T, early: Bytes, activity: &'a Activity) -> Self {
        Self {
            inner,
            early,
            activity,
        }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Watched<'_, T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        if self.early.is_empty() {
            match ready!(Pin::new(&mut self.inner).poll_read(context, buffer)) {
                // the connection has ended without TLS's close_notify: what came before is forwarded
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                read => read?,
            }
        } else {
            let size = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early[..size]);
            self.early.advance(size);
        }
        if buffer.filled().len() == before {
            self.activity.half_closed.store(true, Ordering::Relaxed);
        }
        self.activity.moved();
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Watched<'_, T> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}
