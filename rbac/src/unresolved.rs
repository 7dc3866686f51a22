//! References to roles that cannot be resolved.

use portcullis_api::field_error::go_quote;

/// Why the role of a binding cannot be resolved (messages as upstream).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unresolved {
    /// There is no such `Role` in the binding's namespace.
    #[error("role.rbac.authorization.k8s.io {} not found", go_quote(.0))]
    Role(String),
    /// There is no such `ClusterRole`.
    #[error("clusterrole.rbac.authorization.k8s.io {} not found", go_quote(.0))]
    ClusterRole(String),
    /// The role has an unknown kind, which validation rejects.
    #[error("unsupported role reference kind: {}", go_quote(.0))]
    Kind(String),
}
