//! Roles and the bindings that grant them (upstream: `pkg/apis/rbac/validation/validation.go`).

mod binding;
mod role;

pub use binding::{BindingStrategy, CLUSTER_ROLE_BINDING_STRATEGY, ROLE_BINDING_STRATEGY};
pub use role::{ClusterRoleStrategy, RoleStrategy};

/// The group of roles, bindings, users and groups.
const GROUP: &str = "rbac.authorization.k8s.io";

#[cfg(test)]
mod tests;
