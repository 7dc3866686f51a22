//! Connections: accepted, encrypted, served, and drained at the end.

pub mod certificate;
pub mod health;
pub mod pki;
pub mod tls;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::app::App;
use crate::filters::{self, Peer, limits};

/// How long a client may take to say hello, and then to send the head of its first request.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long requests may take to finish once the server is to stop.
const DRAIN: Duration = Duration::from_secs(15);
/// How long to wait when the system has no more sockets.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// Streams on one HTTP/2 connection (upstream: `--http2-max-streams-per-connection`, 250 and more).
const STREAMS: u32 = 1000;
/// How much of a request's head is read, in bytes: a little more than is taken, so that most heads
/// that are too large can be refused with a Status. hyper also has limits of its own on the number of
/// headers and the length of the URL.
const HEAD_MAX: usize = limits::HEAD_MAX + 64 * 1024;

/// Serves until `stop`, then lets requests finish; watches end by themselves.
pub async fn run(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    app: Arc<App>,
    stop: CancellationToken,
) {
    let graceful = GracefulShutdown::new();
    let server = Arc::new(server());
    loop {
        let accepted = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                let connection = connection(
                    stream,
                    acceptor.clone(),
                    server.clone(),
                    app.clone(),
                    graceful.watcher(),
                );
                // Owned by `graceful`, which waits for it.
                tokio::spawn(connection);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(DRAIN, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!(
            seconds = DRAIN.as_secs(),
            "some requests did not finish in time"
        );
    }
}

fn server() -> auto::Builder<TokioExecutor> {
    let mut server = auto::Builder::new(TokioExecutor::new());
    server
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE * 6)
        .max_buf_size(HEAD_MAX);
    server
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(u32::try_from(HEAD_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(Some(Duration::from_secs(30)))
        .adaptive_window(true);
    server
}

async fn connection(
    stream: TcpStream,
    acceptor: TlsAcceptor,
    server: Arc<auto::Builder<TokioExecutor>>,
    app: Arc<App>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Answers are written whole; waiting for more would only delay them.
    let _ = stream.set_nodelay(true);
    let stream = match tokio::time::timeout(HANDSHAKE, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "TLS handshake failed"),
        Err(_) => return tracing::debug!("TLS handshake took too long"),
    };
    let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
    let peer = Arc::new(Peer {
        certificates: certificates
            .iter()
            .map(|c| c.clone().into_owned())
            .collect(),
    });
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = filters::serve(app.clone(), peer.clone(), request);
        async move { Ok::<_, Infallible>(answer.await) }
    });
    let serving = server
        .serve_connection_with_upgrades(TokioIo::new(stream), service)
        .into_owned();
    if let Err(error) = watcher.watch(serving).await {
        tracing::debug!(error, "connection ended");
    }
}
