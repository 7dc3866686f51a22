//! The roles and bindings a server is born with, as Kubernetes 1.24 has them.
//!
//! Upstream: `plugin/pkg/auth/authorizer/rbac/bootstrappolicy`. The data is in tables, one file per
//! audience; [`crate::reconcile`] says what becomes of objects that exist.

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::{
    AggregationRule, ClusterRole, ClusterRoleBinding, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use crate::aggregation;

mod components;
mod controllers;
mod namespaced;
mod table;
mod users;

use table::{Bound, Gathered, Given, Whom};

const GROUP: &str = "rbac.authorization.k8s.io";
const KUBE_SYSTEM: &str = "kube-system";

/// The annotation that keeps an object from being reconciled if it says `false`.
pub const AUTOUPDATE: &str = "rbac.authorization.kubernetes.io/autoupdate";

/// All default cluster roles. Those that aggregate others have their rules already, so that they
/// grant what they should before any controller runs.
pub fn cluster_roles() -> Vec<ClusterRole> {
    let plain = [users::ROLES, components::ROLES].concat();
    let controllers = controllers::ROLES
        .iter()
        .map(|(account, rules)| ClusterRole {
            metadata: metadata(&controllers::role_name(account), None, &[]),
            rules: Some(rules.iter().map(table::Row::rule).collect()),
            aggregation_rule: None,
        });
    let mut roles: Vec<_> = users::GATHERED
        .iter()
        .map(gathered)
        .chain(plain.iter().map(given))
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
            subjects: Some(vec![Whom::Account(account).subject()]),
        }
    });
    let bound = [users::BINDINGS, components::BINDINGS].concat();
    bound
        .iter()
        .map(|Bound { name, role, to }| ClusterRoleBinding {
            metadata: metadata(name, None, &[]),
            role_ref: role_ref("ClusterRole", role),
            subjects: subjects(to),
        })
        .chain(controllers)
        .collect()
}

/// The default roles of `kube-system` and `kube-public`.
pub fn roles() -> Vec<Role> {
    let role = |(namespace, given): &(&str, Given)| Role {
        metadata: metadata(given.name, Some(namespace), &[]),
        rules: Some(given.rules.iter().map(table::Row::rule).collect()),
    };
    namespaced::ROLES.iter().map(role).collect()
}

/// The default role bindings of `kube-system` and `kube-public`.
pub fn role_bindings() -> Vec<RoleBinding> {
    let binding = |(namespace, bound): &(&str, Bound)| RoleBinding {
        metadata: metadata(bound.name, Some(namespace), &[]),
        role_ref: role_ref("Role", bound.role),
        subjects: subjects(bound.to),
    };
    namespaced::BINDINGS.iter().map(binding).collect()
}

fn given(role: &Given) -> ClusterRole {
    ClusterRole {
        metadata: metadata(role.name, None, role.part_of),
        rules: Some(role.rules.iter().map(table::Row::rule).collect()),
        aggregation_rule: None,
    }
}

fn gathered(role: &Gathered) -> ClusterRole {
    let selector = LabelSelector {
        match_labels: Some(BTreeMap::from([part_of(role.name)])),
        match_expressions: None,
    };
    ClusterRole {
        metadata: metadata(role.name, None, role.part_of),
        rules: None,
        aggregation_rule: Some(AggregationRule {
            cluster_role_selectors: Some(vec![selector]),
        }),
    }
}

fn metadata(name: &str, namespace: Option<&str>, aggregates: &[&str]) -> ObjectMeta {
    let mut labels: BTreeMap<_, _> = aggregates.iter().map(|role| part_of(role)).collect();
    labels.insert("kubernetes.io/bootstrapping".into(), "rbac-defaults".into());
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: namespace.map(str::to_owned),
        labels: Some(labels),
        annotations: Some(BTreeMap::from([(AUTOUPDATE.to_owned(), "true".to_owned())])),
        ..ObjectMeta::default()
    }
}

/// The label by which the aggregated role of this name finds its parts.
fn part_of(role: &str) -> (String, String) {
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

fn subjects(to: &[Whom]) -> Option<Vec<Subject>> {
    (!to.is_empty()).then(|| to.iter().map(Whom::subject).collect())
}

#[cfg(test)]
mod tests;
