//! What HTTP/2 writes to a connection, gathered until it is sent.
//!
//! h2 flushes its connection after each frame, which has 16 KiB of a list and a head of nine bytes. Each would be a
//! system call, and two records of TLS: a full one, and one for the nine bytes that do not fit. So a flush does
//! nothing here, records are filled, and what has come together is sent once the connection has been polled
//! ([`Outbox`]), or earlier, if there is a lot of it.

use std::io::{self, IoSlice, Write};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use parking_lot::Mutex;
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio::task::coop;
use tokio_rustls::server::TlsStream;

use super::progress::Progress;

/// How many bytes a record of TLS holds.
const RECORD: usize = 16 * 1024;
/// How many bytes are encrypted before they are sent. Besides, less than a record waits.
const MOST: usize = 4 * RECORD;
/// How many bytes all connections together may have encrypted: beyond that, each has one record.
const ALL: usize = 16 * 1024 * 1024;

/// How many bytes all connections have gathered in whole records that are not sent. Those of a connection count until
/// all of them are.
#[derive(Clone, Debug, Default)]
pub struct Encrypted(Arc<AtomicUsize>);

/// A connection, and what has been written to it and is not sent.
pub(super) struct Outgoing {
    pub(super) connection: TlsStream<TcpStream>,
    /// What does not fill a record yet.
    rest: Vec<u8>,
    /// How many bytes are encrypted and not yet sent.
    encrypted: usize,
    /// Those of all connections.
    all: Encrypted,
    /// Whether the client has to take some before more can be sent.
    is_blocked: bool,
    progress: Arc<Progress>,
}

impl Outgoing {
    pub(super) const fn new(
        connection: TlsStream<TcpStream>,
        progress: Arc<Progress>,
        all: Encrypted,
    ) -> Self {
        Self {
            connection,
            rest: Vec::new(),
            encrypted: 0,
            all,
            is_blocked: false,
            progress,
        }
    }

    /// Encrypts bytes, all of them.
    fn encrypt(&mut self, parts: &[IoSlice<'_>]) -> io::Result<()> {
        let bytes = parts.iter().map(|part| part.len()).sum();
        let session = self.connection.get_mut().1;
        // how many there may be is decided here
        session.set_buffer_limit(None);
        if session.writer().write_vectored(parts)? != bytes {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.encrypted += bytes;
        self.all.0.fetch_add(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Notes that none is left.
    fn has_sent_all(&mut self) {
        let sent = std::mem::take(&mut self.encrypted);
        self.all.0.fetch_sub(sent, Ordering::Relaxed);
    }

    /// Gathers bytes, and returns how many it took. It waits only for earlier ones to be sent.
    pub(super) fn poll_gather(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let total: usize = bytes.iter().map(|part| part.len()).sum();
        let most = match self.all.0.load(Ordering::Relaxed) < ALL {
            true => MOST,
            false => RECORD,
        };
        let whole = (self.rest.len() + total).min(most) / RECORD * RECORD;
        if self.encrypted > 0 && self.encrypted + whole > most {
            ready!(self.poll_encrypted(context))?;
        }
        let mut taken = 0;
        if whole > 0 {
            taken = whole - self.rest.len();
            self.encrypt_whole(bytes, taken)?;
        }
        if total - taken < RECORD {
            self.keep(bytes, taken);
            taken = total;
        }
        Poll::Ready(Ok(taken))
    }

    /// Encrypts whole records: `rest`, and the first `taken` of the bytes.
    fn encrypt_whole(&mut self, bytes: &[IoSlice<'_>], mut taken: usize) -> io::Result<()> {
        let mut rest = std::mem::take(&mut self.rest);
        let mut parts = Vec::with_capacity(1 + bytes.len());
        parts.push(IoSlice::new(&rest));
        for part in bytes {
            let end = part.len().min(taken);
            parts.push(IoSlice::new(part.get(..end).unwrap_or_default()));
            taken -= end;
        }
        self.encrypt(&parts)?;
        // its space is used again
        rest.clear();
        self.rest = rest;
        Ok(())
    }

    /// Keeps the bytes after the first `taken`.
    fn keep(&mut self, bytes: &[IoSlice<'_>], mut taken: usize) {
        for part in bytes {
            let start = part.len().min(taken);
            let kept = part.get(start..).unwrap_or_default();
            self.rest.extend_from_slice(kept);
            taken -= start;
        }
    }

    /// Sends all that has been gathered.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.is_blocked {
            // until then small answers fill a record, instead of each having one
            ready!(self.poll_encrypted(context))?;
        }
        // an idle connection keeps no space for it
        let rest = std::mem::take(&mut self.rest);
        if !rest.is_empty() {
            self.encrypt(&[IoSlice::new(&rest)])?;
        }
        self.poll_encrypted(context)
    }

    /// Sends what is encrypted, and notes how much the client takes.
    fn poll_encrypted(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let (stream, session) = self.connection.get_mut();
        let mut socket = Socket { stream, context };
        while session.wants_write() {
            match session.write_tls(&mut socket) {
                Ok(0) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Ok(sent) => {
                    self.progress.takes(sent);
                    spend(sent, socket.context);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.is_blocked = true;
                    self.progress.is_blocked(true);
                    return Poll::Pending;
                }
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
        self.is_blocked = false;
        self.progress.is_blocked(false);
        self.has_sent_all();
        Poll::Ready(Ok(()))
    }
}

/// Counts each record against the task's turn, as if it had been sent by itself: tokio counts system calls.
fn spend(sent: usize, context: &mut Context<'_>) {
    for _ in 1..sent.div_ceil(RECORD) {
        match coop::poll_proceed(context) {
            Poll::Ready(turn) => turn.made_progress(),
            // the next call is where it ends
            Poll::Pending => break,
        }
    }
}

impl Drop for Outgoing {
    fn drop(&mut self) {
        self.has_sent_all();
    }
}

/// A socket as rustls writes to it: one that is not ready would block.
struct Socket<'a, 'c> {
    stream: &'a mut TcpStream,
    context: &'a mut Context<'c>,
}

impl Write for Socket<'_, '_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.write_vectored(&[IoSlice::new(bytes)])
    }

    fn write_vectored(&mut self, bytes: &[IoSlice<'_>]) -> io::Result<usize> {
        match Pin::new(&mut *self.stream).poll_write_vectored(self.context, bytes) {
            Poll::Ready(written) => written,
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends what a connection has gathered.
pub struct Outbox(Arc<Mutex<Outgoing>>);

impl Outbox {
    pub(super) const fn new(of: Arc<Mutex<Outgoing>>) -> Self {
        Self(of)
    }

    /// Sends it. If the client does not take it, the task is woken as soon as it does.
    ///
    /// # Errors
    /// Those of the connection.
    pub fn poll_send(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.0.lock().poll_send(context)
    }
}

#[cfg(test)]
mod tests;
