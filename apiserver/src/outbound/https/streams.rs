//! A client that opens a new connection for each request: HTTP/1.1, with or without TLS.
//!
//! A slow reader of a response delays only its own connection, which can also switch to another protocol.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper_rustls::{HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceExt, service_fn};

use super::dial::{Resolve, authority, dialer};
use super::error::{DialError, HttpsError, IO_TIMEOUT};

/// How much of a response is buffered, in bytes.
const READ_AHEAD: usize = 64 * 1024;

type Connector = BoxCloneSyncService<Uri, MaybeHttpsStream<TokioIo<TcpStream>>, BoxError>;

/// Opens a connection for each request, and closes it after that.
#[derive(Clone, Debug)]
pub struct StreamClient(Client<Connector, Full<Bytes>>);

impl StreamClient {
    /// A client with the caller's TLS configuration, that connects to the addresses of `resolve`. Connecting,
    /// with the handshake, takes no longer than `timeout`.
    pub fn new(
        mut tls: ClientConfig,
        resolve: Option<Arc<dyn Resolve>>,
        timeout: Duration,
    ) -> Self {
        tls.alpn_protocols.clear();
        let https = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(dialer(resolve));
        let connector = Connector::new(service_fn(move |uri: Uri| {
            let address = authority(&uri);
            in_time(https.clone().oneshot(uri).boxed(), address, timeout)
        }));
        let client = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .http1_max_buf_size(READ_AHEAD)
            .build(connector);
        Self(client)
    }

    /// Sends a request, and reads the head of the response, within `timeout` in all; the body is a stream.
    /// Redirects are not followed.
    ///
    /// # Errors
    /// [`HttpsError`]; a status code is never one.
    pub async fn open(
        &self,
        request: Request<Bytes>,
        timeout: Duration,
    ) -> Result<Response<Body>, HttpsError> {
        let answer = self.0.request(request.map(Full::new));
        let answer = tokio::time::timeout(timeout, answer).await;
        let answer = answer.map_err(|_| HttpsError::Timeout)??;
        Ok(answer.map(Body::new))
    }
}

async fn in_time<T>(
    connecting: BoxFuture<'static, Result<T, BoxError>>,
    address: String,
    timeout: Duration,
) -> Result<T, BoxError> {
    match tokio::time::timeout(timeout, connecting).await {
        Ok(connected) => connected,
        Err(_) => Err(Box::new(late(address))),
    }
}

fn late(address: String) -> io::Error {
    let why = IO_TIMEOUT.to_owned();
    let inner = DialError {
        address,
        is_lookup: false,
        why,
    };
    io::Error::new(io::ErrorKind::TimedOut, inner)
}
