use super::*;
use crate::Target;
use crate::testing::{binding, cluster_binding, cluster_role, role, rule, urls, user};
use crate::trace::Verdict;
use crate::{AlwaysAllow, AlwaysDeny, Privileged, ResourceTarget, Union};

fn pods(namespace: &str) -> Target<'_> {
    Target::Resource(ResourceTarget {
        resource: "pods",
        namespace,
        ..ResourceTarget::default()
    })
}

fn decide(
    authorizer: &dyn Authorizer,
    user: &UserInfo,
    verb: &str,
    target: Target<'_>,
) -> Decision {
    authorizer.authorize(&Attributes { user, verb, target })
}

fn allowed(reason: &str) -> Decision {
    Decision::Allow {
        reason: reason.into(),
    }
}

fn no_opinion(reason: &str) -> Decision {
    Decision::NoOpinion {
        reason: reason.into(),
    }
}

/// Bindings cluster-wide and in namespaces, to users, groups and accounts, and to missing roles.
fn cluster() -> (Arc<Index>, RbacAuthorizer) {
    let index = Arc::new(Index::new());
    let get = rule(&["get"], &[""], &["pods"]);
    index.replace(
        &[
            role("a", "reader", std::slice::from_ref(&get)),
            role("b", "reader", std::slice::from_ref(&get)),
        ],
        &[cluster_role("reader", &[get, urls(&["get"], &["/x"])])],
        &[
            binding(
                "a",
                "people",
                "Role/reader",
                &["User/bob", "Group/dev", "User/dave"],
            ),
            binding(
                "a",
                "robots",
                "ClusterRole/reader",
                &["ServiceAccount/robot"],
            ),
            binding(
                "b",
                "robots",
                "Role/reader",
                &["ServiceAccount/robot/a", "Odd/x"],
            ),
            binding("b", "lost", "Role/none", &["User/bob"]),
            binding("b", "lost2", "Role/none", &["User/bob"]),
            binding("b", "odd", "Thing/none", &["User/odd"]),
        ],
        &[
            cluster_binding("everywhere", "ClusterRole/reader", &["User/alice"]),
            cluster_binding("gone", "ClusterRole/none", &["User/alice", "User/bob"]),
            cluster_binding("homeless", "ClusterRole/reader", &["ServiceAccount/robot"]),
        ],
    );
    (Arc::clone(&index), RbacAuthorizer::new(index))
}

