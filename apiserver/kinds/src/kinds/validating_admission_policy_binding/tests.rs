use serde_json::{Value, json};

use super::*;

fn binding(spec: &Value) -> ValidatingAdmissionPolicyBinding {
    let binding = json!({"metadata": {"name": "b"}, "spec": spec});
    let mut binding = serde_json::from_value(binding).unwrap();
    Strategy::default(&ValidatingAdmissionPolicyBindingStrategy, &mut binding);
    binding
}

fn errors(spec: &Value) -> Vec<String> {
    let errors = Strategy::validate(&ValidatingAdmissionPolicyBindingStrategy, &binding(spec));
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn actions_are_a_set_without_contradictions() {
    let actions =
        |actions: Value| errors(&json!({"policyName": "p", "validationActions": actions}));
    assert_eq!(actions(json!(["Deny", "Audit"])), [""; 0]);
    assert_eq!(
        actions(json!([])),
        ["spec.validationActions: Required value: at least one validation action is required"]
    );
    assert_eq!(
        actions(json!(["Deny", "Warn"])),
        [
            "spec.validationActions: Invalid value: []admissionregistration.ValidationAction{\"Deny\", \"Warn\"}: must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)"
        ]
    );
    assert_eq!(
        actions(json!(["Log", "Audit", "Audit"])),
        [
            "spec.validationActions[0]: Unsupported value: \"Log\": supported values: \"Audit\", \"Deny\", \"Warn\"",
            "spec.validationActions[2]: Duplicate value: \"Audit\"",
        ]
    );
}

#[test]
fn parameters_are_named_or_selected() {
    let reference = |reference: Value| {
        errors(&json!({"policyName": "p", "validationActions": ["Deny"], "paramRef": reference}))
    };
    let action = "Deny";
    assert_eq!(
        reference(json!({"name": "a", "parameterNotFoundAction": action})),
        [""; 0]
    );
    assert_eq!(
        reference(json!({"selector": {}, "parameterNotFoundAction": action})),
        [""; 0]
    );
    assert_eq!(
        reference(json!({})),
        [
            "spec.paramRef: Required value: one of name or selector must be specified",
            "spec.paramRef.parameterNotFoundAction: Required value",
        ]
    );
    assert_eq!(
        reference(json!({"name": "a", "parameterNotFoundAction": ""})),
        ["spec.paramRef.parameterNotFoundAction: Required value"]
    );
    assert_eq!(
        reference(json!({"name": "a", "selector": {}, "parameterNotFoundAction": "Ask"})),
        [
            "spec.paramRef.name: Forbidden: name and selector are mutually exclusive",
            "spec.paramRef.selector: Forbidden: name and selector are mutually exclusive",
            "spec.paramRef.parameterNotFoundAction: Unsupported value: \"Ask\": supported values: \"Deny\", \"Allow\"",
        ]
    );
}

#[test]
fn a_policy_must_be_named() {
    assert_eq!(
        errors(&json!({"policyName": "", "validationActions": ["Deny"]})),
        ["spec.policyName: Required value"]
    );
    let odd = errors(&json!({"policyName": "A", "validationActions": ["Deny"],
        "matchResources": {"matchPolicy": "Near"}}));
    assert!(
        odd[0].starts_with("spec.policyName: Invalid value: \"A\": a lowercase RFC 1123 subdomain")
    );
    assert_eq!(
        odd[1],
        "spec.matchResouces.matchPolicy: Unsupported value: \"Near\": supported values: \"Equivalent\", \"Exact\""
    );
}

#[test]
fn a_row_shows_the_parameters() {
    for (reference, shown) in [
        (Value::Null, "<unset>"),
        (json!({"name": "a"}), "*/a"),
        (json!({"name": "a", "namespace": "n"}), "n/a"),
        (
            json!({"selector": {"matchLabels": {"k": "v"}, "matchExpressions": [
                {"key": "e", "operator": "In", "values": ["x", "y"]}]}}),
            "&LabelSelector{MatchLabels:map[string]string{k: v,},MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:e,Operator:In,Values:[x y],},},}",
        ),
    ] {
        let binding =
            binding(&json!({"policyName": "p", "validationActions": [], "paramRef": reference}));
        let cells = Strategy::cells(&ValidatingAdmissionPolicyBindingStrategy, &binding);
        assert_eq!(cells[1..3], [Cell::text("p"), Cell::text(shown)]);
    }
}
