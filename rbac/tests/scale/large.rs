//! A large cluster for tests and benchmarks.

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::UserInfo;
use portcullis_rbac::{Attributes, Authorizer, Decision, Index, ResourceTarget, Target, bootstrap};

/// 2,000 roles and 10,000 bindings in 100 namespaces, and the default ones.
pub(crate) struct Cluster {
    roles: Vec<Role>,
    cluster_roles: Vec<ClusterRole>,
    bindings: Vec<RoleBinding>,
    cluster_bindings: Vec<ClusterRoleBinding>,
}

impl Cluster {
    pub(crate) fn new() -> Self {
        let namespace = |number: usize| Some(format!("ns{}", number % 100));
        let mut roles = bootstrap::roles();
        roles.extend((0..1000).map(|n| Role {
            metadata: metadata(namespace(n), format!("r{n}")),
            rules: rules(n),
        }));
        let mut cluster_roles = bootstrap::cluster_roles();
        cluster_roles.extend((0..1000).map(|n| ClusterRole {
            metadata: metadata(None, format!("c{n}")),
            rules: rules(n),
            aggregation_rule: None,
        }));
        let mut bindings = bootstrap::role_bindings();
        bindings.extend((0..5000).map(|n| RoleBinding {
            metadata: metadata(namespace(n), format!("b{n}")),
            role_ref: role_ref("Role", format!("r{}", n % 1000)),
            subjects: subjects(n),
        }));
        let mut cluster_bindings = bootstrap::cluster_role_bindings();
        cluster_bindings.extend((0..5000).map(|n| ClusterRoleBinding {
            metadata: metadata(None, format!("b{n}")),
            role_ref: role_ref("ClusterRole", format!("c{}", n % 1000)),
            subjects: subjects(n),
        }));
        Self {
            roles,
            cluster_roles,
            bindings,
            cluster_bindings,
        }
    }

    /// The index of a server after its start.
    pub(crate) fn index(&self) -> Index {
        let index = Index::new();
        self.load(&index);
        index
    }

    /// Loads the objects one by one, as a server does from its store.
    pub(crate) fn load(&self, index: &Index) {
        self.roles.iter().for_each(|role| index.put_role(role));
        let roles = &self.cluster_roles;
        roles.iter().for_each(|role| index.put_cluster_role(role));
        let bindings = &self.bindings;
        bindings.iter().for_each(|b| index.put_role_binding(b));
        let bindings = &self.cluster_bindings;
        bindings
            .iter()
            .for_each(|b| index.put_cluster_role_binding(b));
    }
}

/// The decision on a GET of `resource` in a namespace, for a user with twenty bindings. One of the
/// last allows `things77`; for `things4` all are visited, and none allows it.
pub(crate) fn decide(authorizer: &dyn Authorizer, user: &UserInfo, resource: &str) -> Decision {
    let target = ResourceTarget {
        resource,
        namespace: "ns3",
        ..ResourceTarget::default()
    };
    authorizer.authorize(&Attributes {
        user,
        verb: "get",
        target: Target::Resource(target),
    })
}

/// A user with twenty bindings.
pub(crate) fn user() -> UserInfo {
    UserInfo {
        name: "user77".into(),
        groups: vec!["group3".into(), UserInfo::AUTHENTICATED.into()],
        ..UserInfo::default()
    }
}

fn metadata(namespace: Option<String>, name: String) -> ObjectMeta {
    ObjectMeta {
        name: Some(name),
        namespace,
        ..ObjectMeta::default()
    }
}

fn rules(number: usize) -> Option<Vec<PolicyRule>> {
    let rule = PolicyRule {
        verbs: vec!["get".into(), "list".into()],
        api_groups: Some(vec![String::new()]),
        resources: Some(vec![format!("things{number}"), "pods".into()]),
        ..PolicyRule::default()
    };
    Some(vec![rule; 5])
}

fn role_ref(kind: &str, name: String) -> RoleRef {
    RoleRef {
        kind: kind.into(),
        name,
        api_group: None,
    }
}

fn subjects(number: usize) -> Option<Vec<Subject>> {
    let subject = |kind: &str, name: String| Subject {
        kind: kind.into(),
        name,
        ..Subject::default()
    };
    Some(vec![
        subject("User", format!("user{number}")),
        subject("Group", format!("group{}", number % 500)),
    ])
}
