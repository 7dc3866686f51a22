use serde_json::{Value, json};

use super::*;

/// The errors of a policy with one mutation, and these changes of its spec.
fn errors(mutation: &Value, change: &Value) -> Vec<String> {
    let mut policy = json!({"metadata": {"name": "p"}, "spec": {"reinvocationPolicy": "Never",
        "matchConstraints": {"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
            "operations": ["CREATE"], "resources": ["pods"]}]},
        "mutations": [mutation]}});
    for (field, value) in change.as_object().unwrap() {
        policy["spec"][field] = value.clone();
    }
    let mut policy = serde_json::from_value(policy).unwrap();
    Strategy::default(&MutatingAdmissionPolicyStrategy, &mut policy);
    let errors = Strategy::validate(&MutatingAdmissionPolicyStrategy, &policy);
    errors.iter().map(ToString::to_string).collect()
}

fn apply(expression: &str) -> Value {
    json!({"patchType": "ApplyConfiguration", "applyConfiguration": {"expression": expression}})
}

fn operations(expression: &str) -> Value {
    json!({"patchType": "JSONPatch", "jsonPatch": {"expression": expression}})
}

#[test]
fn mutations_are_of_their_types() {
    let of = |mutation| errors(&mutation, &json!({}));
    assert_eq!(
        of(apply("Object{spec: Object.spec{hostNetwork: false}}")),
        [""; 0]
    );
    assert_eq!(
        of(operations(
            "[JSONPatch{op: 'add', path: '/metadata/labels/' + jsonpatch.escapeKey('a/b'), value: 'c'}]"
        )),
        [""; 0]
    );
    assert_eq!(
        of(apply("true")),
        [
            "spec.mutations[0].applyConfiguration.expression: Invalid value: \"true\": must evaluate to Object but got bool"
        ]
    );
    assert_eq!(
        of(operations("Object{}")),
        [
            "spec.mutations[0].jsonPatch.expression: Invalid value: \"Object{}\": must evaluate to list(JSONPatch) but got Object"
        ]
    );
    assert_eq!(
        of(operations(" ")),
        ["spec.mutations[0].jsonPatch.expression: Required value"]
    );
}

#[test]
fn a_mutation_has_one_patch() {
    let of = |mutation| errors(&mutation, &json!({}));
    assert_eq!(
        of(json!({"patchType": ""})),
        ["spec.mutations[0].patchType: Required value"]
    );
    assert_eq!(
        of(json!({"patchType": "Merge"})),
        [
            "spec.mutations[0].patchType: Unsupported value: \"Merge\": supported values: \"ApplyConfiguration\", \"JSONPatch\""
        ]
    );
    assert_eq!(
        of(json!({"patchType": "JSONPatch", "applyConfiguration": {"expression": "Object{}"}})),
        [
            "spec.mutations[0].jsonPatch: Required value: must be specified when patchType is JSONPatch",
            "spec.mutations[0].applyConfiguration: Invalid value: \"{applyConfiguration}\": must not be specified when patchType is JSONPatch",
        ]
    );
}

#[test]
fn policies_match_only_mutable_operations() {
    let constraints = json!({"resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"],
        "operations": ["CREATE", "DELETE"], "resources": ["pods"]}]});
    assert_eq!(
        errors(
            &apply("Object{}"),
            &json!({"matchConstraints": constraints})
        ),
        [
            "spec.matchConstraints.resourceRules.operations: Unsupported value: \"DELETE\": supported values: \"CREATE\", \"UPDATE\""
        ]
    );
    assert_eq!(
        errors(
            &apply("Object{}"),
            &json!({"mutations": [], "reinvocationPolicy": "Always"})
        ),
        [
            "spec.mutations: Required value: mutations must contain at least one item",
            "spec.reinvocationPolicy: Unsupported value: \"Always\": supported values: \"IfNeeded\", \"Never\"",
        ]
    );
}
