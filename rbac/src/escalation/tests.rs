use std::sync::Arc;

use k8s_openapi::api::rbac::v1::AggregationRule;

use super::*;
use crate::testing::{
    binding, cluster_binding, cluster_role, named, role, role_ref, rule, urls, user,
};
use crate::{Privileged, RbacAuthorizer, Union};

/// `manager` may write roles and read pods, `trusted` may `escalate` and `bind` some of it, `half`
/// has a role that is gone besides.
fn check(
    who: &UserInfo,
    namespace: &str,
    ask: impl Fn(Escalation<'_>) -> Result<(), Refusal>,
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
        user: who,
        namespace,
    };
    match ask(escalation) {
        Ok(()) => "may".into(),
        Err(Refusal::Escalates(text)) => text,
        Err(Refusal::NoRole(what)) => format!("404 {what}"),
    }
}

#[test]
fn roles_give_what_their_writer_has() {
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
        // The log is his in one namespace only.
        (
            "",
            vec![rule(&["get"], &[""], &["pods/log"])],
            r#"{APIGroups:[""], Resources:["pods/log"], Verbs:["get"]}"#,
        ),
        // Verbs of one resource are put together, lines sorted, what he has left out.
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
            "may".into()
        } else {
            format!("{head}{missing}")
        };
        assert_eq!(check(&manager, namespace, |e| e.role("", &rules)), expected);
    }
}

#[test]
fn what_is_not_known_of_the_writer_is_said() {
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
fn escalate_and_bind_are_trust() {
    let trusted = user("trusted", &[]);
    let refused = |text: String| text.contains("is attempting to grant");
    let big = cluster_role("known", &everything());
    assert_eq!(
        check(&trusted, "ns", |e| e.role("known", &everything())),
        "may"
    );
    assert_eq!(
        check(&trusted, "", |e| e.cluster_role("known", &big, None)),
        "may"
    );
    // Trust in one name is none in others, nor in creations, which name nothing in their path.
    assert!(refused(
        check(&trusted, "", |e| e.cluster_role("", &big, None))
    ));
    assert_eq!(
        check(&trusted, "ns", |e| e.binding(&role_ref("ClusterRole/big"))),
        "may"
    );
    assert_eq!(
        check(&trusted, "", |e| e.binding(&role_ref("ClusterRole/big"))),
        "may"
    );
    assert!(refused(check(&trusted, "", |e| e
        .binding(&role_ref("ClusterRole/manager")))));
    assert_eq!(
        check(&user("x", &["system:masters"]), "", |e| e
            .role("", &everything())),
        "may"
    );
}

#[test]
fn bindings_hand_out_their_roles_rules() {
    let manager = user("manager", &[]);
    let bind =
        |namespace: &str, role: &str| check(&manager, namespace, |e| e.binding(&role_ref(role)));
    assert_eq!(bind("ns", "Role/small"), "may");
    assert_eq!(bind("ns", "ClusterRole/manager"), "may");
    assert!(bind("ns", "ClusterRole/big").ends_with(
        ":\n{APIGroups:[\"*\"], Resources:[\"*\"], Verbs:[\"*\"]}\n{NonResourceURLs:[\"*\"], Verbs:[\"*\"]}"
    ));
    let gone = "404 clusterrole.rbac.authorization.k8s.io \"none\" not found";
    assert_eq!(bind("ns", "ClusterRole/none"), gone);
    assert!(bind("other", "Role/small").starts_with("404 role."));
}

#[test]
fn aggregation_is_for_who_can_do_everything() {
    let plain = cluster_role("a", &[rule(&["get"], &[""], &["pods"])]);
    let mut gathers = plain.clone();
    gathers.aggregation_rule = Some(AggregationRule::default());
    let manager = user("manager", &[]);
    let refused = "must have cluster-admin privileges to use the aggregationRule";
    for (who, new, old, expected) in [
        (&manager, &plain, None, "may"),
        (&manager, &gathers, None, refused),
        (&manager, &gathers, Some(&plain), refused),
        (&manager, &plain, Some(&gathers), refused),
        (&user("all", &[]), &gathers, Some(&plain), "may"),
    ] {
        assert_eq!(check(who, "", |e| e.cluster_role("a", new, old)), expected);
    }
}

#[test]
fn rules_of_millions_of_combinations_are_refused_at_once() {
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
    let answer = check(&manager, "ns", |e| e.role("", std::slice::from_ref(&big)));
    assert!(answer.contains("9000000, at most 10000"), "{answer}");
    let all = user("all", &[]);
    assert_eq!(
        check(&all, "ns", |e| e.role("", std::slice::from_ref(&big))),
        "may"
    );
}
