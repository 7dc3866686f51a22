use std::collections::BTreeSet;
use std::sync::Arc;

use super::*;
use crate::testing::{binding, cluster_role, user};
use crate::{Attributes, Authorizer, Index, RbacAuthorizer, ResourceTarget, Target};

/// The default objects, and users bound to the user-facing roles in `ns`.
fn server() -> RbacAuthorizer {
    let index = Index::new();
    index.replace(
        &roles(),
        &cluster_roles(),
        &role_bindings(),
        &cluster_role_bindings(),
    );
    for role in ["admin", "edit", "view"] {
        let to = format!("User/{role}");
        index.put_role_binding(&binding("ns", role, &format!("ClusterRole/{role}"), &[&to]));
    }
    RbacAuthorizer::new(Arc::new(index))
}

/// `what` is like `get apps/deployments/scale` or `get /healthz`.
fn allowed(server: &RbacAuthorizer, name: &str, group: &str, namespace: &str, what: &str) -> bool {
    let (verb, what) = what.split_once(' ').unwrap();
    let mut parts = what.splitn(3, '/');
    let mut next = || parts.next().unwrap_or_default();
    let target = if what.starts_with('/') {
        Target::Path(what)
    } else {
        let (group, resource, subresource) = (next(), next(), next());
        let group = if group == "core" { "" } else { group };
        Target::Resource(ResourceTarget {
            group,
            resource,
            subresource,
            namespace,
            name: "x",
            ..ResourceTarget::default()
        })
    };
    let user = user(name, &[group]);
    server
        .authorize(&Attributes {
            user: &user,
            verb,
            target,
        })
        .is_allowed()
}

#[test]
fn user_facing_roles_grant_their_permissions() {
    let server = server();
    for (what, admin, edit, view) in [
        ("get core/pods", true, true, true),
        ("watch core/configmaps", true, true, true),
        ("list core/events", true, true, true),
        ("get core/namespaces", true, true, true),
        ("get core/pods/log", true, true, true),
        ("get apps/deployments/scale", true, true, true),
        ("list networking.k8s.io/networkpolicies", true, true, true),
        ("list discovery.k8s.io/endpointslices", true, true, true),
        ("get core/secrets", true, true, false),
        ("create core/pods", true, true, false),
        ("create core/pods/exec", true, true, false),
        ("create core/events", true, true, false),
        ("create core/serviceaccounts/token", true, true, false),
        ("impersonate core/serviceaccounts", true, true, false),
        ("deletecollection batch/jobs", true, true, false),
        ("patch apps/statefulsets/scale", true, true, false),
        ("delete networking.k8s.io/ingresses", true, true, false),
        (
            "create rbac.authorization.k8s.io/rolebindings",
            true,
            false,
            false,
        ),
        (
            "create authorization.k8s.io/localsubjectaccessreviews",
            true,
            false,
            false,
        ),
        ("update core/pods/status", false, false, false),
        ("update core/resourcequotas", false, false, false),
        ("create core/endpoints", false, false, false),
        ("delete core/namespaces", false, false, false),
        ("get core/nodes", false, false, false),
        (
            "escalate rbac.authorization.k8s.io/roles",
            false,
            false,
            false,
        ),
        ("use policy/podsecuritypolicies", false, false, false),
        ("use extensions/podsecuritypolicies", false, false, false),
    ] {
        let got = ["admin", "edit", "view"].map(|user| allowed(&server, user, "x", "ns", what));
        assert_eq!(got, [admin, edit, view], "{what}");
        assert!(!allowed(&server, "admin", "x", "elsewhere", what), "{what}");
    }
}

#[test]
fn public_paths_and_self_reviews_are_allowed() {
    let server = server();
    for (what, authenticated, unauthenticated) in [
        ("get /healthz", true, true),
        ("get /version", true, true),
        ("get /api", true, false),
        ("get /apis/apps/v1", true, false),
        ("get /openapi/v2", true, false),
        ("post /api", false, false),
        ("get /metrics", false, false),
        ("get /readyz/etcd", false, false),
        (
            "create authorization.k8s.io/selfsubjectaccessreviews",
            true,
            false,
        ),
        (
            "create authorization.k8s.io/selfsubjectrulesreviews",
            true,
            false,
        ),
        (
            "create authorization.k8s.io/subjectaccessreviews",
            false,
            false,
        ),
        ("get core/pods", false, false),
        ("use policy/podsecuritypolicies", false, false),
        ("use extensions/podsecuritypolicies", false, false),
    ] {
        let got = ["system:authenticated", "system:unauthenticated"]
            .map(|group| allowed(&server, "x", group, "", what));
        assert_eq!(got, [authenticated, unauthenticated], "{what}");
    }
    assert!(allowed(
        &server,
        "x",
        "system:masters",
        "",
        "use policy/podsecuritypolicies"
    ));
    assert!(allowed(
        &server,
        "x",
        "system:monitoring",
        "",
        "get /readyz/etcd"
    ));
    assert!(allowed(
        &server,
        "x",
        "system:serviceaccounts",
        "",
        "get /openid/v1/jwks"
    ));
}

