//! Roles that cannot be resolved.

use portcullis_api::field_error::go_quote;

/// A binding's role whose rules nobody can tell (upstream's texts).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// There is no such `Role`, in the binding's namespace.
    #[error("role.rbac.authorization.k8s.io {} not found", go_quote(.0))]
    Role(String),
    /// There is no such `ClusterRole`.
    #[error("clusterrole.rbac.authorization.k8s.io {} not found", go_quote(.0))]
    ClusterRole(String),
    /// A role of no known kind, which validation lets nobody write.
    #[error("unsupported role reference kind: {}", go_quote(.0))]
    Kind(String),
}
