//! The configuration of HTTP/1.1 and HTTP/2.

use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;

use crate::limits;

/// Streams on one HTTP/2 connection (upstream: `--http2-max-streams-per-connection`).
const STREAMS: u32 = 250;
/// How much of a request's body is accepted before it is read (upstream: `resourceBody99Percentile`).
const STREAM_WINDOW: u32 = 256 * 1024;
/// And of all on one HTTP/2 connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How much of a response is buffered for an HTTP/2 client.
const SEND_BUFFER: usize = 256 * 1024;
/// How much of a request's head is read, in bytes: a little more than is accepted, so that most heads that
/// are too large can be rejected with a Status. hyper also has limits of its own on the number of headers and
/// the length of the URL.
const HEAD_MAX: usize = limits::HEAD_MAX + 64 * 1024;

/// Without hyper's deadlines for heads, which [`Progress`](super::progress::Progress) replaces.
pub(super) fn http1() -> http1::Builder {
    let mut server = http1::Builder::new();
    server
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD_MAX);
    server
}

/// The same of HTTP/2.
pub(super) fn http2() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_MAX).unwrap_or(u32::MAX))
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .keep_alive_timeout(Duration::from_secs(20));
    server.http2_only()
}