#[test]
fn components_have_their_permissions() {
    let server = server();
    for (name, namespace, what) in [
        ("system:kube-scheduler", "ns", "create core/pods/binding"),
        (
            "system:kube-scheduler",
            "",
            "watch storage.k8s.io/storageclasses",
        ),
        (
            "system:kube-scheduler",
            "kube-system",
            "watch core/configmaps",
        ),
        (
            "system:kube-controller-manager",
            "",
            "watch example.com/widgets",
        ),
        (
            "system:kube-proxy",
            "",
            "watch discovery.k8s.io/endpointslices",
        ),
        (
            "system:serviceaccount:kube-system:deployment-controller",
            "ns",
            "create apps/replicasets",
        ),
        (
            "system:serviceaccount:kube-system:root-ca-cert-publisher",
            "ns",
            "create core/configmaps",
        ),
        (
            "system:serviceaccount:kube-system:token-cleaner",
            "kube-system",
            "delete core/secrets",
        ),
    ] {
        assert!(
            allowed(&server, name, "x", namespace, what),
            "{name} {what}"
        );
    }
    // Kubelets are authorized by the Node authorizer, or need an explicit binding.
    assert!(!allowed(
        &server,
        "system:node:a",
        "system:nodes",
        "",
        "get core/pods"
    ));
}

#[test]
fn only_cluster_admin_may_use_pod_security_policies() {
    let policies = Target::Resource(ResourceTarget {
        group: "policy",
        resource: "podsecuritypolicies",
        name: "restricted",
        ..ResourceTarget::default()
    });
    let any_user = user("x", &[]);
    let attributes = Attributes {
        user: &any_user,
        verb: "use",
        target: policies,
    };
    for role in cluster_roles() {
        let allows = role
            .rules
            .iter()
            .flatten()
            .any(|rule| crate::allows(rule, &attributes));
        assert_eq!(
            allows,
            role.metadata.name.as_deref() == Some("cluster-admin"),
            "{role:?}"
        );
    }
}

#[test]
fn objects_are_complete_and_consistent() {
    let cluster_roles = cluster_roles();
    let named = |metadata: &ObjectMeta| {
        let label = metadata
            .labels
            .as_ref()
            .and_then(|l| l.get("kubernetes.io/bootstrapping"));
        assert_eq!(label.map(String::as_str), Some("rbac-defaults"));
        assert_eq!(
            metadata
                .annotations
                .as_ref()
                .map(|a| a[AUTOUPDATE].as_str()),
            Some("true")
        );
        let namespace = metadata.namespace.clone().unwrap_or_default();
        (namespace, metadata.name.clone().unwrap())
    };
    let cluster_names: BTreeSet<_> = cluster_roles
        .iter()
        .map(|role| named(&role.metadata))
        .collect();
    let role_names: BTreeSet<_> = roles().iter().map(|role| named(&role.metadata)).collect();
    assert_eq!(
        (cluster_names.len(), role_names.len()),
        (cluster_roles.len(), roles().len())
    );
    assert_eq!((cluster_names.len(), role_names.len()), (63, 7));

    let bindings = cluster_role_bindings();
    let names: BTreeSet<_> = bindings.iter().map(|b| named(&b.metadata)).collect();
    assert_eq!((names.len(), bindings.len()), (44, 44));
    for binding in bindings {
        assert!(cluster_names.contains(&(String::new(), binding.role_ref.name)));
    }
    for binding in role_bindings() {
        let (namespace, _) = named(&binding.metadata);
        assert_eq!(binding.role_ref.kind, "Role");
        assert!(role_names.contains(&(namespace, binding.role_ref.name)));
    }
    for rule in cluster_roles
        .iter()
        .flat_map(|role| role.rules.iter().flatten())
    {
        assert!(!rule.verbs.is_empty());
        let lists = [&rule.resources, &rule.api_groups, &rule.non_resource_urls];
        for list in lists.into_iter().flatten().chain([&rule.verbs]) {
            assert!(
                list.is_sorted() && list.iter().all(|word| word.trim() == word),
                "{rule:?}"
            );
        }
    }
}

#[test]
fn labeled_roles_extend_the_user_facing_roles() {
    let mut roles = cluster_roles();
    let mut more = cluster_role(
        "use-policies",
        &[crate::testing::rule(
            &["use"],
            &["policy"],
            &["podsecuritypolicies"],
        )],
    );
    more.metadata.labels = Some(BTreeMap::from([aggregation_label("edit")]));
    roles.push(more);
    let changed: Vec<_> = aggregation::aggregate(&mut roles)
        .into_iter()
        .filter_map(|index| roles[index].metadata.name.clone())
        .collect();
    assert_eq!(changed, ["edit", "admin"]);
}
