//! The tests of upstream's validator. There, most objects are not resources; here, they are a field of one.

use serde_json::{Value, json};

use super::texts;
use crate::testing::schema;

/// The errors of an object, under the name `root` unless it is a resource.
fn errors(case: &Value, of_object: &Value) -> Vec<String> {
    if case.get("root").is_some() {
        let whole = schema(of_object.clone());
        return texts(&whole.validate_rules(&case["object"], case.get("old")));
    }
    let whole = json!({"type": "object", "properties": {"root": of_object}});
    let wrap = |value: &Value| json!({"root": value});
    let old = case.get("old").map(wrap);
    let found = schema(whole).validate_rules(&wrap(&case["object"]), old.as_ref());
    texts(&found)
}

#[test]
fn expressions_have_the_results_of_upstream() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../testdata/upstream_expressions.json")).unwrap();
    let mut wrong = Vec::new();
    for case in &cases {
        let result = |rule: &str| {
            let mut with_rule = case["schema"].clone();
            with_rule["x-kubernetes-validations"] = json!([{"rule": rule}]);
            errors(case, &with_rule)
        };
        for rule in case["valid"].as_array().unwrap() {
            let found = result(rule.as_str().unwrap());
            if !found.is_empty() {
                wrong.push(format!("{}: {rule}: {found:?}", case["name"]));
            }
        }
        for (rule, text) in case["errors"].as_object().unwrap() {
            let found = result(rule);
            let text = text.as_str().unwrap();
            if !matches!(&*found, [one] if one.contains(text)) {
                wrong.push(format!("{}: {rule}: {found:?}, not {text}", case["name"]));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn rules_have_the_errors_of_upstream() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../testdata/upstream_rules.json")).unwrap();
    for case in &cases {
        let found = errors(case, &case["schema"]);
        let expected = case["errors"].as_array().unwrap();
        let has = |text: &str| found.iter().any(|e| e.contains(text));
        let all = expected.iter().all(|text| has(text.as_str().unwrap()));
        assert!(
            all && found.len() == expected.len(),
            "{}: {found:#?}, not {expected:#?}",
            case["name"]
        );
    }
}
