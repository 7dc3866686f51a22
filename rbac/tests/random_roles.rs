//! The index and the authorizer against the plainest evaluator that could be right, which looks
//! at every binding and rule for every question.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{
    ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, RoleRef, Subject,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::UserInfo;
use portcullis_rbac::{
    Attributes, Authorizer, Decision, Index, RbacAuthorizer, ResourceTarget, Target,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// All objects by namespace (none for the cluster's) and name.
#[derive(Clone, Debug, Default)]
struct Naive {
    roles: BTreeMap<(String, String), Vec<PolicyRule>>,
    bindings: BTreeMap<(String, String), (RoleRef, Vec<Subject>)>,
}

#[derive(Clone, Debug)]
enum Change {
    Role(&'static str, &'static str, Option<Vec<PolicyRule>>),
    Binding(&'static str, &'static str, Option<(RoleRef, Vec<Subject>)>),
}

impl Naive {
    fn apply(&mut self, change: &Change) {
        fn put<T: Clone>(
            all: &mut BTreeMap<(String, String), T>,
            key: (&str, &str),
            value: &Option<T>,
        ) {
            let key = (key.0.to_owned(), key.1.to_owned());
            match value {
                Some(value) => all.insert(key, value.clone()),
                None => all.remove(&key),
            };
        }
        match change {
            Change::Role(namespace, name, rules) => put(&mut self.roles, (namespace, name), rules),
            Change::Binding(namespace, name, b) => put(&mut self.bindings, (namespace, name), b),
        }
    }

    fn is_for(user: &UserInfo, subject: &Subject, namespace: &str) -> bool {
        match subject.kind.as_str() {
            "User" => subject.name == user.name,
            "Group" => user.groups.contains(&subject.name),
            "ServiceAccount" => {
                let namespace = subject.namespace.as_deref().unwrap_or(namespace);
                let name = format!("system:serviceaccount:{namespace}:{}", subject.name);
                !namespace.is_empty() && name == user.name
            }
            _ => false,
        }
    }

    /// Whether it is allowed, and which roles are missed, each once.
    fn decide(&self, attributes: &Attributes<'_>) -> (bool, Vec<String>) {
        let own = match &attributes.target {
            Target::Resource(target) => target.namespace,
            Target::Path(_) => "",
        };
        let (mut allowed, mut missing) = (false, Vec::new());
        for ((namespace, _), (role, subjects)) in &self.bindings {
            let applies = namespace.is_empty() || namespace == own;
            if !applies
                || !subjects
                    .iter()
                    .any(|s| Self::is_for(attributes.user, s, namespace))
            {
                continue;
            }
            let home = if role.kind == "Role" {
                namespace.as_str()
            } else {
                ""
            };
            let key = (home.to_owned(), role.name.clone());
            let reachable = role.kind == "ClusterRole" || !namespace.is_empty();
            match self.roles.get(&key).filter(|_| reachable) {
                Some(rules) => allowed |= rules.iter().any(|rule| rule_allows(rule, attributes)),
                None => {
                    let kind = role.kind.to_lowercase();
                    let text = format!(
                        "{kind}.rbac.authorization.k8s.io \"{}\" not found",
                        role.name
                    );
                    if !missing.contains(&text) {
                        missing.push(text);
                    }
                }
            }
        }
        (allowed, missing)
    }
}

fn rule_allows(rule: &PolicyRule, attributes: &Attributes<'_>) -> bool {
    let has = |list: &Option<Vec<String>>, wanted: &[&str]| {
        list.iter()
            .flatten()
            .any(|item| wanted.contains(&item.as_str()))
    };
    if !rule
        .verbs
        .iter()
        .any(|verb| verb == "*" || verb == attributes.verb)
    {
        return false;
    }
    match &attributes.target {
        Target::Path(path) => rule.non_resource_urls.iter().flatten().any(|url| {
            url == path
                || url
                    .strip_suffix('*')
                    .is_some_and(|start| path.starts_with(start))
        }),
        Target::Resource(t) => {
            let (full, any) = (
                format!("{}/{}", t.resource, t.subresource),
                format!("*/{}", t.subresource),
            );
            let names = match t.subresource {
                "" => vec!["*", t.resource],
                _ => vec!["*", &full, &any],
            };
            has(&rule.api_groups, &["*", t.group])
                && has(&rule.resources, &names)
                && (rule.resource_names.iter().flatten().next().is_none()
                    || has(&rule.resource_names, &[t.name]))
        }
    }
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
        option::of(words(&["x", "y", "*"], 0)),
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

fn change() -> impl Strategy<Value = Change> {
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

fn feed(index: &Index, change: &Change) {
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

/// Every question of a small world.
fn questions(mut ask: impl FnMut(&Attributes<'_>)) {
    let groups = [
        vec![],
        vec!["g".to_owned()],
        vec!["g".to_owned(), "u".to_owned()],
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
                ask(&Attributes {
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
                    };
                    let target = Target::Resource(target);
                    ask(&Attributes {
                        user: &user,
                        verb,
                        target,
                    });
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decides_like_the_naive_evaluator(changes in vec(change(), 1..40)) {
        let index = Arc::new(Index::new());
        let mut naive = Naive::default();
        for change in &changes {
            feed(&index, change);
            naive.apply(change);
        }
        let authorizer = RbacAuthorizer::new(Arc::clone(&index));
        let mut failure = None;
        questions(|attributes| {
            let (allowed, missing) = naive.decide(attributes);
            let expected = match missing.as_slice() {
                [] => String::new(),
                [one] => format!("RBAC: {one}"),
                several => format!("RBAC: [{}]", several.join(", ")),
            };
            let agrees = match authorizer.authorize(attributes) {
                Decision::Allow { .. } => allowed,
                Decision::NoOpinion { reason } => !allowed && reason == expected,
                Decision::Deny { .. } => false,
            };
            if !agrees {
                failure = Some(format!("{attributes:?}: {allowed} {expected}"));
            }
        });
        prop_assert!(failure.is_none(), "{failure:?}");
    }
}