#[test]
fn reasons_match_upstream() {
    let (_, rbac) = cluster();
    let dev = user("carol", &["x", "dev"]);
    let robot = user("system:serviceaccount:a:robot", &["system:serviceaccounts"]);
    let other = user("system:serviceaccount:b:robot", &[]);
    let everywhere = r#"RBAC: allowed by ClusterRoleBinding "everywhere" of ClusterRole "reader" to User "alice""#;
    for (user, namespace, expected) in [
        (user("alice", &[]), "", allowed(everywhere)),
        (user("alice", &[]), "z", allowed(everywhere)),
        (
            dev.clone(),
            "a",
            allowed(r#"RBAC: allowed by RoleBinding "people/a" of Role "reader" to Group "dev""#),
        ),
        (
            user("dave", &["dev"]),
            "a",
            allowed(r#"RBAC: allowed by RoleBinding "people/a" of Role "reader" to Group "dev""#),
        ),
        (
            robot.clone(),
            "a",
            allowed(
                r#"RBAC: allowed by RoleBinding "robots/a" of ClusterRole "reader" to ServiceAccount "robot/a""#,
            ),
        ),
        (
            robot.clone(),
            "b",
            allowed(
                r#"RBAC: allowed by RoleBinding "robots/b" of Role "reader" to ServiceAccount "robot/a""#,
            ),
        ),
        (robot, "", no_opinion("")),
        (other, "a", no_opinion("")),
        (dev, "", no_opinion("")),
        (user("stranger", &[]), "a", no_opinion("")),
        (user("Odd/x", &["reader"]), "b", no_opinion("")),
        (
            user("bob", &[]),
            "",
            no_opinion(r#"RBAC: clusterrole.rbac.authorization.k8s.io "none" not found"#),
        ),
        (
            user("bob", &[]),
            "b",
            no_opinion(
                r#"RBAC: [clusterrole.rbac.authorization.k8s.io "none" not found, role.rbac.authorization.k8s.io "none" not found]"#,
            ),
        ),
        (
            user("odd", &[]),
            "b",
            no_opinion(r#"RBAC: unsupported role reference kind: "Thing""#),
        ),
    ] {
        assert_eq!(
            decide(&rbac, &user, "get", pods(namespace)),
            expected,
            "{user:?} {namespace:?}"
        );
        assert!(!decide(&rbac, &user, "list", pods(namespace)).is_allowed());
    }
}

#[test]
fn paths_need_cluster_bindings() {
    let (_, rbac) = cluster();
    let robot = user("system:serviceaccount:a:robot", &[]);
    assert!(decide(&rbac, &user("alice", &[]), "get", Target::Path("/x")).is_allowed());
    assert!(!decide(&rbac, &robot, "get", Target::Path("/x")).is_allowed());
}

#[test]
fn changes_take_effect_at_once() {
    let (index, rbac) = cluster();
    let bob = user("bob", &["ops"]);
    let is_allowed = || decide(&rbac, &bob, "get", pods("a")).is_allowed();
    assert!(is_allowed());
    index.delete_role("a", "reader");
    assert!(!is_allowed());
    index.put_role(&role("a", "reader", &[rule(&["get"], &[""], &["pods"])]));
    assert!(is_allowed());
    // The binding's subject changes.
    index.put_role_binding(&binding("a", "people", "Role/reader", &["User/x"]));
    assert!(!is_allowed());
    index.put_cluster_role_binding(&cluster_binding(
        "new",
        "ClusterRole/reader",
        &["Group/ops"],
    ));
    assert!(is_allowed());
    index.put_cluster_role(&cluster_role("reader", &[]));
    assert!(!is_allowed());
    index.put_role_binding(&binding(
        "a",
        "people",
        "Role/reader",
        &["User/bob", "User/bob"],
    ));
    assert!(is_allowed());
    index.delete_role_binding("b", "people");
    assert!(is_allowed());
    index.delete_role_binding("a", "people");
    index.delete_role_binding("a", "people");
    assert!(!is_allowed());
    index.delete_cluster_role_binding("new");
    index.delete_cluster_role("reader");
    assert!(!is_allowed());
    index.replace([], [], [], []);
    assert_eq!(
        decide(&rbac, &user("alice", &[]), "get", pods("a")),
        no_opinion("")
    );
}

#[test]
fn rules_reviews_list_the_rules_of_every_binding() {
    let (_, rbac) = cluster();
    let review = serde_json::to_value(rbac.rules(&user("alice", &["dev"]), "a")).unwrap();
    let pods = serde_json::json!({"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]});
    assert_eq!(
        review,
        serde_json::json!({
            "evaluationError": "clusterrole.rbac.authorization.k8s.io \"none\" not found",
            "incomplete": false,
            "nonResourceRules": [{"nonResourceURLs": ["/x"], "verbs": ["get"]}],
            "resourceRules": [pods, pods],
        })
    );
    let both = Union::new(vec![
        Arc::new(AlwaysDeny),
        Arc::new(AlwaysAllow),
        Arc::new(rbac),
    ]);
    let review = both.rules(&user("alice", &[]), "z");
    assert_eq!(review.resource_rules.len(), 2);
    assert_eq!(review.resource_rules[0].verbs, ["*"]);
    assert_eq!(review.non_resource_rules.len(), 2);
}

#[test]
fn a_union_returns_the_first_opinion() {
    struct Denies;
    impl Authorizer for Denies {
        fn name(&self) -> &'static str {
            "denies"
        }

        fn authorize(&self, _: &Attributes<'_>) -> Decision {
            Decision::Deny {
                reason: "never".into(),
            }
        }

        fn names(&self, _: &Attributes<'_>) -> Names {
            Names::deny(NameSet::All)
        }
    }
    let (_, rbac) = cluster();
    let rbac: Arc<dyn Authorizer> = Arc::new(rbac);
    let bob = user("bob", &[]);
    let master = user("root", &["system:masters"]);
    let deny = "Everything is forbidden.";
    let gone = r#"RBAC: clusterrole.rbac.authorization.k8s.io "none" not found"#;
    let privileged: Arc<dyn Authorizer> = Arc::new(Privileged);
    for (members, user, expected) in [
        (vec![], &bob, no_opinion("")),
        (
            vec![Arc::clone(&rbac), Arc::new(AlwaysDeny)],
            &bob,
            no_opinion(&format!("{gone}\n{deny}")),
        ),
        (
            vec![Arc::new(AlwaysDeny), Arc::new(AlwaysAllow)],
            &bob,
            allowed(""),
        ),
        (
            vec![privileged.clone(), Arc::new(Denies), Arc::new(AlwaysAllow)],
            &bob,
            Decision::Deny {
                reason: "never".into(),
            },
        ),
        (vec![privileged, Arc::new(Denies)], &master, allowed("")),
    ] {
        assert_eq!(
            decide(&Union::new(members), user, "get", pods("")),
            expected
        );
    }
}

#[test]
fn traces_list_every_binding_and_match_the_decision() {
    let (_, rbac) = cluster();
    let bob = user("bob", &["dev"]);
    for (namespace, verb, expected) in [
        ("a", "get", &["gone: role missing", "people: allows"][..]),
        (
            "a",
            "list",
            &["gone: role missing", "people: no match in 1 rule"],
        ),
        ("", "get", &["gone: role missing"]),
    ] {
        let attributes = Attributes {
            user: &bob,
            verb,
            target: pods(namespace),
        };
        let trace = considered(&rbac.index, &attributes);
        let lines: Vec<_> = trace
            .iter()
            .map(|c| {
                let verdict = match &c.verdict {
                    Verdict::Allows(_) => "allows".to_owned(),
                    Verdict::NoMatch(rules) => format!("no match in {rules} rule"),
                    Verdict::Unresolved(_) => "role missing".to_owned(),
                };
                format!("{}: {verdict}", c.binding)
            })
            .collect();
        assert_eq!(lines, expected);
        let allowed = trace
            .iter()
            .find(|c| matches!(c.verdict, Verdict::Allows(_)));
        match (allowed, rbac.authorize(&attributes)) {
            (Some(by), Decision::Allow { reason }) => {
                assert_eq!(reason, format!("RBAC: allowed by {}", by.text));
                assert_eq!(
                    (by.namespace.as_str(), by.role_kind.as_str()),
                    ("a", "Role")
                );
                assert_eq!(
                    (by.subject_kind.as_str(), by.subject.as_str()),
                    ("User", "bob")
                );
            }
            (None, decision) => assert!(!decision.is_allowed()),
            (Some(by), decision) => panic!("{by:?} {decision:?}"),
        }
    }
}
