//! An encrypted connection that tracks its reads and writes.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use parking_lot::Mutex;
use rustix::net::sockopt;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;
use tokio_rustls::server::TlsStream;

use super::heads::{Head, Heads};
use super::outgoing::{Encrypted, Outbox, Outgoing};
use super::progress::Progress;

/// How much is read at a time, in bytes: readers whose buffers are filled enlarge them.
const READ: usize = 16 * 1024;
/// How many bytes of a discarded body are read when a connection ends; more than any body may have.
const UNWANTED: usize = 8 * 1024 * 1024;
/// And for how long.
const LINGER: Duration = Duration::from_secs(2);

/// How often TCP probes a silent client (Go: `defaultTCPKeepAliveIdle`).
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A connection after its handshake.
pub struct Stream {
    inner: Arc<Mutex<Outgoing>>,
    /// Whether what is written is only gathered, for an [`Outbox`] to send it.
    gathers: bool,
    progress: Arc<Progress>,
    head: Head,
    linger: Option<Linger>,
}

/// The end of a connection whose client was still sending: if it were closed immediately, the client would
/// see a broken connection and not the response.
struct Linger {
    until: Pin<Box<Sleep>>,
    unwanted: usize,
}

impl Stream {
    /// Tracks a connection. What HTTP/2 writes to it is sent by its [`outbox`](Self::outbox).
    pub fn new(
        connection: TlsStream<TcpStream>,
        progress: Arc<Progress>,
        heads: &Heads,
        encrypted: &Encrypted,
    ) -> Self {
        let gathers = is_http2(&connection);
        let head = Head::new(heads, gathers);
        let inner = Outgoing::new(connection, progress.clone(), encrypted.clone());
        Self {
            inner: Arc::new(Mutex::new(inner)),
            gathers,
            progress,
            head,
            linger: None,
        }
    }

    /// What sends the bytes that were written.
    pub fn outbox(&self) -> Outbox {
        Outbox::new(self.inner.clone())
    }

    fn poll_linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let linger = self.linger.get_or_insert_with(|| Linger {
            until: Box::pin(tokio::time::sleep(LINGER)),
            unwanted: 0,
        });
        let mut scratch = [0; 8 * 1024];
        while linger.unwanted < UNWANTED && linger.until.as_mut().poll(context).is_pending() {
            let mut unwanted = ReadBuf::new(&mut scratch);
            let mut inner = self.inner.lock();
            let socket = Pin::new(inner.connection.get_mut().0);
            let read = ready!(socket.poll_read(context, &mut unwanted));
            drop(inner);
            if read.is_err() || unwanted.filled().is_empty() {
                break;
            }
            linger.unwanted += unwanted.filled().len();
        }
        Poll::Ready(())
    }
}

/// Has the system probe a silent client: a log or a tunnel may be silent for hours. If that cannot be set,
/// the deadlines have to suffice.
pub fn keep_alive(stream: &TcpStream) {
    let _ = sockopt::set_tcp_keepidle(stream, KEEP_ALIVE);
    let _ = sockopt::set_tcp_keepintvl(stream, KEEP_ALIVE);
    let _ = sockopt::set_socket_keepalive(stream, true);
}

/// Whether both sides agreed on HTTP/2.
pub fn is_http2(stream: &TlsStream<TcpStream>) -> bool {
    stream.get_ref().1.alpn_protocol() == Some(b"h2")
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        let before = buffer.filled().len();
        let mut inner = this.inner.lock();
        let connection = Pin::new(&mut inner.connection);
        if buffer.remaining() > 2 * READ {
            let mut part = ReadBuf::new(buffer.initialize_unfilled_to(READ));
            ready!(connection.poll_read(context, &mut part))?;
            let read = part.filled().len();
            buffer.advance(read);
        } else {
            ready!(connection.poll_read(context, buffer))?;
        }
        drop(inner);
        let came = buffer.filled().get(before..).unwrap_or_default();
        this.head.comes(came, this.progress.heads());
        this.progress.head_is_coming(this.head.is_coming());
        if this.head.take() {
            Poll::Ready(Ok(()))
        } else {
            let why = "too many requests have incomplete heads";
            Poll::Ready(Err(io::Error::other(why)))
        }
    }
}

impl Stream {
    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        self.progress.is_blocked(written.is_pending());
        written
    }
}

impl Stream {
    fn note_taken(&self, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = written {
            self.progress.is_taken(bytes);
        }
        self.note(written)
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[io::IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut inner = self.inner.lock();
        if self.gathers {
            return inner.poll_gather(context, bytes);
        }
        let connection = Pin::new(&mut inner.connection);
        let written = connection.poll_write_vectored(context, bytes);
        self.note_taken(written)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.gathers {
            return Poll::Ready(Ok(()));
        }
        let mut inner = self.inner.lock();
        let flushed = Pin::new(&mut inner.connection).poll_flush(context);
        self.note(flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger.is_none() {
            let mut inner = self.inner.lock();
            ready!(inner.poll_send(context))?;
            let shut = Pin::new(&mut inner.connection).poll_shutdown(context);
            ready!(self.note(shut))?;
        }
        if self.progress.is_unread() {
            ready!(self.poll_linger(context));
        }
        Poll::Ready(Ok(()))
    }
}
