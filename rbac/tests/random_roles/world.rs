//! Random roles and bindings, and the requests that are decided with them.

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::UserInfo;
use portcullis_rbac::{Attributes, Index, ResourceTarget, Target};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// A role or binding, by namespace and name, that is written or, if `None`, deleted.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Role(&'static str, &'static str, Option<Vec<PolicyRule>>),
    Binding(&'static str, &'static str, Option<(RoleRef, Vec<Subject>)>),
}

fn words(all: &'static [&'static str], min: usize) -> impl Strategy<Value = Vec<String>> {
    subsequence(all, min..=all.len().min(3))
        .prop_map(|words| words.into_iter().map(str::to_owned).collect())
}

const NAMESPACES: &[&str] = &["", "a", "b"];
const NAMES: &[&str] = &["p", "q", "r"];

fn rule() -> impl Strategy<Value = PolicyRule> {
    let resources = words(
        &[
            "*", "pods", "pods/log", "*/log", "pods/*", "*/*", "secrets", "log",
        ],
        0,
    );
    (
        words(&["*", "get", "list", "use"], 0),
        option::of(words(&["*", "", "apps"], 0)),
        option::of(resources),
        option::of(words(&["x", "y", "*", ""], 0)),
        option::of(words(&["*", "/x", "/x/*", "/x*", "/y/z"], 0)),
    )
        .prop_map(
            |(verbs, api_groups, resources, resource_names, non_resource_urls)| PolicyRule {
                verbs,
                api_groups,
                resources,
                resource_names,
                non_resource_urls,
            },
        )
}

fn subject() -> impl Strategy<Value = Subject> {
    let kind = select(&["User", "Group", "ServiceAccount", "Other"][..]);
    let name = select(&["u", "g", "s", "system:serviceaccount:a:s"][..]);
    let namespace = option::of(select(&["a", "b"][..]));
    (kind, name, namespace).prop_map(|(kind, name, namespace)| Subject {
        kind: kind.into(),
        name: name.into(),
        namespace: namespace
            .filter(|_| kind == "ServiceAccount")
            .map(str::to_owned),
        api_group: None,
    })
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let role_ref = (any::<bool>(), select(NAMES)).prop_map(|(cluster, name)| RoleRef {
        kind: if cluster { "ClusterRole" } else { "Role" }.into(),
        name: name.into(),
        api_group: None,
    });
    let role = (
        select(NAMESPACES),
        select(NAMES),
        option::weighted(0.8, vec(rule(), 0..3)),
    )
        .prop_map(|(namespace, name, rules)| Change::Role(namespace, name, rules));
    let bound = option::weighted(0.8, (role_ref, vec(subject(), 0..4)));
    let binding = (select(NAMESPACES), select(NAMES), bound)
        .prop_map(|(namespace, name, bound)| Change::Binding(namespace, name, bound));
    prop_oneof![role, binding]
}

fn metadata(namespace: &str, name: &str) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.into()),
        namespace: (!namespace.is_empty()).then(|| namespace.into()),
        ..ObjectMeta::default()
    }
}

pub(crate) fn apply(index: &Index, change: &Change) {
    match change.clone() {
        Change::Role("", name, None) => index.delete_cluster_role(name),
        Change::Role("", name, rules) => index.put_cluster_role(&ClusterRole {
            metadata: metadata("", name),
            rules,
            aggregation_rule: None,
        }),
        Change::Role(namespace, name, None) => index.delete_role(namespace, name),
        Change::Role(namespace, name, rules) => {
            index.put_role(&Role {
                metadata: metadata(namespace, name),
                rules,
            });
        }
        Change::Binding("", name, None) => index.delete_cluster_role_binding(name),
        Change::Binding("", name, Some((role_ref, subjects))) => {
            let metadata = metadata("", name);
            let subjects = Some(subjects);
            index.put_cluster_role_binding(&ClusterRoleBinding {
                metadata,
                role_ref,
                subjects,
            });
        }
        Change::Binding(namespace, name, None) => index.delete_role_binding(namespace, name),
        Change::Binding(namespace, name, Some((role_ref, subjects))) => {
            let metadata = metadata(namespace, name);
            let subjects = Some(subjects);
            index.put_role_binding(&RoleBinding {
                metadata,
                role_ref,
                subjects,
            });
        }
    }
}

/// Calls `check` with every request of a small cluster.
pub(crate) fn for_each_request(mut check: impl FnMut(&Attributes<'_>)) {
    let groups = [
        vec![],
        vec!["g".to_owned()],
        vec!["g".to_owned(), "u".to_owned()],
        vec!["system:masters".to_owned()],
    ];
    for (name, groups) in [
        "u",
        "s",
        "system:serviceaccount:a:s",
        "system:serviceaccount:b:s",
    ]
    .into_iter()
    .flat_map(|name| groups.iter().map(move |groups| (name, groups)))
    {
        let user = UserInfo {
            name: name.into(),
            groups: groups.clone(),
            ..UserInfo::default()
        };
        for verb in ["get", "use"] {
            for path in ["/x", "/x/y", "/y"] {
                check(&Attributes {
                    user: &user,
                    verb,
                    target: Target::Path(path),
                });
            }
            for (group, resource, subresource) in [
                ("", "pods", ""),
                ("apps", "pods", "log"),
                ("", "secrets", ""),
                ("x", "log", ""),
            ] {
                for (namespace, name) in [("", ""), ("a", "x"), ("b", "")] {
                    let target = ResourceTarget {
                        group,
                        resource,
                        subresource,
                        namespace,
                        name,
                        ..ResourceTarget::default()
                    };
                    let target = Target::Resource(target);
                    check(&Attributes {
                        user: &user,
                        verb,
                        target,
                    });
                }
            }
        }
    }
}
