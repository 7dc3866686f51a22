use super::*;
use crate::testing::{list, named, rule, urls, user};

/// `what` is like `apps/deployments/scale name` or `/healthz`.
fn allowed(rule: &PolicyRule, verb: &str, what: &str) -> bool {
    let user = user("x", &[]);
    let target = match what.strip_prefix('/') {
        Some(_) => Target::Path(what),
        None => {
            let (resource, name) = what.split_once(' ').unwrap_or((what, ""));
            let mut parts = resource.splitn(3, '/');
            let mut next = || parts.next().unwrap_or_default();
            Target::Resource(ResourceTarget {
                group: next(),
                resource: next(),
                subresource: next(),
                namespace: "ns",
                name,
                ..ResourceTarget::default()
            })
        }
    };
    allows(
        rule,
        &Attributes {
            user: &user,
            verb,
            target,
        },
    )
}

fn matches(cases: &[(PolicyRule, &str, &str, bool)]) {
    for (rule, verb, what, expected) in cases {
        let got = allowed(rule, verb, what);
        assert_eq!(got, *expected, "{verb} {what}: {}", Compact(rule));
    }
}

#[test]
fn resources_match_as_upstream() {
    matches(&[
        (rule(&["get"], &[""], &["pods"]), "get", "-/pods", false),
        (
            rule(&["get", "list"], &["apps"], &["deployments"]),
            "list",
            "apps/deployments",
            true,
        ),
        (
            rule(&["get", "list"], &["apps"], &["deployments"]),
            "watch",
            "apps/deployments",
            false,
        ),
        (
            rule(&["get"], &["apps"], &["deployments"]),
            "get",
            "extensions/deployments",
            false,
        ),
        (rule(&["*"], &["*"], &["*"]), "escalate", "x/y/z", true),
        (rule(&["*"], &["*"], &["*"]), "get", "/healthz", false),
        // Subresources are matched separately.
        (
            rule(&["get"], &["a"], &["pods"]),
            "get",
            "a/pods/log",
            false,
        ),
        (
            rule(&["get"], &["a"], &["pods/log"]),
            "get",
            "a/pods/log",
            true,
        ),
        (
            rule(&["get"], &["a"], &["pods/log"]),
            "get",
            "a/pods",
            false,
        ),
        (
            rule(&["get"], &["a"], &["*/log"]),
            "get",
            "a/pods/log",
            true,
        ),
        (
            rule(&["get"], &["a"], &["*/log"]),
            "get",
            "a/pods/logs",
            false,
        ),
        (rule(&["get"], &["a"], &["*/log"]), "get", "a/pods", false),
        (rule(&["get"], &["a"], &["*"]), "get", "a/pods/log", true),
        // These are not patterns.
        (
            rule(&["get"], &["a"], &["pods/*"]),
            "get",
            "a/pods/log",
            false,
        ),
        (rule(&["get"], &["a"], &["*/*"]), "get", "a/pods/log", false),
        (rule(&["get"], &["a"], &["po*"]), "get", "a/pods", false),
    ]);
}

#[test]
fn names_and_paths_match_as_upstream() {
    let psp = named(
        &["p"],
        rule(
            &["use"],
            &["policy", "extensions"],
            &["podsecuritypolicies"],
        ),
    );
    matches(&[
        (psp.clone(), "use", "policy/podsecuritypolicies p", true),
        (psp.clone(), "use", "extensions/podsecuritypolicies p", true),
        (psp.clone(), "use", "policy/podsecuritypolicies q", false),
        (psp, "use", "policy/podsecuritypolicies", false),
        (
            named(&["*"], rule(&["get"], &["a"], &["b"])),
            "get",
            "a/b c",
            false,
        ),
        (urls(&["get"], &["/healthz"]), "get", "/healthz", true),
        (urls(&["get"], &["/healthz"]), "get", "/healthz/etcd", false),
        (urls(&["get"], &["/healthz*"]), "get", "/healthz/etcd", true),
        (urls(&["get"], &["/healthz/*"]), "get", "/healthz", false),
        (urls(&["get"], &["*"]), "get", "/x", true),
        (urls(&["*"], &["/x"]), "post", "/x", true),
        (urls(&["get"], &["/*/x"]), "get", "/a/x", false),
        (urls(&["get"], &["*"]), "get", "a/b", false),
        (PolicyRule::default(), "get", "a/b", false),
    ]);
}

