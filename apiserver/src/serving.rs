//! Connections: accepted, encrypted, served, and drained at the end.

pub mod certificate;
pub mod connections;
pub mod delivery;
pub mod heads;
pub mod progress;
pub mod received;
pub mod stand_in;
pub mod stream;
pub mod tls;

use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use self::connections::Connections;
use self::heads::Heads;
use self::progress::{Progress, Verdict};
use self::received::Received;
use self::stream::Stream;
use self::tls::Acceptors;
use crate::config::Deadlines;
use crate::limits;
use crate::request::Peer;

/// How long requests may take to finish once the server is to stop.
const DRAIN: Duration = Duration::from_secs(15);
/// How long to wait when the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Streams on one HTTP/2 connection (upstream: `--http2-max-streams-per-connection`).
const STREAMS: u32 = 250;
/// How much of a request's body is taken before it is read (upstream: `resourceBody99Percentile`).
const STREAM_WINDOW: u32 = 256 * 1024;
/// And of all on one HTTP/2 connection.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// How much of an answer waits for an HTTP/2 client.
const SEND_BUFFER: usize = 256 * 1024;
/// How much memory the heads of requests may take that are larger than most and not complete.
const HEADS: usize = 16 * 1024 * 1024;
/// How long a connection that is idle may take to end.
const GOODBYE: Duration = Duration::from_secs(5);
/// How often a connection of a server that stops is looked at. One that is idle ends then, whether or not its
/// client has taken note: HTTP/2's goodbye waits for an answer.
const PARTING: Duration = Duration::from_millis(500);
/// How much of a request's head is read, in bytes: a little more than is taken, so that most heads
/// that are too large can be refused with a Status. hyper also has limits of its own on the number of
/// headers and the length of the URL.
const HEAD_MAX: usize = limits::HEAD_MAX + 64 * 1024;

/// What answers requests. Its layers are always ready.
pub trait Handler<B>:
    Service<Request, Response = http::Response<B>, Error = Infallible, Future: Send>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<B, S> Handler<B> for S where
    S: Service<Request, Response = http::Response<B>, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The body of a response.
pub trait ResponseBody:
    hyper::body::Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static
{
}

impl<B> ResponseBody for B where
    B: hyper::body::Body<Data = Bytes, Error = BoxError> + Send + Unpin + 'static
{
}

/// What all connections share.
struct Shared<S> {
    service: S,
    http1: auto::Builder<TokioExecutor>,
    http2: auto::Builder<TokioExecutor>,
    heads: Heads,
    deadlines: Deadlines,
    stop: CancellationToken,
}

/// Serves until `stop`, then lets requests finish; watches end by themselves.
pub async fn run<S, B>(
    listener: TcpListener,
    mut acceptors: Acceptors,
    service: S,
    deadlines: Deadlines,
    stop: CancellationToken,
) where
    S: Handler<B>,
    B: ResponseBody,
{
    let tasks = TaskTracker::new();
    let all = Connections::new(connections::possible());
    let shared = Arc::new(Shared {
        service,
        http1: server().http1_only(),
        http2: server().http2_only(),
        heads: Heads::new(HEADS),
        deadlines,
        stop: stop.clone(),
    });
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let progress = Progress::begin();
                let Some(open) = all.take(&progress) else {
                    tracing::debug!("a connection was refused: all others are at work");
                    continue;
                };
                let (acceptor, shared) = (acceptors.current(), shared.clone());
                tasks.spawn(async move {
                    tokio::select! {
                        () = connection(stream, acceptor, shared, &progress) => {}
                        () = progress.evicted() => {
                            tracing::debug!("a connection had to make room for another one");
                        }
                    }
                    drop(open);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    tasks.close();
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!(
            seconds = DRAIN.as_secs(),
            "some requests did not finish in time"
        );
    }
}

/// Heads have deadlines of their own ([`Progress`]), which hyper's are not needed for.
fn server() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD_MAX);
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
    server
}

async fn connection<S: Handler<B>, B: ResponseBody>(
    stream: TcpStream,
    acceptor: tokio_rustls::TlsAcceptor,
    shared: Arc<Shared<S>>,
    progress: &Arc<Progress>,
) {
    // Answers are written whole; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let handshake = tokio::time::timeout(shared.deadlines.handshake, acceptor.accept(stream));
    let stream = tokio::select! {
        shaken = handshake => match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
            Err(_) => return tracing::debug!("TLS handshake took too long"),
        },
        () = shared.stop.cancelled() => return,
    };
    serve(stream, &shared, progress).await;
}

/// Serves a connection until its client has enough of it, does nothing, or the server stops.
async fn serve<S: Handler<B>, B: ResponseBody>(
    stream: TlsStream<TcpStream>,
    shared: &Shared<S>,
    progress: &Arc<Progress>,
) {
    let server = if stream::is_http2(&stream) {
        &shared.http2
    } else {
        &shared.http1
    };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let peer = Peer {
        certificates: certificates
            .iter()
            .map(|c| c.clone().into_owned())
            .collect(),
        user: progress.user().clone(),
    };
    let service = service_fn(|request: http::Request<Incoming>| {
        let under_way = progress.request();
        let mut request = request.map(|body| Body::new(Received::new(body, progress.clone())));
        request.extensions_mut().insert(peer.clone());
        let answered = shared.service.clone().call(request);
        async move {
            let Ok(response) = answered.await;
            delivery::deliver(response, under_way).await
        }
    });
    let stream = Stream::new(stream, progress.clone(), &shared.heads);
    let mut serving = pin!(server.serve_connection(TokioIo::new(stream), service));
    let mut look = pin!(tokio::time::sleep(Duration::ZERO));
    let mut parting = pin!(tokio::time::sleep(Duration::ZERO));
    let mut ending = false;
    loop {
        tokio::select! {
            ended = serving.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(error, "connection ended");
                }
                return;
            }
            () = shared.stop.cancelled(), if !ending => {
                serving.as_mut().graceful_shutdown();
                ending = true;
                parting.as_mut().reset(Instant::now() + PARTING);
            }
            () = parting.as_mut(), if ending && shared.stop.is_cancelled() => {
                if progress.heads().is_some() {
                    return;
                }
                parting.as_mut().reset(Instant::now() + PARTING);
            }
            () = look.as_mut() => match progress.verdict(Instant::now(), &shared.deadlines) {
                Verdict::Fine(next) => look.as_mut().reset(next),
                Verdict::Idle if !ending => {
                    serving.as_mut().graceful_shutdown();
                    ending = true;
                    look.as_mut().reset(Instant::now() + GOODBYE);
                }
                Verdict::Idle => return,
                Verdict::Overdue(why) => return tracing::debug!(why, "a connection was closed"),
            },
        }
    }
}
