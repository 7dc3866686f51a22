//! Where connections go: to what DNS says of a host, or to what a caller says instead.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, ServiceExt, service_fn};

/// Opens TCP connections.
pub(super) type Dialer = BoxCloneSyncService<Uri, TokioIo<TcpStream>, BoxError>;

/// Says where to connect for hosts that DNS does not know, such as a service's
/// `name.namespace.svc`. TLS verifies the host of the URL, whatever address it leads to.
///
/// Upstream: `ServiceResolver` of `apiserver/pkg/util/webhook`.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The address to connect to for a host, without brackets, and a port; `None` leaves it to DNS.
    /// It is asked for each new connection, not for each request.
    ///
    /// # Errors
    /// Why the host has no address; the request fails with it.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Option<SocketAddr>>;
}

/// A dialer that asks `resolve`, if there is one, before DNS.
pub(super) fn dialer(resolve: Option<Arc<dyn Resolve>>) -> Dialer {
    let mut http = HttpConnector::new();
    // TLS is made above it
    http.enforce_http(false);
    http.set_nodelay(true);
    Dialer::new(service_fn(move |uri: Uri| {
        let (http, resolve) = (http.clone(), resolve.clone());
        async move {
            let target = match resolve {
                Some(resolve) => target(uri, &*resolve).await?,
                None => uri,
            };
            Ok(http.oneshot(target).await?)
        }
    }))
}

async fn target(uri: Uri, resolve: &dyn Resolve) -> Result<Uri, BoxError> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(443);
    match resolve.resolve(host, port).await? {
        Some(address) => Ok(format!("https://{address}/").parse()?),
        None => Ok(uri),
    }
}
