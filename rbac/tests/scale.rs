//! A decision costs what the user's own rules cost, however many bindings a cluster has.

use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::UserInfo;
use portcullis_rbac::{
    Attributes, Authorizer, Index, RbacAuthorizer, ResourceTarget, Target, bootstrap,
};

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

fn to(number: usize) -> Option<Vec<Subject>> {
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

/// 2,000 roles and 10,000 bindings in 100 namespaces, and the default ones.
fn big() -> Index {
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
        subjects: to(n),
    }));
    let mut cluster_bindings = bootstrap::cluster_role_bindings();
    cluster_bindings.extend((0..5000).map(|n| ClusterRoleBinding {
        metadata: metadata(None, format!("b{n}")),
        role_ref: role_ref("ClusterRole", format!("c{}", n % 1000)),
        subjects: to(n),
    }));
    let index = Index::new();
    let start = Instant::now();
    index.replace(&roles, &cluster_roles, &bindings, &cluster_bindings);
    println!("loaded in {:?}", start.elapsed());
    // Unoptimised, on whatever machine tests run; the goal is 200 ms.
    assert!(start.elapsed() < Duration::from_secs(5));
    index
}

#[test]
fn a_big_cluster_decides_fast() {
    let authorizer = RbacAuthorizer::new(Arc::new(big()));
    let user = UserInfo {
        name: "user77".into(),
        groups: vec!["group3".into(), "system:authenticated".into()],
        ..UserInfo::default()
    };
    let ask = |resource| {
        let target = ResourceTarget {
            resource,
            namespace: "ns3",
            ..ResourceTarget::default()
        };
        let attributes = Attributes {
            user: &user,
            verb: "get",
            target: Target::Resource(target),
        };
        authorizer.authorize(&attributes).is_allowed()
    };
    assert!(ask("things77"));
    assert!(ask("things3"));
    let start = Instant::now();
    for _ in 0..1000 {
        assert!(!ask("things4"));
    }
    let each = start.elapsed() / 1000;
    println!("a refusal, which looks at all of the user's rules, took {each:?}");
    // Unoptimised, on whatever machine tests run; looking at all bindings would take longer.
    assert!(each < Duration::from_millis(2), "{each:?}");
}
