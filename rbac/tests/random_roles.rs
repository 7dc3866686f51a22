//! Compares the index and the authorizer with a naive evaluator, which checks every binding and
//! rule for each request; and the decision on all names at once with the decision on each name.

#[path = "random_roles/world.rs"]
mod world;

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject};
use portcullis_api::UserInfo;
use portcullis_rbac::{
    AlwaysAllow, AlwaysDeny, Attributes, Authorizer, Decision, Index, NameSet, Names, Privileged,
    RbacAuthorizer, ResourceTarget, Target, Union,
};
use proptest::collection::vec;
use proptest::prelude::*;
use world::{Change, apply, change, for_each_request};

/// All objects by namespace (empty if cluster-scoped) and name.
#[derive(Clone, Debug, Default)]
struct Naive {
    roles: BTreeMap<(String, String), Vec<PolicyRule>>,
    bindings: BTreeMap<(String, String), (RoleRef, Vec<Subject>)>,
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

    fn matches(user: &UserInfo, subject: &Subject, namespace: &str) -> bool {
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

    /// Whether the request is allowed, and the errors of missing roles, without duplicates.
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
                    .any(|s| Self::matches(attributes.user, s, namespace))
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

/// Denies every request for one object name.
struct DeniesName(&'static str);

impl Authorizer for DeniesName {
    fn name(&self) -> &'static str {
        "denies"
    }

    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        let reason = String::new();
        match attributes.target {
            Target::Resource(target) if target.name == self.0 => Decision::Deny { reason },
            _ => Decision::NoOpinion { reason },
        }
    }

    fn names(&self, attributes: &Attributes<'_>) -> Names {
        match attributes.target {
            Target::Resource(_) => Names::deny(NameSet::These([self.0.to_owned()].into())),
            Target::Path(_) => Names::default(),
        }
    }
}

/// Every type of authorizer, alone and in unions.
fn authorizers(index: &Arc<Index>) -> Vec<Arc<dyn Authorizer>> {
    let rbac: Arc<dyn Authorizer> = Arc::new(RbacAuthorizer::new(Arc::clone(index)));
    let [allow, deny, masters, not_x]: [Arc<dyn Authorizer>; 4] = [
        Arc::new(AlwaysAllow),
        Arc::new(AlwaysDeny),
        Arc::new(Privileged),
        Arc::new(DeniesName("x")),
    ];
    let unions = [
        vec![],
        vec![masters.clone(), rbac.clone()],
        vec![not_x.clone(), rbac.clone(), deny.clone()],
        vec![rbac.clone(), not_x.clone(), allow.clone()],
    ];
    let unions = unions.map(|members| Arc::new(Union::new(members)) as Arc<dyn Authorizer>);
    [rbac, allow, deny, masters, not_x]
        .into_iter()
        .chain(unions)
        .collect()
}

fn named<'a>(attributes: &Attributes<'a>, name: &'a str) -> Attributes<'a> {
    let target = match attributes.target {
        Target::Resource(target) => Target::Resource(ResourceTarget { name, ..target }),
        path @ Target::Path(_) => path,
    };
    Attributes {
        target,
        ..*attributes
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn decisions_match_the_naive_evaluator(changes in vec(change(), 1..40)) {
        let index = Arc::new(Index::new());
        let mut naive = Naive::default();
        for change in &changes {
            apply(&index, change);
            naive.apply(change);
        }
        let authorizer = RbacAuthorizer::new(Arc::clone(&index));
        let mut failure = None;
        for_each_request(|attributes| {
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
    #[test]
    fn the_decision_on_all_names_matches_each_name(changes in vec(change(), 1..40)) {
        let index = Arc::new(Index::new());
        changes.iter().for_each(|change| apply(&index, change));
        let authorizers = authorizers(&index);
        let mut failure = None;
        for_each_request(|attributes| for (at, authorizer) in authorizers.iter().enumerate() {
            let names = authorizer.names(attributes);
            for name in ["", "x", "y", "z", "*"] {
                let decision = authorizer.authorize(&named(attributes, name));
                if names.contains(name) != decision.is_allowed() {
                    failure = Some(format!("{at} {attributes:?} {name:?}: {decision:?} {names:?}"));
                }
            }
        });
        prop_assert!(failure.is_none(), "{failure:?}");
    }
}
