//! The addresses of connections: from DNS, or from the caller.

use std::error::Error;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceExt, service_fn};

use super::error::{DialError, root_cause};

/// The default port.
const HTTPS: u16 = 443;
/// How often TCP probes a silent host (Go: `net.Dialer.KeepAlive`).
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Opens TCP connections.
pub(super) type Dialer = BoxCloneSyncService<Uri, TokioIo<TcpStream>, BoxError>;

/// Resolves hosts that DNS does not know, such as a service's `name.namespace.svc`. TLS verifies the host of
/// the URL, regardless of its address.
///
/// Upstream: `ServiceResolver` of `apiserver/pkg/util/webhook`.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The destination for a host, without brackets, and a port: an address or another host, with its port,
    /// such as `10.0.0.1:8443`. `None` leaves it to DNS. Called for each new connection, not for each
    /// request.
    ///
    /// # Errors
    /// Why the host has no address; the request fails with it.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Option<String>>;
}

/// A dialer that calls `resolve`, if there is one, before DNS.
pub(super) fn dialer(resolve: Option<Arc<dyn Resolve>>) -> Dialer {
    let mut http = HttpConnector::new();
    // TLS is added above it
    http.enforce_http(false);
    http.set_nodelay(true);
    http.set_keepalive(Some(KEEP_ALIVE));
    http.set_keepalive_interval(Some(KEEP_ALIVE));
    Dialer::new(service_fn(move |uri: Uri| {
        let (http, resolve) = (http.clone(), resolve.clone());
        async move {
            let target = match resolve {
                Some(resolve) => target(uri, &*resolve).await?,
                None => uri,
            };
            let address = authority(&target);
            let dialled = http.oneshot(target).await;
            dialled.map_err(|error| BoxError::from(failed(address, &error)))
        }
    }))
}

/// Host and port of a URL.
pub(super) fn authority(uri: &Uri) -> String {
    let port = uri.port_u16().unwrap_or(HTTPS);
    format!("{}:{port}", uri.host().unwrap_or_default())
}

fn failed(address: String, error: &(dyn Error + 'static)) -> io::Error {
    let cause = root_cause(error);
    let system = cause.downcast_ref::<io::Error>();
    let inner = DialError {
        address,
        // the resolver of the system has error codes of its own
        is_lookup: system.is_some_and(|e| e.raw_os_error().is_none()),
        why: cause.to_string(),
    };
    io::Error::new(system.map_or(io::ErrorKind::Other, io::Error::kind), inner)
}

async fn target(uri: Uri, resolve: &dyn Resolve) -> Result<Uri, BoxError> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(HTTPS);
    match resolve.resolve(host, port).await? {
        Some(address) => Ok(format!("https://{address}/").parse()?),
        None => Ok(uri),
    }
}