#[test]
fn covering_of_atoms() {
    let wide = rule(&["*"], &["*"], &["*"]);
    let pods = rule(&["get", "list"], &["", "apps"], &["pods", "*/scale"]);
    let alpha = named(&["alpha", "beta"], pods.clone());
    for (owned, wanted, expected) in [
        (&wide, rule(&["get"], &["x"], &["y/z"]), true),
        (&wide, urls(&["get"], &["/x"]), false),
        (&pods, rule(&["*"], &[""], &["pods"]), false),
        (&pods, rule(&["get"], &["*"], &["pods"]), false),
        (&pods, rule(&["get"], &[""], &["*"]), false),
        (&pods, rule(&["list"], &["apps"], &["pods"]), true),
        (&pods, rule(&["list"], &["apps"], &["sets/scale"]), true),
        (&pods, rule(&["list"], &["apps"], &["pods/log"]), false),
        (
            &pods,
            named(&["alpha"], rule(&["list"], &["apps"], &["pods"])),
            true,
        ),
        (
            &alpha,
            named(&["alpha"], rule(&["list"], &["apps"], &["pods"])),
            true,
        ),
        (
            &alpha,
            named(&["gamma"], rule(&["list"], &["apps"], &["pods"])),
            false,
        ),
        (&alpha, rule(&["list"], &["apps"], &["pods"]), false),
        (&urls(&["get"], &["/x/*"]), urls(&["get"], &["/x/y"]), true),
        (&urls(&["get"], &["/x/*"]), urls(&["get"], &["/x/*"]), true),
        (&urls(&["get"], &["/x/*"]), urls(&["get"], &["/x*"]), false),
        (&urls(&["get"], &["/x/*"]), urls(&["put"], &["/x/y"]), false),
    ] {
        assert_eq!(
            covers(owned, &wanted),
            expected,
            "{} {}",
            Compact(owned),
            Compact(&wanted)
        );
    }
}

#[test]
fn atoms_are_all_combinations() {
    let both = named(
        &["x", "y"],
        rule(&["get", "list"], &["", "apps"], &["pods"]),
    );
    let all: Vec<_> = atoms(&both)
        .map(|atom| Compact(&atom).to_string())
        .collect();
    assert_eq!(all.len(), 8);
    assert_eq!(
        all[0],
        r#"{APIGroups:[""], Resources:["pods"], ResourceNames:["x"], Verbs:["get"]}"#
    );
    let paths = urls(&["get", "post"], &["/a", "/b"]);
    assert_eq!(atoms(&paths).count(), 4);
    assert_eq!(atoms(&PolicyRule::default()).count(), 0);
    let verbless = PolicyRule {
        verbs: list(&[]),
        ..both
    };
    assert_eq!(atoms(&verbless).count(), 0);
}

#[test]
fn rules_are_formatted_as_in_go() {
    let odd = PolicyRule {
        resource_names: Some(list(&["a\"b", "ü", "\t"])),
        ..PolicyRule::default()
    };
    assert_eq!(
        Compact(&odd).to_string(),
        r#"{ResourceNames:["a\"b" "ü" "\t"]}"#
    );
    assert_eq!(Compact(&PolicyRule::default()).to_string(), "{}");
    assert_eq!(
        Compact(&urls(&["get"], &["/x"])).to_string(),
        r#"{NonResourceURLs:["/x"], Verbs:["get"]}"#
    );
}
