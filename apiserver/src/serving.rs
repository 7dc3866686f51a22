//! Connections: accepted, encrypted, served, and drained at the end.

mod acceptance;
pub mod certificate;
pub mod connections;
pub mod delivery;
pub mod heads;
pub mod outgoing;
mod permits;
pub mod pieces;
pub mod progress;
mod protocols;
pub mod received;
pub mod stand_in;
pub mod stream;
pub mod tls;
pub mod tunnel;

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulConnection;
use prometheus::IntCounter;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::Instant;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use self::acceptance::Acceptance;
use self::connections::Connections;
use self::heads::Heads;
use self::outgoing::{Encrypted, Outbox};
use self::progress::{Progress, Verdict};
use self::received::Received;
use self::stream::Stream;
use self::tls::Acceptors;
use self::tunnel::{Switch, Tunnel};
use crate::config::Deadlines;
use crate::limits::descriptors::Descriptors;
use crate::limits::in_flight::InFlight;
use crate::request::Peer;
use crate::response::switched::Switched;

/// How long requests may take to finish once the server has to stop.
const DRAIN: Duration = Duration::from_secs(15);
/// How much memory incomplete heads of requests may take that are larger than most.
const HEADS: usize = 16 * 1024 * 1024;
/// How long an idle connection may take to end.
const IDLE_CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often connections are checked while the server stops. One without activity is closed at the next check:
/// an HTTP/2 client need not reply to GOAWAY.
const DRAIN_CHECK: Duration = Duration::from_millis(500);
/// How long a client may send nothing of a body, or read nothing of a response, when the server stops.
const DRAIN_INACTIVITY: Duration = Duration::from_secs(2);

/// A service that responds to requests. It is always ready: `poll_ready` need not be called.
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

/// The state that all connections share.
struct Shared<S> {
    service: S,
    http1: http1::Builder,
    http2: auto::Builder<TokioExecutor>,
    heads: Heads,
    encrypted: Encrypted,
    deadlines: Deadlines,
    handshake_errors: IntCounter,
    stop: CancellationToken,
}

/// Serves until `stop`, then lets requests finish; watches end on their own.
pub async fn run<S, B>(
    listener: TcpListener,
    mut acceptors: Acceptors,
    handshake_errors: IntCounter,
    service: S,
    deadlines: Deadlines,
    stop: CancellationToken,
) where
    S: Handler<B>,
    B: ResponseBody,
{
    let tasks = TaskTracker::new();
    let all = Connections::new(Descriptors::possible().connections);
    let shared = Arc::new(Shared {
        service,
        http1: protocols::http1(),
        http2: protocols::http2(),
        heads: Heads::new(HEADS),
        encrypted: Encrypted::default(),
        deadlines,
        handshake_errors,
        stop: stop.clone(),
    });
    let mut acceptance = Acceptance::new(listener);
    loop {
        let (stream, address) = tokio::select! {
            () = stop.cancelled() => break,
            accepted = acceptance.next() => accepted,
        };
        let progress = Progress::begin();
        let Some(open) = all.take(&progress) else {
            tracing::debug!("rejected a connection: the limit is reached and none is idle");
            continue;
        };
        let (acceptor, shared) = (acceptors.current(), shared.clone());
        tasks.spawn(async move {
            tokio::select! {
                () = connection(stream, address, acceptor, shared, &progress) => {}
                () = progress.evicted() => {
                    tracing::debug!("an idle connection was closed for a new one");
                }
            }
            drop(open);
        });
    }
    drop(acceptance);
    tasks.close();
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::warn!(
            seconds = DRAIN.as_secs(),
            "some requests did not finish in time"
        );
    }
}

async fn connection<S: Handler<B>, B: ResponseBody>(
    stream: TcpStream,
    address: SocketAddr,
    acceptor: tokio_rustls::TlsAcceptor,
    shared: Arc<Shared<S>>,
    progress: &Arc<Progress>,
) {
    // Responses are written as a whole; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    stream::keep_alive(&stream);
    let handshake = tokio::time::timeout(shared.deadlines.handshake, acceptor.accept(stream));
    let stream = tokio::select! {
        shaken = handshake => match shaken {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => {
                shared.handshake_errors.inc();
                return tracing::debug!(%error, "TLS handshake failed");
            }
            Err(_) => {
                shared.handshake_errors.inc();
                return tracing::debug!("TLS handshake took too long");
            }
        },
        () = shared.stop.cancelled() => return,
    };
    serve(stream, address, &shared, progress).await;
}

