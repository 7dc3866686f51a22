mod upstream;

use portcullis_api::FieldError;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::testing::schema;

fn texts(errors: &[FieldError]) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn rules_match_their_goldens() {
    let rules: Vec<Value> =
        serde_json::from_str(include_str!("../../testdata/rules.json")).unwrap();
    for rule in rules {
        let schema = schema(rule["schema"].clone());
        for case in rule["cases"].as_array().unwrap() {
            let found = schema.validate_rules(&case["object"], case.get("old"));
            assert_eq!(
                json!(texts(&found)),
                case["errors"],
                "{}: {case}",
                rule["name"]
            );
        }
    }
}

fn of_items(rule: &Value) -> Value {
    json!({"type": "object", "properties": {"list": {"type": "array", "items":
        {"type": "string", "x-kubernetes-validations": [rule]}}}})
}

#[test]
fn an_expensive_evaluation_ends_all() {
    let rule = json!({"rule": "self.matches('(a|b)+c')", "message": "no c"});
    let long = "ab".repeat(4_000_000);
    let found = schema(of_items(&rule)).validate_rules(&json!({"list": [long, "d"]}), None);
    assert_eq!(
        texts(&found),
        [
            "list[0]: Invalid value: \"string\": 'operation cancelled: actual cost limit exceeded': no further \
             validation rules will be run due to call cost exceeds limit for rule: no c"
        ]
    );
}

#[test]
fn all_evaluations_for_an_object_share_a_budget() {
    let rule = json!({"rule": "self.matches('(a|b)+')"});
    let items = vec!["ab".repeat(1_500_000); 50];
    let found = schema(of_items(&rule)).validate_rules(&json!({"list": items}), None);
    assert_eq!(
        texts(&found),
        [
            "list[16]: Invalid value: \"string\": validation failed due to running out of cost budget, no further \
             validation rules will be run"
        ]
    );
}

#[test]
fn work_that_costs_little_is_limited_too() {
    // a dynamic expression is compiled for every item
    let rule = json!({"rule": "'b'.matches(self)"});
    let items: Vec<_> = (0..100_000).map(|i| format!("{i}|b")).collect();
    let found = schema(of_items(&rule)).validate_rules(&json!({"list": items}), None);
    assert_eq!(found.len(), 1);
    assert!(found[0].detail.contains("running out of cost budget"));
}

#[test]
fn an_expensive_message_ends_all() {
    let rule =
        json!({"rule": "self == 'x'", "messageExpression": "self.matches('(a|b)+c') ? 'a' : 'b'"});
    let long = "ab".repeat(4_000_000);
    let found = schema(of_items(&rule)).validate_rules(&json!({"list": [long, "d"]}), None);
    assert_eq!(
        texts(&found),
        [
            "list[0]: Invalid value: \"string\": no further validation rules will be run due to call cost exceeds \
             limit for messageExpression: \"self.matches('(a|b)+c') ? 'a' : 'b'\""
        ]
    );
}

#[test]
fn errors_are_limited() {
    let items = vec!["x"; 100_000];
    let found = schema(of_items(&json!({"rule": "self == 'y'"})))
        .validate_rules(&json!({"list": items}), None);
    assert_eq!(found.len(), 1000);
}

#[test]
fn a_schema_without_rules_compiles_nothing() {
    let schema = schema(json!({"type": "object", "properties": {"x": {"type": "integer"}}}));
    assert!(!schema.has_rules());
    assert!(schema.validate_rules(&json!({"x": 1}), None).is_empty());
    assert!(schema.programs.get().is_none());
}

#[test]
fn rules_are_compiled_once() {
    let schema = schema(of_items(&json!({"rule": "self == 'y'"})));
    assert!(schema.programs.get().is_none());
    let first: *const _ = schema.programs();
    schema.validate_rules(&json!({"list": ["x"]}), None);
    assert!(std::ptr::eq(first, schema.programs()));
}

#[test]
fn a_large_schema_is_converted_once_for_all_of_its_rules() {
    let rules = json!([{"rule": "has(self.x)"}]);
    let leaves: serde_json::Map<_, _> = (0..2000)
        .map(|i| (format!("f{i}"), json!({"type": "string"})))
        .collect();
    let mut value = json!({"type": "object", "properties": leaves});
    for _ in 0..100 {
        value = json!({"type": "object", "properties": {"x": value}, "x-kubernetes-validations": rules});
    }
    let schema = schema(value);
    let start = std::time::Instant::now();
    schema.programs();
    assert!(start.elapsed().as_secs() < 5);
}

#[test]
fn rules_at_the_deepest_level_run_on_a_small_stack() {
    let rules = json!([{"rule": "self < 5"}]);
    let mut value = json!({"type": "integer", "x-kubernetes-validations": rules});
    let mut object = json!(7);
    for _ in 0..crate::DEPTH_MAX / 2 - 1 {
        value =
            json!({"type": "array", "items": {"type": "object", "additionalProperties": value}});
        object = json!([{"k": object}]);
    }
    let of = json!({"type": "object", "properties": {"x": value}});
    let schema = schema(of);
    let object = json!({"x": object});
    let run = move || schema.validate_rules(&object, Some(&object)).len();
    // unchanged, so no error
    let thread = std::thread::Builder::new().stack_size(1 << 20);
    assert_eq!(thread.spawn(run).unwrap().join().unwrap(), 0);
}

/// Parts of rules, most of which fit together.
const PARTS: [&str; 28] = [
    "self",
    "oldSelf",
    ".a",
    ".b",
    ".m",
    ".l",
    "['k']",
    "[0]",
    "[-1]",
    ".?a",
    " == ",
    " > ",
    " && ",
    " + ",
    " ? ",
    " : ",
    "1",
    "'k'",
    "has(",
    "size(",
    ")",
    "(",
    ".all(x, ",
    ".map(x, ",
    "x",
    "!",
    "dyn(",
    ".hasValue()",
];

proptest! {
    #[test]
    fn no_rule_and_no_object_panics(
        parts in prop::collection::vec(prop::sample::select(&PARTS[..]), 1..12),
        numbers in prop::collection::vec(any::<i64>(), 3),
        odd in prop::sample::select(vec![json!(null), json!({}), json!([]), json!("x"), json!(1.5), json!([null])]),
        optional in any::<Option<bool>>(),
    ) {
        let rule = json!({"rule": parts.concat(), "messageExpression": parts.concat(), "optionalOldSelf": optional});
        let part = |of: Value| {
            let mut of = of;
            of["x-kubernetes-validations"] = json!([rule]);
            of
        };
        let schema = schema(part(json!({"type": "object", "properties": {
            "a": part(json!({"type": "integer"})),
            "b": part(json!({"x-kubernetes-int-or-string": true})),
            "m": part(json!({"type": "object", "additionalProperties": part(json!({"type": "number"}))})),
            "l": part(json!({"type": "array", "items": part(json!({"type": "string", "format": "date-time"}))})),
        }})));
        let new = json!({"a": numbers[0], "b": odd, "m": {"k": numbers[1]}, "l": ["2020-01-01T00:00:00Z", odd]});
        let old = json!({"a": odd, "b": numbers[2], "m": odd, "l": odd});
        schema.validate_rules(&new, None);
        schema.validate_rules(&new, Some(&old));
        schema.validate_rules(&old, Some(&new));
    }
}
