//! Roles and bindings in memory, indexed by subject.
//!
//! A decision visits only the bindings of the user's name and groups, not all of the cluster's. The
//! owner applies each change of the four kinds, in the order of a single source, before a later
//! request may depend on it; see [`Index::replace`] for the start.

use std::ops::ControlFlow;

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef,
};
use parking_lot::RwLock;
use portcullis_api::UserInfo;

use crate::binding::{ApplicableBinding, Binding, RoleKind};
use crate::bindings::Bindings;
use crate::roles::{Roles, Rules};
use crate::unresolved::Unresolved;

/// All roles and bindings.
#[derive(Debug, Default)]
pub struct Index {
    state: RwLock<State>,
}

#[derive(Debug, Default)]
struct State {
    roles: Roles,
    bindings: Bindings,
}

/// All rules granted to a user.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// The rules of `ClusterRoleBinding`s, then those of `RoleBinding`s, each by binding name.
    pub rules: Vec<PolicyRule>,
    /// The roles that could not be resolved.
    pub errors: Vec<Unresolved>,
}

impl Index {
    /// An empty index.
    pub fn new() -> Self {
        Self::default()
    }

    /// Atomically replaces all roles and bindings.
    pub fn replace<'a>(
        &self,
        roles: impl IntoIterator<Item = &'a Role>,
        cluster_roles: impl IntoIterator<Item = &'a ClusterRole>,
        bindings: impl IntoIterator<Item = &'a RoleBinding>,
        cluster_bindings: impl IntoIterator<Item = &'a ClusterRoleBinding>,
    ) {
        let mut state = State::default();
        roles
            .into_iter()
            .for_each(|role| state.roles.put_role(role));
        cluster_roles
            .into_iter()
            .for_each(|role| state.roles.put_cluster_role(role));
        bindings
            .into_iter()
            .for_each(|b| state.bindings.put(Binding::namespaced(b)));
        cluster_bindings
            .into_iter()
            .for_each(|b| state.bindings.put(Binding::cluster(b)));
        // The old state is dropped after the lock is released.
        let _old = std::mem::replace(&mut *self.state.write(), state);
    }

    /// Inserts or updates a `Role`.
    pub fn put_role(&self, role: &Role) {
        self.state.write().roles.put_role(role);
    }

    /// Removes a `Role`.
    pub fn delete_role(&self, namespace: &str, name: &str) {
        self.state.write().roles.delete_role(namespace, name);
    }

    /// Inserts or updates a `ClusterRole`.
    pub fn put_cluster_role(&self, role: &ClusterRole) {
        self.state.write().roles.put_cluster_role(role);
    }

    /// Removes a `ClusterRole`.
    pub fn delete_cluster_role(&self, name: &str) {
        self.state.write().roles.delete_cluster_role(name);
    }

    /// Inserts or updates a `RoleBinding`.
    pub fn put_role_binding(&self, binding: &RoleBinding) {
        let binding = Binding::namespaced(binding);
        self.state.write().bindings.put(binding);
    }

    /// Removes a `RoleBinding`.
    pub fn delete_role_binding(&self, namespace: &str, name: &str) {
        self.state.write().bindings.delete(namespace, name);
    }

    /// Inserts or updates a `ClusterRoleBinding`.
    pub fn put_cluster_role_binding(&self, binding: &ClusterRoleBinding) {
        let binding = Binding::cluster(binding);
        self.state.write().bindings.put(binding);
    }

    /// Removes a `ClusterRoleBinding`.
    pub fn delete_cluster_role_binding(&self, name: &str) {
        self.state.write().bindings.delete("", name);
    }

    /// All rules granted to a user in a namespace; cluster-wide if it is empty.
    pub fn rules_for(&self, user: &UserInfo, namespace: &str) -> Resolved {
        let mut found = Resolved::default();
        self.visit(user, namespace, |_, rules| {
            match rules {
                Ok(rules) => found.rules.extend_from_slice(rules.all()),
                Err(error) => found.errors.push(error),
            }
            ControlFlow::Continue(())
        });
        found
    }

    /// The rules of the role that a binding in `namespace` refers to.
    ///
    /// # Errors
    /// [`Unresolved`], if there is no such role.
    pub fn role_rules(
        &self,
        reference: &RoleRef,
        namespace: &str,
    ) -> Result<Vec<PolicyRule>, Unresolved> {
        let kind = RoleKind::of(&reference.kind);
        self.state
            .read()
            .roles
            .rules(&kind, namespace, &reference.name)
            .map(|rules| rules.all().to_vec())
    }

    /// Calls `visitor` with each binding that applies to the user and its rules:
    /// `ClusterRoleBinding`s first, then those of the namespace, by name. Holds a lock: `visitor`
    /// must not call back into the index.
    ///
    /// Upstream: `DefaultRuleResolver.VisitRulesFor`, which visits all bindings in no particular
    /// order.
    pub(crate) fn visit<F>(&self, user: &UserInfo, namespace: &str, mut visitor: F)
    where
        F: FnMut(&ApplicableBinding<'_>, Result<&Rules, Unresolved>) -> ControlFlow<()>,
    {
        let state = self.state.read();
        let scopes = if namespace.is_empty() {
            &[""][..]
        } else {
            &["", namespace]
        };
        for scope in scopes {
            for applicable in state.bindings.of(user, scope) {
                let binding = applicable.binding;
                let rules = state
                    .roles
                    .rules(&binding.role_kind, scope, &binding.role_name);
                if visitor(&applicable, rules).is_break() {
                    return;
                }
            }
        }
    }
}
