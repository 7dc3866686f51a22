use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{mistakes, prepared, update_mistakes, written};

/// A configuration of one webhook.
fn of_hook(extra: &Value) -> Value {
    let mut hook = json!({"name": "a.b.c", "sideEffects": "None", "admissionReviewVersions": ["v1"],
        "clientConfig": {"service": {"name": "s", "namespace": "n"}},
        "rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]}]});
    for (key, value) in extra.as_object().unwrap() {
        hook[key] = value.clone();
    }
    json!({"webhooks": [hook]})
}

fn of_rule(extra: &Value) -> Value {
    let mut rule = json!({"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"]});
    for (key, value) in extra.as_object().unwrap() {
        rule[key] = value.clone();
    }
    of_hook(&json!({"rules": [rule]}))
}

#[test]
fn a_webhook_fails_closed_after_ten_seconds_by_default() {
    let hook = written(&prepared(&MUTATING, &of_hook(&json!({}))))["webhooks"][0].clone();
    for (field, value) in [
        ("failurePolicy", json!("Fail")),
        ("matchPolicy", json!("Equivalent")),
        ("reinvocationPolicy", json!("Never")),
        ("namespaceSelector", json!({})),
        ("objectSelector", json!({})),
        ("timeoutSeconds", json!(10)),
    ] {
        assert_eq!(hook[field], value, "{field}");
    }
    assert_eq!(
        (
            &hook["rules"][0]["scope"],
            &hook["clientConfig"]["service"]["port"]
        ),
        (&json!("*"), &json!(443))
    );
}

#[test]
fn names_and_fields_of_webhooks_are_validated() {
    let at = "webhooks[0]";
    for (extra, wrong) in [
        (json!({}), vec![]),
        (
            json!({"name": "a.b"}),
            vec![
                ".name: Invalid value: \"a.b\": should be a domain with at least three segments separated by dots",
            ],
        ),
        (
            json!({"sideEffects": null}),
            vec![".sideEffects: Required value: must specify one of None, NoneOnDryRun"],
        ),
        (
            json!({"sideEffects": ""}),
            vec![".sideEffects: Required value: must specify one of None, NoneOnDryRun"],
        ),
        (
            json!({"sideEffects": "Some"}),
            vec![
                ".sideEffects: Unsupported value: \"Some\": supported values: \"None\", \"NoneOnDryRun\"",
            ],
        ),
        (
            json!({"timeoutSeconds": 31}),
            vec![
                ".timeoutSeconds: Invalid value: 31: the timeout value must be between 1 and 30 seconds",
            ],
        ),
        (
            json!({"admissionReviewVersions": []}),
            vec![".admissionReviewVersions: Required value: must specify one of v1, v1beta1"],
        ),
        (
            json!({"admissionReviewVersions": ["v7", "v7"]}),
            vec![
                ".admissionReviewVersions[1]: Invalid value: \"v7\": duplicate version",
                ".admissionReviewVersions: Invalid value: []string{\"v7\", \"v7\"}: must include at least one of v1, v1beta1",
            ],
        ),
        (
            json!({"failurePolicy": "x"}),
            vec![
                ".failurePolicy: Unsupported value: \"x\": supported values: \"Fail\", \"Ignore\"",
            ],
        ),
        (
            json!({"clientConfig": {}}),
            vec![".clientConfig: Required value: exactly one of url or service is required"],
        ),
        (
            json!({"clientConfig": {"url": "http://u:p@h/p?q#f"}}),
            vec![
                ".clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
                ".clientConfig.url: Invalid value: \"u:p\": user information is not permitted in the URL",
                ".clientConfig.url: Invalid value: \"f\": fragments are not permitted in the URL",
                ".clientConfig.url: Invalid value: \"q\": query parameters are not permitted in the URL",
            ],
        ),
        (
            json!({"clientConfig": {"service": {"name": "", "namespace": "n", "port": 0, "path": "a//é"}}}),
            vec![
                ".clientConfig.service.namespace: Required value: service namespace is required",
                ".clientConfig.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive",
                ".clientConfig.service.path: Invalid value: \"a//é\": must start with a '/'",
                ".clientConfig.service.path: Invalid value: \"a//é\": segment[0] may not be empty",
                ".clientConfig.service.path: Invalid value: \"a//é\": segment[1] may not be empty",
            ],
        ),
    ] {
        let wrong: Vec<_> = wrong.iter().map(|w| format!("{at}{w}")).collect();
        let mut found = mistakes(&VALIDATING, &of_hook(&extra));
        found.truncate(wrong.len().max(1));
        assert_eq!(found, wrong, "{extra}");
    }
}

#[test]
fn conditions_are_expressions_over_a_request() {
    let at = "webhooks[0].matchConditions";
    let condition = |name: &str, expression: &str| json!({"name": name, "expression": expression});
    let many: Vec<_> = (0..65)
        .map(|n| condition(&format!("n{n}"), "true"))
        .collect();
    let fine = condition(
        "a.b/c",
        "request.operation == 'CREATE' && object.x == oldObject.x",
    );
    for (conditions, wrong) in [
        (json!([fine]), vec![]),
        (
            json!(many),
            vec![": Too many: 65: must have at most 64 items"],
        ),
        (
            json!([condition("", " ")]),
            vec!["[0].expression: Required value", "[0].name: Required value"],
        ),
        (
            json!([condition("a", "1")]),
            vec!["[0].expression: Invalid value: \"1\": must evaluate to bool but got int"],
        ),
        (
            json!([condition("a", "request.x"), condition("a", "true")]),
            vec![
                "[0].expression: Invalid value: \"request.x\": compilation failed: ERROR: <input>:1:8: undefined field 'x'\n | request.x\n | .......^",
                "[1].name: Duplicate value: \"a\"",
            ],
        ),
    ] {
        let wrong: Vec<_> = wrong.iter().map(|w| format!("{at}{w}")).collect();
        let configuration = of_hook(&json!({"matchConditions": conditions}));
        assert_eq!(mistakes(&VALIDATING, &configuration), wrong, "{conditions}");
        let stored = update_mistakes(&VALIDATING, &configuration, &configuration);
        assert!(
            stored.iter().all(|w| !w.contains("expression")),
            "{stored:?}"
        );
    }
}

#[test]
fn rules_match_everything_or_something() {
    let at = "webhooks[0].rules[0]";
    for (extra, wrong) in [
        (
            json!({"operations": []}),
            vec![".operations: Required value"],
        ),
        (
            json!({"operations": ["*", "CREATE"]}),
            vec![
                ".operations: Invalid value: []admissionregistration.OperationType{\"*\", \"CREATE\"}: if '*' is present, must not specify other operations",
            ],
        ),
        (
            json!({"apiGroups": ["*", "a"]}),
            vec![
                ".apiGroups: Invalid value: []string{\"*\", \"a\"}: if '*' is present, must not specify other API groups",
            ],
        ),
        (
            json!({"apiVersions": [""]}),
            vec![".apiVersions[0]: Required value"],
        ),
        (
            json!({"resources": ["a/*", "a/b"]}),
            vec![
                ".resources[1]: Invalid value: \"a/b\": if 'a/*' is present, must not specify a/b",
            ],
        ),
        (
            json!({"resources": ["*/*", "a"]}),
            vec![
                ".resources: Invalid value: []string{\"*/*\", \"a\"}: if '*/*' is present, must not specify other resources",
            ],
        ),
        (
            json!({"resources": ["*", "a"]}),
            vec![
                ".resources: Invalid value: []string{\"*\", \"a\"}: if '*' is present, must not specify other resources without subresources",
            ],
        ),
        (
            json!({"scope": "x"}),
            vec![
                ".scope: Unsupported value: \"x\": supported values: \"*\", \"Cluster\", \"Namespaced\"",
            ],
        ),
    ] {
        let wrong: Vec<_> = wrong.iter().map(|w| format!("{at}{w}")).collect();
        assert_eq!(mistakes(&MUTATING, &of_rule(&extra)), wrong, "{extra}");
    }
}

#[test]
fn errors_of_the_old_object_are_tolerated() {
    let one =
        of_hook(&json!({"sideEffects": "Some", "admissionReviewVersions": ["v7"]}))["webhooks"][0]
            .clone();
    let bad = json!({"webhooks": [one, one]});
    assert_eq!(mistakes(&VALIDATING, &bad).len(), 5);
    assert!(update_mistakes(&VALIDATING, &bad, &bad).is_empty());
}
