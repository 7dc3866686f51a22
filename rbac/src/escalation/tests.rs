use std::sync::Arc;

use k8s_openapi::api::rbac::v1::AggregationRule;

use super::*;
use crate::testing::{
    binding, cluster_binding, cluster_role, named, role, role_ref, rule, urls, user,
};
use crate::{Privileged, RbacAuthorizer, Union};

/// `manager` holds some rules, `trusted` may `escalate` and `bind` some roles, and `half` is also
/// bound to missing roles.
fn check(
    user: &UserInfo,
    namespace: &str,
    run: impl Fn(Escalation<'_>) -> Result<(), EscalationError>,
) -> String {
    let index = Arc::new(Index::new());
    let pods = rule(&["get", "list"], &[""], &["pods"]);
    let escalate = rule(&["escalate"], &[GROUP], &["roles", "clusterroles"]);
    let bind_big = named(&["big"], rule(&["bind"], &[GROUP], &["clusterroles"]));
    index.replace(
        &[
            role("ns", "small", std::slice::from_ref(&pods)),
            role("ns", "log", &[rule(&["get"], &[""], &["pods/log"])]),
        ],
        &[
            cluster_role("manager", &[pods, urls(&["get"], &["/x/*"])]),
            cluster_role("trusted", &[named(&["known"], escalate), bind_big]),
            cluster_role("big", &everything()),
        ],
        &[binding("ns", "log", "Role/log", &["User/manager"])],
        &[
            cluster_binding("m", "ClusterRole/manager", &["User/manager", "User/half"]),
            cluster_binding("t", "ClusterRole/trusted", &["User/trusted"]),
            cluster_binding("h", "ClusterRole/none", &["User/half"]),
            cluster_binding("h2", "ClusterRole/none2", &["User/half"]),
            cluster_binding("all", "ClusterRole/big", &["User/all"]),
        ],
    );
    let rbac = Arc::new(RbacAuthorizer::new(Arc::clone(&index)));
    let authorizer = Union::new(vec![Arc::new(Privileged), rbac]);
    let escalation = Escalation {
        index: &index,
        authorizer: &authorizer,
        user,
        namespace,
    };
    match run(escalation) {
        Ok(()) => "allowed".into(),
        Err(EscalationError::Escalates(text)) => text,
        Err(EscalationError::NoRole(what)) => format!("404 {what}"),
    }
}

#[test]
fn writers_can_only_grant_rules_they_hold() {
    let manager = user("manager", &["system:authenticated", "g"]);
    let head = "user \"manager\" (groups=[\"system:authenticated\" \"g\"]) is attempting to grant \
                RBAC permissions not currently held:\n";
    for (namespace, rules, missing) in [
        ("ns", vec![rule(&["get"], &[""], &["pods", "pods/log"])], ""),
        (
            "",
            vec![rule(&["list"], &[""], &["pods"]), urls(&["get"], &["/x/y"])],
            "",
        ),
        // `manager` may read logs in one namespace only.
        (
            "",
            vec![rule(&["get"], &[""], &["pods/log"])],
            r#"{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}"#,
        ),
        // Verbs of a resource are merged, lines are sorted, and rules that are held are omitted.
        (
            "ns",
            vec![
                rule(&["get", "watch", "delete"], &["", "apps"], &["pods"]),
                urls(&["get", "put"], &["/x/y", "/z"]),
                rule(&["watch"], &[""], &["pods"]),
            ],
            "{APIGroups:[\"\"], Resources:[\"pods\"], Verbs:[\"watch\" \"delete\" \"watch\"]}\n\
             {APIGroups:[\"apps\"], Resources:[\"pods\"], Verbs:[\"get\" \"watch\" \"delete\"]}\n\
             {NonResourceURLs:[\"/x/y\"], Verbs:[\"put\"]}\n\
             {NonResourceURLs:[\"/z\"], Verbs:[\"get\"]}\n\
             {NonResourceURLs:[\"/z\"], Verbs:[\"put\"]}",
        ),
        (
            "ns",
            vec![named(&["a", "b"], rule(&["get"], &["x"], &["y"]))],
            "{APIGroups:[\"x\"], Resources:[\"y\"], ResourceNames:[\"a\"], Verbs:[\"get\"]}\n{APIGroups:[\"x\"], Resources:[\"y\"], ResourceNames:[\"b\"], Verbs:[\"get\"]}",
        ),
        (
            "ns",
            vec![named(&["a"], rule(&["get"], &[""], &["pods"]))],
            "",
        ),
        (
            "ns",
            vec![rule(&["*"], &[""], &["pods"])],
            r#"{APIGroups:[""], Resources:["pods"], Verbs:["*"]}"#,
        ),
    ] {
        let expected = if missing.is_empty() {
            "allowed".into()
        } else {
            format!("{head}{missing}")
        };
        assert_eq!(check(&manager, namespace, |e| e.role("", &rules)), expected);
    }
}

#[test]
fn resolution_errors_of_the_writer_are_reported() {
    let secrets = [rule(&["get"], &[""], &["secrets"])];
    assert_eq!(
        check(&user("half", &[]), "", |e| e.role("", &secrets)),
        "user \"half\" (groups=[]) is attempting to grant RBAC permissions not currently held:\n\
         {APIGroups:[\"\"], Resources:[\"secrets\"], Verbs:[\"get\"]}; resolution errors: \
         [[clusterrole.rbac.authorization.k8s.io \"none\" not found, \
         clusterrole.rbac.authorization.k8s.io \"none2\" not found]]"
    );
}

#[test]
fn escalate_and_bind_allow_escalation() {
    let trusted = user("trusted", &[]);
    let denied = |text: String| text.contains("is attempting to grant");
    let big = cluster_role("known", &everything());
    assert_eq!(
        check(&trusted, "ns", |e| e.role("known", &everything())),
        "allowed"
    );
    assert_eq!(
        check(&trusted, "", |e| e.cluster_role("known", &big, None)),
        "allowed"
    );
    // The verb on one name allows neither other names nor creations, which have no name in their
    // path.
    assert!(denied(
        check(&trusted, "", |e| e.cluster_role("", &big, None))
    ));
    assert_eq!(
        check(&trusted, "ns", |e| e.binding(&role_ref("ClusterRole/big"))),
        "allowed"
    );
    assert_eq!(
        check(&trusted, "", |e| e.binding(&role_ref("ClusterRole/big"))),
        "allowed"
    );
    assert!(denied(check(&trusted, "", |e| e
        .binding(&role_ref("ClusterRole/manager")))));
    assert_eq!(
        check(&user("x", &["system:masters"]), "", |e| e
            .role("", &everything())),
        "allowed"
    );
}

#[test]
fn bindings_grant_the_rules_of_their_role() {
    let manager = user("manager", &[]);
    let bind =
        |namespace: &str, role: &str| check(&manager, namespace, |e| e.binding(&role_ref(role)));
    assert_eq!(bind("ns", "Role/small"), "allowed");
    assert_eq!(bind("ns", "ClusterRole/manager"), "allowed");
    assert!(bind("ns", "ClusterRole/big").ends_with(
        ":\n{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}\n{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}"
    ));
    let missing = "404 clusterrole.rbac.authorization.k8s.io \"none\" not found";
    assert_eq!(bind("ns", "ClusterRole/none"), missing);
    assert!(bind("other", "Role/small").starts_with("404 role."));
}

#[test]
fn aggregation_rules_require_all_permissions() {
    let plain = cluster_role("a", &[rule(&["get"], &[""], &["pods"])]);
    let mut aggregates = plain.clone();
    aggregates.aggregation_rule = Some(AggregationRule::default());
    let manager = user("manager", &[]);
    let denied = "must have cluster-admin privileges to use the aggregationRule";
    for (user, new, old, expected) in [
        (&manager, &plain, None, "allowed"),
        (&manager, &aggregates, None, denied),
        (&manager, &aggregates, Some(&plain), denied),
        (&manager, &plain, Some(&aggregates), denied),
        (&user("all", &[]), &aggregates, Some(&plain), "allowed"),
    ] {
        assert_eq!(check(user, "", |e| e.cluster_role("a", new, old)), expected);
    }
}

#[test]
fn rules_with_millions_of_combinations_are_denied_at_once() {
    let many = |prefix: &str| {
        (0..3000)
            .map(|n| format!("{prefix}{n}"))
            .collect::<Vec<_>>()
    };
    let big = PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(many("r")),
        verbs: many("v"),
        ..PolicyRule::default()
    };
    let manager = user("manager", &[]);
    let message = check(&manager, "ns", |e| e.role("", std::slice::from_ref(&big)));
    assert!(message.contains("9000000, at most 10000"), "{message}");
    let all = user("all", &[]);
    assert_eq!(
        check(&all, "ns", |e| e.role("", std::slice::from_ref(&big))),
        "allowed"
    );
}
