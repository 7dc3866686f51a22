//! The default roles and bindings, as in Kubernetes 1.24.
//!
//! Upstream: `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`. The data is in tables, one file per
//! audience; [`crate::reconcile`] handles objects that already exist.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::{
    AggregationRule, ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef,
    Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::aggregation;

mod components;
mod controllers;
mod joining;
mod namespaced;
mod table;
mod users;

use table::{AggregatedRole, BindingSpec, RoleSpec, SubjectSpec};

const GROUP: &str = "rbac.authorization.k8s.io";
const KUBE_SYSTEM: &str = "kube-system";

/// The annotation that disables reconciliation of an object if it is `false`.
pub const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// All default cluster roles. Aggregated ones already contain their rules, so that they are
/// effective before any controller runs.
pub fn cluster_roles() -> Vec<ClusterRole> {
    let plain = [users::ROLES, components::ROLES].concat();
    let controllers = controllers::ROLES
        .iter()
        .map(|(account, rules)| ClusterRole {
            metadata: metadata(&controllers::role_name(account), None, &[]),
            rules: Some(rules.iter().map(table::Row::rule).collect()),
            aggregation_rule: None,
        });
    let mut roles: Vec<_> = users::AGGREGATED
        .iter()
        .map(aggregated_role)
        .chain(plain.iter().map(plain_role))
        .chain(controllers)
        .collect();
    aggregation::aggregate(&mut roles);
    roles
}

/// All default cluster role bindings.
pub fn cluster_role_bindings() -> Vec<ClusterRoleBinding> {
    let controllers = controllers::ROLES.iter().map(|(account, _)| {
        let name = controllers::role_name(account);
        ClusterRoleBinding {
            metadata: metadata(&name, None, &[]),
            role_ref: role_ref("ClusterRole", &name),
            subjects: Some(vec![SubjectSpec::Account(account).subject()]),
        }
    });
    let specs = [users::BINDINGS, components::BINDINGS].concat();
    specs
        .iter()
        .map(cluster_binding)
        .chain(controllers)
        .collect()
}

/// The permissions of every node, independent of its pods: the rules of `system:node`.
pub(crate) fn node_rules() -> Vec<PolicyRule> {
    components::NODE.iter().map(table::Row::rule).collect()
}

/// The default roles of `kube-system` and `kube-public`.
pub fn roles() -> Vec<Role> {
    namespaced::ROLES.iter().map(role).collect()
}

/// The default role bindings of `kube-system` and `kube-public`.
pub fn role_bindings() -> Vec<RoleBinding> {
    namespaced::BINDINGS.iter().map(binding).collect()
}

/// Roles and bindings with which nodes join by bootstrap token.
pub struct Joining {
    /// Cluster roles.
    pub cluster_roles: Vec<ClusterRole>,
    /// Their bindings.
    pub cluster_role_bindings: Vec<ClusterRoleBinding>,
    /// Roles.
    pub roles: Vec<Role>,
    /// Their bindings.
    pub role_bindings: Vec<RoleBinding>,
}

/// The roles and bindings that nodes need to join by bootstrap token, as kubeadm creates them.
pub fn joining() -> Joining {
    Joining {
        cluster_roles: joining::CLUSTER_ROLES.iter().map(plain_role).collect(),
        cluster_role_bindings: joining::CLUSTER_BINDINGS
            .iter()
            .map(cluster_binding)
            .collect(),
        roles: joining::ROLES.iter().map(role).collect(),
        role_bindings: joining::BINDINGS.iter().map(binding).collect(),
    }
}

fn role((namespace, spec): &(&str, RoleSpec)) -> Role {
    Role {
        metadata: metadata(spec.name, Some(namespace), &[]),
        rules: Some(spec.rules.iter().map(table::Row::rule).collect()),
    }
}

fn binding((namespace, spec): &(&str, BindingSpec)) -> RoleBinding {
    RoleBinding {
        metadata: metadata(spec.name, Some(namespace), &[]),
        role_ref: role_ref("Role", spec.role),
        subjects: subjects(spec.to),
    }
}

fn cluster_binding(BindingSpec { name, role, to }: &BindingSpec) -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: metadata(name, None, &[]),
        role_ref: role_ref("ClusterRole", role),
        subjects: subjects(to),
    }
}

fn plain_role(role: &RoleSpec) -> ClusterRole {
    ClusterRole {
        metadata: metadata(role.name, None, role.aggregate_to),
        rules: Some(role.rules.iter().map(table::Row::rule).collect()),
        aggregation_rule: None,
    }
}

fn aggregated_role(role: &AggregatedRole) -> ClusterRole {
    let selector = LabelSelector {
        match_labels: Some(BTreeMap::from([aggregation_label(role.name)])),
        match_expressions: None,
    };
    ClusterRole {
        metadata: metadata(role.name, None, role.aggregate_to),
        rules: None,
        aggregation_rule: Some(AggregationRule {
            cluster_role_selectors: Some(vec![selector]),
        }),
    }
}

fn metadata(name: &str, namespace: Option<&str>, aggregates: &[&str]) -> ObjectMeta {
    let mut labels: BTreeMap<_, _> = aggregates
        .iter()
        .map(|role| aggregation_label(role))
        .collect();
    labels.insert("kubernetes.io/bootstrapping".into(), "rbac-defaults".into());
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespace.map(str::to_owned),
        labels: Some(labels),
        annotations: Some(BTreeMap::from([(AUTOUPDATE.to_owned(), "true".to_owned())])),
        ..ObjectMeta::default()
    }
}

/// The label by which the aggregated role `role` selects roles.
fn aggregation_label(role: &str) -> (String, String) {
    (
        format!("rbac.authorization.k8s.io/aggregate-to-{role}"),
        "true".into(),
    )
}

fn role_ref(kind: &str, name: &str) -> RoleRef {
    RoleRef {
        api_group: Some(GROUP.into()),
        kind: kind.to_owned(),
        name: name.to_owned(),
    }
}

fn subjects(to: &[SubjectSpec]) -> Option<Vec<Subject>> {
    (!to.is_empty()).then(|| to.iter().map(SubjectSpec::subject).collect())
}

#[cfg(test)]
mod tests;
