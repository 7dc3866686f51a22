//! The HTTPS client for requests to other servers, over HTTP/2 or HTTP/1.1.

mod any_server;
mod dial;
mod error;
mod pinned;
mod streams;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::ClientConfig;

pub use self::dial::Resolve;
pub use self::error::{DialError, HttpsError, IO_TIMEOUT};
pub use self::streams::StreamClient;
pub use self::tls::{
    ClientCertificate, system_authorities, trusting, trusting_anyone, trusting_system,
};

use self::dial::{Dialer, dialer};
use self::error::root_cause;
use crate::outbound::url;

/// The default timeout of a request.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The default limit of a response's body, in bytes.
const RESPONSE_MAX: usize = 16 * 1024 * 1024;
/// How many connections to one host may be idle (Go: `idleConnsPerHost` in `client-go/transport`).
const IDLE_MAX: usize = 25;
/// How long a connection may be idle: less than servers allow, which often is 90 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// When a silent HTTP/2 server is pinged, and how long its reply may take (Go: `ReadIdleTimeout` and
/// `PingTimeout` in `apimachinery/pkg/util/net`). Otherwise requests would share the connection to a dead
/// host until the idle timeout, which each of them postpones.
const PING_INTERVAL: Duration = Duration::from_secs(30);
const PING_TIMEOUT: Duration = Duration::from_secs(15);

/// Sends requests to servers that it verifies. Clones share their connections, which are closed
/// when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct HttpsClient {
    pool: Client<HttpsConnector<Dialer>, Full<Bytes>>,
    timeout: Duration,
    response_max: usize,
}

/// A response.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub code: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl HttpsClient {
    /// A client with the caller's TLS configuration, which uses DNS. ALPN is set here.
    pub fn new(tls: ClientConfig) -> Self {
        Self::dialling(tls, dialer(None))
    }

    /// A client with the caller's TLS configuration, such as [`trusting`], that connects to the addresses of
    /// `resolve`. A connection in use or idle is kept when these change.
    pub fn resolving(tls: ClientConfig, resolve: Arc<dyn Resolve>) -> Self {
        Self::dialling(tls, dialer(Some(resolve)))
    }

    /// A client that accepts servers whose certificate one of the authorities, as PEM, has signed.
    ///
    /// # Errors
    /// [`HttpsError::Certificates`].
    pub fn trusting(
        authorities: &[u8],
        identity: Option<&ClientCertificate<'_>>,
    ) -> Result<Self, HttpsError> {
        Ok(Self::new(trusting(authorities, identity)?))
    }

    fn dialling(mut tls: ClientConfig, dialer: Dialer) -> Self {
        tls.alpn_protocols.clear();
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_only()
            .enable_all_versions()
            .wrap_connector(dialer);
        let pool = Client::builder(TokioExecutor::new())
            .timer(TokioTimer::new())
            .pool_timer(TokioTimer::new())
            .pool_max_idle_per_host(IDLE_MAX)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .http2_keep_alive_interval(PING_INTERVAL)
            .http2_keep_alive_timeout(PING_TIMEOUT)
            .http2_keep_alive_while_idle(true)
            // only requests that a reused connection closed before they were sent
            .retry_canceled_requests(true)
            .build(connector);
        Self {
            pool,
            timeout: TIMEOUT,
            response_max: RESPONSE_MAX,
        }
    }

    /// This client and its connections, with another timeout for a request: from its start, including a new
    /// connection, to the end of the response. The default is 10 s.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// This client and its connections, with another limit for the body of a response, in bytes. The default
    /// is 16 MiB.
    #[must_use]
    pub fn with_response_max(self, response_max: usize) -> Self {
        Self {
            response_max,
            ..self
        }
    }

    /// Sends a request, and reads the whole response. Redirects are not followed.
    ///
    /// # Errors
    /// [`HttpsError`]; a status code is never one.
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Reply, HttpsError> {
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = method;
        *request.uri_mut() = uri(url)?;
        *request.headers_mut() = headers;
        tokio::time::timeout(self.timeout, self.exchange(request))
            .await
            .unwrap_or(Err(HttpsError::Timeout))
    }

    /// Sends a request, and reads the head of the response; its body is a stream. Redirects are not followed.
    ///
    /// # Errors
    /// [`HttpsError`]; a status code is never one.
    pub async fn open(&self, request: Request<Bytes>) -> Result<Response<Body>, HttpsError> {
        let answer = self.pool.request(request.map(Full::new));
        let answer = tokio::time::timeout(self.timeout, answer).await;
        let answer = answer.map_err(|_| HttpsError::Timeout)??;
        Ok(answer.map(Body::new))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Reply, HttpsError> {
        let (parts, body) = self.pool.request(request).await?.into_parts();
        let body = Limited::new(body, self.response_max).collect().await;
        let body = body.map_err(|e| HttpsError::Answer(root_cause(&*e).to_string()))?;
        Ok(Reply {
            code: parts.status.as_u16(),
            headers: parts.headers,
            body: body.to_bytes(),
        })
    }
}

/// Parses a request's URL.
fn uri(text: &str) -> Result<Uri, HttpsError> {
    if url::has_credentials(text) {
        return Err(HttpsError::Credentials(text.to_owned()));
    }
    let uri = url::https(text).and_then(|url| url.as_str().parse().ok());
    uri.ok_or_else(|| HttpsError::Url(text.to_owned()))
}

#[cfg(test)]
mod tests;
