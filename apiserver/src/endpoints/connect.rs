//! What connects a client to something that runs: `log`, `exec`, `attach`, `portforward`, `proxy`.
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

/// How long it may take something that runs to begin what it sends by and by: a container that is
/// silent has not written its log yet.
const PATIENCE: Duration = Duration::from_secs(4 * 60 * 60);

/// What a client is connected to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Input and output of a container's first process.
    Attach,
    /// A new process in a container.
    Exec,
    /// What a container has written.
    Log,
    /// A port of a pod.
    PortForward,
    /// What a pod, a node or a service serves.
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
/// 400 for options that cannot be met and for pods without a node; 404; whatever keeps the server
/// from reaching the other end.
pub async fn connect(call: &Call<'_>, body: &mut Incoming) -> Result<Response, Status> {
    match kind(call.scope.subresource).ok_or_else(Status::no_such_resource)? {
        Kind::Log => log::read(call).await,
        Kind::Proxy => proxy::connect(call, body).await,
        kind => stream::connect(call, kind).await,
    }
}

/// Asks admission, whatever there is to connect to. A log is only read.
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

/// A response whose body is sent on as it comes, whatever its length. It breaks off when the server stops:
/// it must not look as if it were whole.
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