/// Serves a connection until its client closes it, it is idle for too long, or the server stops.
async fn serve<S: Handler<B>, B: ResponseBody>(
    stream: TlsStream<TcpStream>,
    address: SocketAddr,
    shared: &Shared<S>,
    progress: &Arc<Progress>,
) {
    let is_http2 = stream::is_http2(&stream);
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let peer = Peer {
        address: address.ip(),
        certificates: certificates
            .iter()
            .map(|c| c.clone().into_owned())
            .collect(),
        user: progress.user().clone(),
    };
    let switch = Switch::default();
    let service = service_fn(|request: http::Request<Incoming>| {
        let under_way = progress.request();
        let received = |body| Body::new(Received::new(body, is_http2, progress.clone()));
        let mut request = request.map(received);
        request.extensions_mut().insert(peer.clone());
        let answered = shared.service.clone().call(request);
        let switch = switch.clone();
        async move {
            let Ok(mut response) = answered.await;
            let Some(other) = Switched::take(&mut response) else {
                return delivery::deliver(response, under_way);
            };
            let in_flight = response.extensions_mut().remove::<Arc<InFlight>>();
            let response = delivery::head(response, &under_way);
            switch.to(Tunnel {
                other,
                in_flight,
                under_way,
            });
            Ok(response)
        }
    });
    let stream = Stream::new(stream, progress.clone(), &shared.heads, &shared.encrypted);
    let outbox = stream.outbox();
    let io = TokioIo::new(stream);
    if is_http2 {
        let serving = shared.http2.serve_connection(io, service);
        attend(pin!(serving), &outbox, shared, progress).await;
        return;
    }
    let mut serving = shared.http1.serve_connection(io, service);
    let served = attend(Pin::new(&mut serving), &outbox, shared, progress).await;
    if let Some(tunnel) = switch.take().filter(|_| served) {
        let parts = serving.into_parts();
        let stream = parts.io.into_inner();
        let ended = tokio::select! {
            ended = tunnel.run(stream, parts.read_buf, &shared.deadlines) => ended,
            () = shared.stop.cancelled() => return,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a tunnel ended with an error");
        }
    }
}

/// Polls a connection, and sends what it has written.
fn poll<C>(
    serving: Pin<&mut C>,
    outbox: &Outbox,
    context: &mut Context<'_>,
) -> Poll<Result<(), BoxError>>
where
    C: GracefulConnection<Error: Into<BoxError>>,
{
    let ended = serving.poll(context);
    let sent = outbox.poll_send(context);
    match (ended, sent) {
        (Poll::Ready(ended), _) => Poll::Ready(ended.map_err(Into::into)),
        (Poll::Pending, Poll::Ready(Err(error))) => Poll::Ready(Err(error.into())),
        (Poll::Pending, _) => Poll::Pending,
    }
}

/// Supervises a connection while it is served; false if a deadline or an error has ended it.
async fn attend<S, C>(
    mut serving: Pin<&mut C>,
    outbox: &Outbox,
    shared: &Shared<S>,
    progress: &Arc<Progress>,
) -> bool
where
    C: GracefulConnection<Error: Into<BoxError>>,
{
    let mut look = pin!(tokio::time::sleep(Duration::ZERO));
    let mut drain_check = pin!(tokio::time::sleep(Duration::ZERO));
    let mut ending = false;
    loop {
        tokio::select! {
            ended = poll_fn(|context| poll(serving.as_mut(), outbox, context)) => {
                let Err(error) = ended else {
                    return true;
                };
                tracing::debug!(error, "connection ended");
                return false;
            }
            () = shared.stop.cancelled(), if !ending => {
                serving.as_mut().graceful_shutdown();
                ending = true;
                drain_check.as_mut().reset(Instant::now() + DRAIN_CHECK);
            }
            () = drain_check.as_mut(), if ending && shared.stop.is_cancelled() => {
                if progress.is_at_rest(Instant::now(), DRAIN_INACTIVITY) {
                    return false;
                }
                drain_check.as_mut().reset(Instant::now() + DRAIN_CHECK);
            }
            () = look.as_mut() => match progress.verdict(Instant::now(), &shared.deadlines) {
                Verdict::Fine(next) => look.as_mut().reset(next),
                Verdict::Idle if !ending => {
                    serving.as_mut().graceful_shutdown();
                    ending = true;
                    look.as_mut().reset(Instant::now() + IDLE_CLOSE_TIMEOUT);
                }
                Verdict::Idle => return false,
                Verdict::Overdue(why) => {
                    tracing::debug!(why, "a connection was closed");
                    return false;
                }
            },
        }
    }
}
