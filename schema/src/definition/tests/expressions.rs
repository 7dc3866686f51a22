use super::*;

fn with_schema(schema: &Value) -> Value {
    let mut definition = plain();
    definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = schema.clone();
    definition
}

#[test]
fn expressions_match_their_goldens() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../testdata/expressions.json")).unwrap();
    for case in cases {
        let found = errors(&of(&with_schema(&case["schema"]), None), None);
        let expected = case["errors"].as_array().unwrap().iter();
        let expected: Vec<_> = expected
            .map(|e| {
                e.as_str()
                    .unwrap()
                    .replace('@', "spec.validation.openAPIV3Schema")
            })
            .collect();
        assert_eq!(found, expected, "{}", case["name"]);
    }
}

fn expensive(rules: usize, items: u64) -> Value {
    let rules = vec![json!({"rule": "self.contains('keyword')"}); rules];
    with_schema(
        &json!({"type": "object", "properties": {"l": {"type": "array", "maxItems": items,
        "items": {"type": "string", "maxLength": 5000, "x-kubernetes-validations": rules}}}}),
    )
}

#[test]
fn an_unchanged_schema_may_have_rules_that_cost_too_much() {
    let old = of(&expensive(1, 5500), None);
    let found = errors(&old, None);
    assert!(
        matches!(&*found, [one] if one.contains(".rule: Forbidden: estimated rule cost exceeds budget by factor of 1.10")),
        "{found:?}"
    );
    assert!(errors(&of(&expensive(1, 5500), Some(&old)), Some(&old)).is_empty());
    let changed = expensive(1, 5501);
    assert_eq!(errors(&of(&changed, Some(&old)), Some(&old)).len(), 1);
}

#[test]
fn the_rules_of_a_schema_are_limited_together() {
    let found = errors(&of(&expensive(30, 4000), None), None);
    assert_eq!(found.len(), 5, "{found:?}");
    let contributed = |e: &String| e.contains("contributed to estimated rule cost total");
    assert!(found[..4].iter().all(contributed), "{found:?}");
    assert!(found[4].starts_with(
        "spec.validation.openAPIV3Schema: Forbidden: x-kubernetes-validations estimated rule cost total for entire \
         OpenAPIv3 schema exceeds budget by factor of 2.4x"
    ));
}

/// Upstream's tests have no texts.
#[test]
fn definitions_with_rules_have_the_errors_of_upstream() {
    let cases: Vec<Value> =
        serde_json::from_str(include_str!("../../../testdata/upstream_definitions.json")).unwrap();
    for case in cases {
        let new = of(&with_schema(&case["schema"]), None);
        let found = validate_definition(&new, None, &|_, _| Vec::new());
        let kind = |e: &FieldError| {
            let body = e.body();
            let kind = body.split(':').next().unwrap_or_default();
            format!(
                "{}: {kind}",
                e.field.replace("spec.validation.openAPIV3Schema", "@")
            )
        };
        let mut found: Vec<_> = found.iter().map(kind).collect();
        found.sort();
        assert_eq!(json!(found), case["errors"], "{}", case["name"]);
    }
}
