//! The way to a node's kubelet: the one place where streams leave this server.
//!
//! There is none yet: whoever asks learns what is missing. What it takes is the node's address and
//! port (`status.addresses`, `status.daemonEndpoints`), a client certificate, and an upgraded
//! connection whose two halves are copied.
//!
//! Upstream: `pkg/kubelet/client/kubelet_client.go` and `apimachinery/pkg/util/proxy`.

use portcullis_api::Status;
use portcullis_api::status::Reason;
use portcullis_storage::ReadAt;

use crate::response::Response;
use portcullis_controllers::bootstrap;
use portcullis_kinds::table;
use portcullis_registry::{Registry, Scope};

/// What a kubelet is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Input and output of a container's first process.
    Attach,
    /// A new process in a container.
    Exec,
    /// What a container has written.
    Log,
    /// A port of a pod.
    PortForward,
    /// The kubelet's own API.
    Proxy,
}

/// Connects a client to the kubelet of a node.
///
/// # Errors
/// 404 for a node that is not registered, 500 for a kubelet that cannot be reached.
pub async fn connect(registry: &Registry, node: &str, _stream: Stream) -> Result<Response, Status> {
    let user = bootstrap::system();
    let scope = Scope::all(table::NODES, &user).named("", node);
    registry.get(&scope, ReadAt::Latest).await?;
    Err(unreachable(&format!("the kubelet of node {node:?}")))
}

/// That something outside the server is not connected to.
pub fn unreachable(what: &str) -> Status {
    Status::failure(
        Reason::InternalError,
        format!("error dialing backend: this server has no connection to {what}"),
    )
}
