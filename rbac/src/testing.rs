//! Constructors of rules, roles and bindings for tests.

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::UserInfo;

pub(crate) fn list(words: &[&str]) -> Vec<String> {
    words.iter().map(|w| (*w).to_owned()).collect()
}

pub(crate) fn rule(verbs: &[&str], groups: &[&str], resources: &[&str]) -> PolicyRule {
    PolicyRule {
        verbs: list(verbs),
        api_groups: Some(list(groups)),
        resources: Some(list(resources)),
        ..PolicyRule::default()
    }
}

pub(crate) fn named(names: &[&str], rule: PolicyRule) -> PolicyRule {
    PolicyRule {
        resource_names: Some(list(names)),
        ..rule
    }
}

pub(crate) fn urls(verbs: &[&str], urls: &[&str]) -> PolicyRule {
    PolicyRule {
        verbs: list(verbs),
        non_resource_urls: Some(list(urls)),
        ..PolicyRule::default()
    }
}

pub(crate) fn metadata(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        namespace: (!namespace.is_empty()).then(|| namespace.into()),
        ..ObjectMeta::default()
    }
}

pub(crate) fn role(namespace: &str, name: &str, rules: &[PolicyRule]) -> Role {
    Role {
        metadata: metadata(namespace, name),
        rules: Some(rules.to_vec()),
    }
}

pub(crate) fn cluster_role(name: &str, rules: &[PolicyRule]) -> ClusterRole {
    ClusterRole {
        metadata: metadata("", name),
        rules: Some(rules.to_vec()),
        aggregation_rule: None,
    }
}

/// `role` is like `ClusterRole/view`.
pub(crate) fn role_ref(role: &str) -> RoleRef {
    let (kind, name) = role.split_once('/').unwrap();
    RoleRef {
        api_group: Some("rbac.authorization.k8s.io".into()),
        kind: kind.into(),
        name: name.into(),
    }
}

/// `text` is like `User/alice` or `ServiceAccount/robot/ns`.
pub(crate) fn subject(text: &str) -> Subject {
    let mut parts = text.splitn(3, '/');
    let mut next = || parts.next().map(str::to_owned);
    Subject {
        kind: next().unwrap(),
        name: next().unwrap(),
        namespace: next(),
        api_group: None,
    }
}

pub(crate) fn binding(namespace: &str, name: &str, role: &str, to: &[&str]) -> RoleBinding {
    RoleBinding {
        metadata: metadata(namespace, name),
        role_ref: role_ref(role),
        subjects: Some(to.iter().map(|s| subject(s)).collect()),
    }
}

pub(crate) fn cluster_binding(name: &str, role: &str, to: &[&str]) -> ClusterRoleBinding {
    ClusterRoleBinding {
        metadata: metadata("", name),
        role_ref: role_ref(role),
        subjects: Some(to.iter().map(|s| subject(s)).collect()),
    }
}

pub(crate) fn user(name: &str, groups: &[&str]) -> UserInfo {
    UserInfo {
        name: name.into(),
        groups: list(groups),
        ..UserInfo::default()
    }
}
