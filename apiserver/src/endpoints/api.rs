//! The parts that verbs use.

use std::sync::Arc;

use portcullis_rbac::Authorizer;
use tokio_util::sync::CancellationToken;

use crate::health::Health;
use crate::metrics::WatchMetrics;
use crate::outbound::backends::Backends;
use crate::tokens::Tokens;
use portcullis_registry::Registry;

/// The parts of a server that verbs use.
pub struct Api {
    /// All objects.
    pub registry: Arc<Registry>,
    /// Authorization.
    pub authorizer: Arc<dyn Authorizer>,
    /// The service account tokens it issues and reviews.
    pub tokens: Tokens,
    /// The connections to nodes, pods and services.
    pub backends: Backends,
    /// Whether the store responds.
    pub health: Arc<Health>,
    /// What watches count.
    pub watches: WatchMetrics,
    /// Cancelled when watches have to end.
    pub shutdown: CancellationToken,
}
