use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{defaulted, mistakes};

const RULES: &FlowSchemaStrategy = &FlowSchemaStrategy;

fn schema(rule: &Value) -> Value {
    json!({"metadata": {"name": "s"},
        "spec": {"priorityLevelConfiguration": {"name": "l"}, "rules": [rule]}})
}

fn rule() -> Value {
    json!({"subjects": [{"kind": "Group", "group": {"name": "g"}}],
        "resourceRules": [{"verbs": ["get"], "apiGroups": [""], "resources": ["pods"],
            "namespaces": ["*"]}],
        "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["/healthz", "/livez/*"]}]})
}

#[test]
fn a_schema_is_of_a_level_and_has_rules() {
    assert!(mistakes(RULES, &schema(&rule())).is_empty());
    let shown = RULES.cells(&defaulted(RULES, &schema(&rule())));
    assert_eq!(shown[2], Cell::integer(1000));
    assert_eq!(shown[3], Cell::text("<none>"));
    let wrong = json!({"metadata": {"name": "s"}, "spec": {"matchingPrecedence": 1,
        "distinguisherMethod": {"type": "x"}}});
    assert_eq!(
        mistakes(RULES, &wrong),
        [
            "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
            "spec.distinguisherMethod.type: Unsupported value: flowcontrol.FlowDistinguisherMethod{Type:\"x\"}: supported values: \"ByNamespace\", \"ByUser\"",
            "spec.priorityLevelConfiguration.name: Required value: must reference a priority level"
        ]
    );
}

#[test]
fn what_is_wrong_with_a_rule_is_named() {
    let change = |pointer: &str, to: Value| {
        let mut rule = rule();
        *rule.pointer_mut(pointer).unwrap() = to;
        mistakes(RULES, &schema(&rule))
    };
    for (pointer, to, expected) in [
        (
            "/subjects",
            json!([]),
            "spec.rules[0].subjects: Required value: subjects must contain at least one value",
        ),
        (
            "/subjects/0/kind",
            json!("x"),
            "spec.rules[0].subjects[0].kind: Unsupported value: \"x\": supported values: \"Group\", \"ServiceAccount\", \"User\"",
        ),
        (
            "/subjects/0",
            json!({"kind": "User"}),
            "spec.rules[0].subjects[0].user: Required value: user is required when subject kind is 'User'",
        ),
        (
            "/resourceRules/0/verbs",
            json!(["*", "get"]),
            "spec.rules[0].resourceRules[0].verbs: Invalid value: []string{\"*\", \"get\"}: if '*' is present, must not specify other verbs",
        ),
        (
            "/resourceRules/0/namespaces",
            json!([]),
            "spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace",
        ),
        (
            "/nonResourceRules/0/nonResourceURLs",
            json!(["a"]),
            "spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: \"a\": must start with slash",
        ),
    ] {
        assert_eq!(change(pointer, to), [expected]);
    }
    let both = change(
        "/subjects/0",
        json!({"kind": "User", "user": {"name": "u"}, "group": {"name": "g"}}),
    );
    assert_eq!(
        both,
        [
            "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'"
        ]
    );
}
