//! Roles and bindings in memory, found by who they are for.
//!
//! A decision looks at the bindings of the user's name and groups only, never at all of a cluster's.
//! Whoever owns the index feeds it each change of the four kinds, from one source and in its order,
//! before the next request may count on it; see [`Index::replace`] for the start.

use std::ops::ControlFlow;

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef,
};
use parking_lot::RwLock;
use portcullis_api::UserInfo;

use crate::binding::{Binding, Grant, RoleKind};
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

/// All rules a user has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resolved {
    /// The rules, in the order of their bindings' names, the cluster's first.
    pub rules: Vec<PolicyRule>,
    /// What is not known of the user's rules.
    pub errors: Vec<Unresolved>,
}

impl Index {
    /// An index of nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everything and knows these, at once for all who ask.
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
        // The old state is dropped when nobody waits for the lock any more.
        let _old = std::mem::replace(&mut *self.state.write(), state);
    }

    /// Knows a new or changed role.
    pub fn put_role(&self, role: &Role) {
        self.state.write().roles.put_role(role);
    }

    /// Forgets a role.
    pub fn delete_role(&self, namespace: &str, name: &str) {
        self.state.write().roles.delete_role(namespace, name);
    }

    /// Knows a new or changed cluster role.
    pub fn put_cluster_role(&self, role: &ClusterRole) {
        self.state.write().roles.put_cluster_role(role);
    }

    /// Forgets a cluster role.
    pub fn delete_cluster_role(&self, name: &str) {
        self.state.write().roles.delete_cluster_role(name);
    }

    /// Knows a new or changed binding.
    pub fn put_role_binding(&self, binding: &RoleBinding) {
        let binding = Binding::namespaced(binding);
        self.state.write().bindings.put(binding);
    }

    /// Forgets a binding.
    pub fn delete_role_binding(&self, namespace: &str, name: &str) {
        self.state.write().bindings.delete(namespace, name);
    }

    /// Knows a new or changed cluster binding.
    pub fn put_cluster_role_binding(&self, binding: &ClusterRoleBinding) {
        let binding = Binding::cluster(binding);
        self.state.write().bindings.put(binding);
    }

    /// Forgets a cluster binding.
    pub fn delete_cluster_role_binding(&self, name: &str) {
        self.state.write().bindings.delete("", name);
    }

    /// All rules that a user has in a namespace, or cluster-wide if it is empty.
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

    /// The rules of the role a binding in `namespace` refers to.
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

    /// Shows `visitor` each binding that is for the user, and its rules: the cluster's, then the
    /// namespace's, by name. No change happens meanwhile; do not call back into the index.
    ///
    /// Upstream: `DefaultRuleResolver.VisitRulesFor`, which goes through all bindings in no order.
    pub(crate) fn visit<F>(&self, user: &UserInfo, namespace: &str, mut visitor: F)
    where
        F: FnMut(&Grant<'_>, Result<&Rules, Unresolved>) -> ControlFlow<()>,
    {
        let state = self.state.read();
        let scopes = if namespace.is_empty() {
            &[""][..]
        } else {
            &["", namespace]
        };
        for scope in scopes {
            for grant in state.bindings.of(user, scope) {
                let binding = grant.binding;
                let rules = state
                    .roles
                    .rules(&binding.role_kind, scope, &binding.role_name);
                if visitor(&grant, rules).is_break() {
                    return;
                }
            }
        }
    }
}
