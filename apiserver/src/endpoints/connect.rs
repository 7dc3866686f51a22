//! Subresources that connect a client to something running: `log`, `exec`, `attach`, `portforward`, `proxy`.
//!
//! Upstream: `pkg/registry/core/pod/rest`, and `ResourceLocation` of pods, nodes and services.

pub mod container;
pub mod log;
pub mod options;
pub mod proxy;
pub mod stream;

use std::time::Duration;

use axum::body::Body;
use futures_util::{StreamExt, TryStreamExt, stream as streams};
use k8s_openapi::api::core::v1::Pod;
use portcullis_api::Status;
use portcullis_storage::ReadAt;

use super::body::Incoming;
use super::call::Call;
use crate::response::{Response, Unhurried};
use portcullis_registry::codec;
use portcullis_registry::connection::ConnectOptions;

/// How long the first byte of a streamed response may take: a silent container has not written its log yet.
const PATIENCE: Duration = Duration::from_secs(4 * 60 * 60);

/// The kinds of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Input and output of a container's first process.
    Attach,
    /// A new process in a container.
    Exec,
    /// The output of a container.
    Log,
    /// A port of a pod.
    PortForward,
    /// The HTTP server of a pod, a node or a service.
    Proxy,
}

/// Whether a call is one of these.
pub fn is_connection(call: &Call<'_>) -> bool {
    kind(call.scope.subresource).is_some()
}

fn kind(subresource: &str) -> Option<Kind> {
    match subresource {
        "attach" => Some(Kind::Attach),
        "exec" => Some(Kind::Exec),
        "log" => Some(Kind::Log),
        "portforward" => Some(Kind::PortForward),
        "proxy" => Some(Kind::Proxy),
        _ => None,
    }
}

/// Connects a client.
///
/// # Errors
/// 400 for invalid options and for pods without a node; 404; the error if the other end cannot be reached.
pub async fn connect(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    match kind(call.scope.subresource).ok_or_else(Status::no_such_resource)? {
        Kind::Log => log::read(call).await,
        Kind::Proxy => proxy::connect(call, body).await,
        kind => stream::connect(call, kind).await,
    }
}

/// Runs admission, whatever the target is. A log is only read, so it has none.
async fn admit(call: &Call<'_>, kind: Kind) -> Result<(), Status> {
    let options = options::options(call.query, kind, &call.info.rest);
    let options = ConnectOptions::new(options);
    let registry = &call.api.registry;
    registry.admit_connection(&call.scope, options).await
}

async fn pod(call: &Call<'_>, name: &str) -> Result<Pod, Status> {
    let scope = call.scope.named(call.scope.namespace, name);
    let entry = call.api.registry.get(&scope, ReadAt::Latest).await?;
    let object = codec::object(scope.resource, &entry)?;
    let pod = object.as_kind::<Pod>().cloned();
    pod.ok_or_else(|| Status::internal("a pod of an unexpected type"))
}

/// A response whose body is forwarded as it arrives, of any length. It breaks off when the server stops, so
/// that it does not look complete.
fn as_it_comes(call: &Call<'_>, response: Response) -> Response {
    let stop = call.api.shutdown.clone();
    let (parts, body) = response.into_parts();
    let body = body.into_data_stream().map_err(axum::BoxError::from);
    let body = body.take_until(stop.clone().cancelled_owned());
    let end = streams::once(async move {
        let stopped = || Err(axum::BoxError::from("the server stops"));
        stop.is_cancelled().then(stopped)
    });
    let body = body.chain(end.filter_map(std::future::ready));
    let mut response = Response::from_parts(parts, Body::from_stream(body));
    response.extensions_mut().insert(Unhurried);
    response
}
