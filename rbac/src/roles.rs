//! The rules of all roles.

use std::collections::HashMap;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};

use crate::binding::RoleKind;
use crate::unresolved::Unresolved;
use crate::word_filter::WordFilter;

/// Rules by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    cluster: ByName,
    namespaces: HashMap<String, ByName>,
}

type ByName = HashMap<String, Rules>;

/// The rules of one role, and a filter of each that excludes most requests.
#[derive(Debug)]
pub(crate) struct Rules {
    filters: Vec<WordFilter>,
    rules: Vec<PolicyRule>,
}

// === impl Roles ===

impl Roles {
    pub(crate) fn put_role(&mut self, role: &Role) {
        let namespace = role.metadata.namespace.as_deref().unwrap_or_default();
        let name = role.metadata.name.clone().unwrap_or_default();
        let roles = self.namespaces.entry(namespace.to_owned()).or_default();
        roles.insert(name, Rules::new(role.rules.as_deref()));
    }

    pub(crate) fn put_cluster_role(&mut self, role: &ClusterRole) {
        let name = role.metadata.name.clone().unwrap_or_default();
        self.cluster.insert(name, Rules::new(role.rules.as_deref()));
    }

    pub(crate) fn delete_role(&mut self, namespace: &str, name: &str) {
        let Some(roles) = self.namespaces.get_mut(namespace) else {
            return;
        };
        roles.remove(name);
        if roles.is_empty() {
            self.namespaces.remove(namespace);
        }
    }

    pub(crate) fn delete_cluster_role(&mut self, name: &str) {
        self.cluster.remove(name);
    }

    /// The rules of the role that a binding in `namespace` refers to.
    pub(crate) fn rules(
        &self,
        kind: &RoleKind,
        namespace: &str,
        name: &str,
    ) -> Result<&Rules, Unresolved> {
        let (found, missing): (_, fn(String) -> Unresolved) = match kind {
            // A ClusterRoleBinding can only refer to a ClusterRole.
            RoleKind::Role if namespace.is_empty() => (None, Unresolved::Role),
            RoleKind::Role => {
                let roles = self.namespaces.get(namespace);
                (roles.and_then(|roles| roles.get(name)), Unresolved::Role)
            }
            RoleKind::ClusterRole => (self.cluster.get(name), Unresolved::ClusterRole),
            RoleKind::Other(kind) => return Err(Unresolved::Kind(kind.clone())),
        };
        found.ok_or_else(|| missing(name.to_owned()))
    }
}

// === impl Rules ===

impl Rules {
    fn new(rules: Option<&[PolicyRule]>) -> Self {
        let rules = rules.unwrap_or_default().to_vec();
        Self {
            filters: rules.iter().map(WordFilter::of_rule).collect(),
            rules,
        }
    }

    pub(crate) fn all(&self) -> &[PolicyRule] {
        &self.rules
    }

    /// The rules that may allow a request: all that do, and few others.
    pub(crate) fn candidates(&self, request: WordFilter) -> impl Iterator<Item = &PolicyRule> {
        let filtered = self.filters.iter().zip(&self.rules);
        filtered.filter_map(move |(filter, rule)| filter.may_allow(request).then_some(rule))
    }
}
