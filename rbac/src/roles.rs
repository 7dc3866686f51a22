//! The rules of every role.

use std::collections::HashMap;

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};

use crate::binding::RoleKind;
use crate::index::Unresolved;

/// Rules by namespace and name; cluster roles are in the empty namespace.
#[derive(Debug, Default)]
pub(crate) struct Roles {
    namespaces: HashMap<String, HashMap<String, Vec<PolicyRule>>>,
}

impl Roles {
    pub(crate) fn put_role(&mut self, role: &Role) {
        let namespace = role.metadata.namespace.as_deref().unwrap_or_default();
        self.put(
            namespace,
            role.metadata.name.as_deref(),
            role.rules.as_deref(),
        );
    }

    pub(crate) fn put_cluster_role(&mut self, role: &ClusterRole) {
        self.put("", role.metadata.name.as_deref(), role.rules.as_deref());
    }

    fn put(&mut self, namespace: &str, name: Option<&str>, rules: Option<&[PolicyRule]>) {
        let roles = self.namespaces.entry(namespace.to_owned()).or_default();
        roles.insert(
            name.unwrap_or_default().to_owned(),
            rules.unwrap_or_default().to_vec(),
        );
    }

    pub(crate) fn delete(&mut self, namespace: &str, name: &str) {
        let Some(roles) = self.namespaces.get_mut(namespace) else {
            return;
        };
        roles.remove(name);
        if roles.is_empty() {
            self.namespaces.remove(namespace);
        }
    }

    /// The rules of the role that a binding in `namespace` means.
    pub(crate) fn rules(
        &self,
        kind: &RoleKind,
        namespace: &str,
        name: &str,
    ) -> Result<&[PolicyRule], Unresolved> {
        let find = |namespace| {
            self.namespaces
                .get(namespace)
                .and_then(|roles| roles.get(name))
        };
        let (found, missing): (_, fn(String) -> Unresolved) = match kind {
            // In no namespace are only cluster roles.
            RoleKind::Role if namespace.is_empty() => (None, Unresolved::Role),
            RoleKind::Role => (find(namespace), Unresolved::Role),
            RoleKind::ClusterRole => (find(""), Unresolved::ClusterRole),
            RoleKind::Other(kind) => return Err(Unresolved::Kind(kind.clone())),
        };
        found
            .map(Vec::as_slice)
            .ok_or_else(|| missing(name.to_owned()))
    }
}
