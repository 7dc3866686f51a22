//! Reconciliation of existing default objects at the start: missing permissions and subjects are
//! added, extra ones are kept, and objects with `autoupdate: "false"` are left unchanged.
//!
//! Upstream: `component-helpers/auth/rbac/reconciliation`, as kube-apiserver uses it (without
//! removal of extra permissions).

use std::collections::BTreeMap;

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::bootstrap::AUTOUPDATE;
use crate::escalation::missing;

/// The action for an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Step<T> {
    /// The object is missing: create it.
    Create(T),
    /// The object is incomplete: update it to this.
    Update(T),
    /// The binding refers to another role, which an update cannot change: delete and recreate it.
    Recreate(T),
    /// The object is complete or opts out of reconciliation.
    Nothing,
}

/// The action for a cluster role. The rules of an aggregated one are left to its controller.
pub fn cluster_role(existing: Option<&ClusterRole>, expected: ClusterRole) -> Step<ClusterRole> {
    let Some(existing) = existing else {
        return Step::Create(expected);
    };
    let mut role = existing.clone();
    role.metadata = merged(&existing.metadata, &expected.metadata);
    if expected.aggregation_rule.is_some() {
        let selectors = |role: &ClusterRole| {
            role.aggregation_rule
                .clone()
                .and_then(|r| r.cluster_role_selectors)
                .unwrap_or_default()
        };
        let mut all = selectors(&role);
        let missing: Vec<_> = selectors(&expected)
            .into_iter()
            .filter(|s| !all.contains(s))
            .collect();
        all.extend(missing);
        let rule = role.aggregation_rule.get_or_insert_default();
        rule.cluster_role_selectors = Some(all);
    } else {
        add_missing(&mut role.rules, expected.rules);
        // Otherwise the aggregation controller would replace the rules.
        role.aggregation_rule = None;
    }
    step(existing, role, &existing.metadata)
}

/// The action for a role.
pub fn role(existing: Option<&Role>, expected: Role) -> Step<Role> {
    let Some(existing) = existing else {
        return Step::Create(expected);
    };
    let mut role = existing.clone();
    role.metadata = merged(&existing.metadata, &expected.metadata);
    add_missing(&mut role.rules, expected.rules);
    step(existing, role, &existing.metadata)
}

/// The action for a cluster role binding.
pub fn cluster_role_binding(
    existing: Option<&ClusterRoleBinding>,
    expected: ClusterRoleBinding,
) -> Step<ClusterRoleBinding> {
    let Some(existing) = existing else {
        return Step::Create(expected);
    };
    if !same_role(&existing.role_ref, &expected.role_ref) {
        return recreate(&existing.metadata, expected);
    }
    let mut binding = existing.clone();
    binding.metadata = merged(&existing.metadata, &expected.metadata);
    add_subjects(&mut binding.subjects, expected.subjects, "");
    step(existing, binding, &existing.metadata)
}

/// The action for a role binding.
pub fn role_binding(existing: Option<&RoleBinding>, expected: RoleBinding) -> Step<RoleBinding> {
    let Some(existing) = existing else {
        return Step::Create(expected);
    };
    if !same_role(&existing.role_ref, &expected.role_ref) {
        return recreate(&existing.metadata, expected);
    }
    let mut binding = existing.clone();
    binding.metadata = merged(&existing.metadata, &expected.metadata);
    let namespace = expected.metadata.namespace.as_deref().unwrap_or_default();
    add_subjects(&mut binding.subjects, expected.subjects, namespace);
    step(existing, binding, &existing.metadata)
}

fn step<T: PartialEq>(existing: &T, wanted: T, metadata: &ObjectMeta) -> Step<T> {
    if is_protected(metadata) || *existing == wanted {
        Step::Nothing
    } else {
        Step::Update(wanted)
    }
}

fn recreate<T>(metadata: &ObjectMeta, expected: T) -> Step<T> {
    if is_protected(metadata) {
        Step::Nothing
    } else {
        Step::Recreate(expected)
    }
}

fn is_protected(metadata: &ObjectMeta) -> bool {
    let annotations = metadata.annotations.as_ref();
    annotations
        .and_then(|a| a.get(AUTOUPDATE))
        .is_some_and(|value| value == "false")
}

/// Merges labels and annotations; existing values take precedence.
fn merged(existing: &ObjectMeta, expected: &ObjectMeta) -> ObjectMeta {
    let merge = |existing: &Option<BTreeMap<_, _>>, expected: &Option<BTreeMap<_, _>>| {
        let mut all: BTreeMap<String, String> = expected.clone().unwrap_or_default();
        all.extend(existing.clone().unwrap_or_default());
        (!all.is_empty() || existing.is_some()).then_some(all)
    };
    ObjectMeta {
        labels: merge(&existing.labels, &expected.labels),
        annotations: merge(&existing.annotations, &expected.annotations),
        ..existing.clone()
    }
}

fn add_missing(rules: &mut Option<Vec<PolicyRule>>, expected: Option<Vec<PolicyRule>>) {
    let expected = expected.unwrap_or_default();
    let missing = missing(rules.as_deref().unwrap_or_default(), &expected);
    if !missing.is_empty() {
        rules.get_or_insert_default().extend(missing);
    }
}

fn same_role(a: &RoleRef, b: &RoleRef) -> bool {
    a.kind == b.kind && a.name == b.name
}

fn add_subjects(
    existing_subjects: &mut Option<Vec<Subject>>,
    expected: Option<Vec<Subject>>,
    default_namespace: &str,
) {
    let same = |a: &Subject, b: &Subject| {
        let namespace = |s: &Subject| match s.namespace.as_deref() {
            Some(namespace) if !namespace.is_empty() => namespace.to_owned(),
            _ => default_namespace.to_owned(),
        };
        a.kind == b.kind
            && a.name == b.name
            && (a.kind != "ServiceAccount" || namespace(a) == namespace(b))
    };
    for subject in expected.unwrap_or_default() {
        if !existing_subjects
            .iter()
            .flatten()
            .any(|k| same(k, &subject))
        {
            existing_subjects.get_or_insert_default().push(subject);
        }
    }
}

#[cfg(test)]
mod tests;
