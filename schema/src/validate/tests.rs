use serde_json::{Value, json};

use super::*;
use crate::testing::schema;

fn errors(of: Value, object: &Value) -> Vec<String> {
    let findings = schema(of).validate(object);
    findings.errors.iter().map(ToString::to_string).collect()
}

fn property(of: &Value) -> Value {
    json!({"type": "object", "properties": {"x": of}})
}

#[test]
fn every_keyword_has_its_message() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../testdata/keywords.json")).unwrap();
    for case in cases {
        let found = errors(property(&case["schema"]), &json!({"x": case["value"]}));
        assert_eq!(json!(found), json!([case["error"]]), "{case}");
    }
}

#[test]
fn the_errors_of_the_closest_branch_are_reported() {
    let any = json!({"type": "integer", "anyOf": [{"maximum": 3}, {"minimum": 10}]});
    assert_eq!(
        errors(property(&any), &json!({"x": 5})),
        [
            r#"<nil>: Invalid value: "": "x" must validate at least one schema (anyOf)"#,
            "x: Invalid value: 5: x in body should be less than or equal to 3",
        ]
    );
    let one = json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "oneOf": [{"required": ["a"]}, {"required": ["b"], "properties": {"a": {"minimum": 3}}}]});
    assert_eq!(
        errors(property(&one), &json!({"x": {}})),
        [
            r#"<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found none valid"#,
            "x.a: Required value"
        ]
    );
    assert_eq!(
        errors(property(&one), &json!({"x": {"a": 5, "b": 1}})),
        [
            r#"<nil>: Invalid value: "": "x" must validate one and only one schema (oneOf). Found 2 valid alternatives"#
        ]
    );
    let all = json!({"type": "integer", "allOf": [{"maximum": 3}, {"minimum": 1}]});
    assert_eq!(
        errors(property(&all), &json!({"x": 5})),
        [
            "x: Invalid value: 5: x in body should be less than or equal to 3",
            r#"<nil>: Invalid value: "": "x" must validate all the schemas (allOf)"#,
        ]
    );
}

#[test]
fn unchanged_values_do_not_fail_an_update() {
    let item = json!({"type": "object", "properties": {"name": {"type": "string"}, "v": {"type": "integer", "maximum": 3}}});
    let list = |kind: &str| match kind {
        "map" => {
            json!({"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]})
        }
        "" => json!({"type": "array", "items": item}),
        kind => json!({"type": "array", "items": item, "x-kubernetes-list-type": kind}),
    };
    let old = json!([{"name": "a", "v": 9}, {"name": "b", "v": 1}]);
    let reordered = json!([{"name": "c", "v": 1}, {"name": "a", "v": 9}]);
    let appended = json!([{"name": "a", "v": 9}, {"name": "b", "v": 2}]);
    for (kind, new, count) in [
        ("map", &reordered, 0),
        ("map", &appended, 0),
        ("", &reordered, 1),
        ("", &appended, 1),
        ("", &old, 0),
        ("atomic", &appended, 1),
        ("atomic", &old, 0),
    ] {
        let of = schema(property(&list(kind)));
        let findings = of.validate_update(&json!({"x": new}), &json!({"x": old}));
        assert_eq!(findings.errors.len(), count, "{kind} {new}");
        assert_eq!(of.validate(&json!({"x": new})).errors.len(), 1);
    }
}

#[test]
fn a_list_of_type_map_is_unchanged_in_any_order() {
    let item = json!({"type": "object", "properties": {"name": {"type": "string"}}});
    let list = json!({"type": "array", "items": item, "maxItems": 1, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]});
    let of = schema(property(&list));
    let x = |names: [&str; 2]| json!({"x": names.map(|name| json!({"name": name}))});
    for (new, count) in [(["b", "a"], 0), (["b", "c"], 1), (["a", "a"], 0)] {
        let findings = of.validate_update(&x(new), &x(["a", "b"]));
        assert_eq!(findings.errors.len(), count, "{new:?}");
    }
}

#[test]
fn items_in_branches_are_correlated_by_the_keys_of_the_list() {
    let item = json!({"type": "object", "properties": {"name": {"type": "string"}, "v": {"type": "integer"}}});
    let of = schema(property(&json!({"type": "array", "items": item,
        "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"],
        "allOf": [{"items": {"properties": {"v": {"maximum": 3}}}}]})));
    let old = json!({"x": [{"name": "a", "v": 9}]});
    let new = json!({"x": [{"name": "b", "v": 1}, {"name": "a", "v": 9}]});
    assert_eq!(of.validate_update(&new, &old).errors, []);
}

#[test]
fn values_in_branches_are_ratcheted() {
    let of = schema(
        json!({"type": "object", "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "allOf": [{"properties": {"a": {"maximum": 3}}}]}),
    );
    let old = json!({"a": 9, "b": 1});
    assert!(
        of.validate_update(&json!({"a": 9, "b": 2}), &old)
            .errors
            .is_empty()
    );
    assert_eq!(
        of.validate_update(&json!({"a": 8, "b": 2}), &old)
            .errors
            .len(),
        2
    );
}

#[test]
fn some_errors_block_rules() {
    for (keyword, value, blocks) in [
        (json!({"type": "string"}), json!(1), true),
        (
            json!({"type": "string", "pattern": "^a$"}),
            json!("b"),
            false,
        ),
        (json!({"type": "string", "maxLength": 1}), json!("ab"), true),
    ] {
        assert_eq!(
            schema(property(&keyword))
                .validate(&json!({"x": value}))
                .blocks_rules,
            blocks
        );
    }
}

#[test]
fn errors_and_time_are_limited() {
    let branches: Vec<Value> = (0..200)
        .map(|i| json!({"enum": [format!("{i}")]}))
        .collect();
    let of = schema(json!({"type": "array", "items": {"type": "string", "anyOf": branches}}));
    let findings = of.validate(&Value::Array(vec![json!("x"); 100_000]));
    assert!(findings.errors.len() <= 1001);
    let last = findings.errors.last().unwrap();
    assert_eq!(
        last.body(),
        "Internal error: validation against the schema takes too long"
    );
}

#[test]
fn paths_below_a_base_match_upstream() {
    let base = Path::new("status");
    let options = Options {
        base: Some(&base),
        ..Options::default()
    };
    let of = schema(
        json!({"type": "object", "properties": {"a": {"type": "string"}}, "not": {"required": ["b"]}}),
    );
    let findings = of.root().validate(&json!({"a": 1, "b": 1}), options);
    let fields: Vec<_> = findings.errors.iter().map(|e| e.field.as_str()).collect();
    assert_eq!(fields, ["status", "status.a"]);
}
