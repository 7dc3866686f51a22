//! The rules of every role.

use std::collections::HashMap;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};

use crate::binding::RoleKind;
use crate::marks::Marks;
use crate::unresolved::Unresolved;

/// Rules by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    cluster: ByName,
    namespaces: HashMap<String, ByName>,
}

type ByName = HashMap<String, Rules>;

/// The rules of one role, each with what tells at a glance that it does not allow a request.
#[derive(Debug)]
pub(crate) struct Rules {
    marks: Vec<Marks>,
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

    /// The rules of the role that a binding in `namespace` means.
    pub(crate) fn rules(
        &self,
        kind: &RoleKind,
        namespace: &str,
        name: &str,
    ) -> Result<&Rules, Unresolved> {
        let (found, missing): (_, fn(String) -> Unresolved) = match kind {
            // A binding in no namespace means cluster roles only.
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
            marks: rules.iter().map(Marks::of_rule).collect(),
            rules,
        }
    }

    pub(crate) fn all(&self) -> &[PolicyRule] {
        &self.rules
    }

    /// The rules that may allow a request with these marks: all that do, and few others.
    pub(crate) fn that_may_allow(&self, request: Marks) -> impl Iterator<Item = &PolicyRule> {
        let marked = self.marks.iter().zip(&self.rules);
        marked.filter_map(move |(marks, rule)| marks.may_allow(request).then_some(rule))
    }
}
