use portcullis_api::ErrorList;
use serde_json::{Value, json};

use super::*;

/// A valid policy, with these changes to its spec.
fn policy(changes: &[(&str, Value)]) -> ValidatingAdmissionPolicy {
    let mut policy = json!({"metadata": {"name": "p.example.com"}, "spec": {
        "matchConstraints": {"resourceRules": [{"apiGroups": ["apps"], "apiVersions": ["v1"],
            "operations": ["CREATE"], "resources": ["deployments"]}]},
        "validations": [{"expression": "object.spec.replicas < 5"}]}});
    for (path, value) in changes {
        *policy["spec"].pointer_mut(path).unwrap() = value.clone();
    }
    defaulted(policy)
}

fn defaulted(policy: Value) -> ValidatingAdmissionPolicy {
    let mut policy = serde_json::from_value(policy).unwrap();
    Strategy::default(&ValidatingAdmissionPolicyStrategy, &mut policy);
    policy
}

/// A policy with additional fields.
fn with(fields: &Value) -> ValidatingAdmissionPolicy {
    let mut policy = serde_json::to_value(policy(&[])).unwrap();
    for (field, value) in fields.as_object().unwrap() {
        policy["spec"][field] = value.clone();
    }
    defaulted(policy)
}

fn errors(policy: &ValidatingAdmissionPolicy) -> Vec<String> {
    texts(&Strategy::validate(
        &ValidatingAdmissionPolicyStrategy,
        policy,
    ))
}

fn texts(errors: &ErrorList) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn unset_fields_are_defaulted() {
    let policy = policy(&[]);
    assert_eq!(errors(&policy), [""; 0]);
    let spec = serde_json::to_value(policy.spec).unwrap();
    assert_eq!(spec["failurePolicy"], "Fail");
    let constraints = &spec["matchConstraints"];
    assert_eq!(constraints["matchPolicy"], "Equivalent");
    assert_eq!(constraints["namespaceSelector"], json!({}));
    assert_eq!(constraints["objectSelector"], json!({}));
    assert_eq!(constraints["resourceRules"][0]["scope"], "*");
}

#[test]
fn something_must_be_checked() {
    let empty = defaulted(json!({"metadata": {"name": "p"}}));
    let what = "validations or auditAnnotations must contain at least one item";
    assert_eq!(
        errors(&empty),
        [
            "spec.matchConstraints: Required value".to_owned(),
            format!("spec.validations: Required value: {what}"),
            format!("spec.auditAnnotations: Required value: {what}"),
        ]
    );
    let no_rules = with(&json!({"matchConstraints": {}}));
    assert_eq!(
        errors(&no_rules),
        ["spec.matchConstraints.resourceRules: Required value"]
    );
}

#[test]
fn expressions_must_compile_to_their_types() {
    for (expression, error) in [
        (
            "object.x ==",
            "compilation failed: ERROR: <input>:1:12: Syntax error: mismatched input '<EOF>'",
        ),
        ("1 + 1", "must evaluate to bool but got int"),
        ("object.spec.replicas", "must evaluate to bool but got dyn"),
        (
            "params == null",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'params'",
        ),
        (
            "variables.x",
            "compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables'",
        ),
    ] {
        let found = errors(&policy(&[("/validations/0/expression", json!(expression))]));
        let [found] = &found[..] else {
            panic!("{found:?}");
        };
        let start =
            format!("spec.validations[0].expression: Invalid value: {expression:?}: {error}");
        assert!(found.starts_with(&start), "{found}");
    }
    let message = |text: &str| {
        let validation = json!([{"expression": "true", "messageExpression": text}]);
        errors(&with(&json!({"validations": validation})))
    };
    assert_eq!(message("'a'"), [""; 0]);
    assert_eq!(
        message("1"),
        [
            "spec.validations[0].messageExpression: Invalid value: \"1\": must evaluate to string but got int"
        ]
    );
    assert!(
        message("string(authorizer.path('/').check('get').allowed())")[0]
            .contains("undeclared reference to 'authorizer'")
    );
}

#[test]
fn parts_of_validations_are_checked() {
    let found = errors(&with(&json!({"validations": [
        {"expression": " ", "messageExpression": " ", "message": " ", "reason": "Odd"},
        {"expression": "true", "message": "a\nb", "reason": ""}]})));
    assert_eq!(
        found,
        [
            "spec.validations[0].expression: Required value: expression is not specified",
            "spec.validations[0].messageExpression: Invalid value: \" \": must be non-empty if specified",
            "spec.validations[0].message: Invalid value: \" \": message must be non-empty if specified",
            "spec.validations[0].reason: Unsupported value: \"Odd\": supported values: \"Forbidden\", \"Invalid\", \"RequestEntityTooLarge\"",
            "spec.validations[1].message: Invalid value: \"a\\nb\": message must not contain line breaks",
            "spec.validations[1].reason: Unsupported value: \"\": supported values: \"Forbidden\", \"Invalid\", \"RequestEntityTooLarge\"",
        ]
    );
}

#[test]
fn variables_are_compiled_in_their_order() {
    let variables = |variables: Value| {
        let validations = json!([{"expression": "variables.b > 1"}]);
        errors(&with(
            &json!({"variables": variables, "validations": validations}),
        ))
    };
    let one = |name: &str, expression: &str| json!({"name": name, "expression": expression});
    assert_eq!(
        variables(json!([one("a", "1"), one("b", "variables.a + 1")])),
        [""; 0]
    );
    let found = variables(json!([
        one("b", "variables.a"),
        one("1", "1"),
        one(" ", " ")
    ]));
    assert!(found[0].starts_with("spec.variables[0].expression: Invalid value: \"variables.a\": compilation failed: ERROR: <input>:1:10: undefined field 'a'"), "{found:?}");
    assert_eq!(
        found[1..],
        [
            "spec.variables[1].name: Invalid value: \"1\": name is not a valid CEL identifier",
            "spec.variables[2].name: Required value: name is not specified",
            "spec.variables[2].expression: Required value: expression is not specified",
        ]
    );
    let many: Vec<_> = (0..257).map(|i| one(&format!("v{i}"), "1")).collect();
    assert!(
        variables(json!(many))[0]
            .starts_with("spec.variables: Too many: 257: must have at most 256 items")
    );
}

#[test]
fn conditions_do_not_see_variables() {
    let found = errors(&with(
        &json!({"variables": [{"name": "a", "expression": "true"}],
        "matchConditions": [{"name": "c", "expression": "variables.a"}, {"name": "c", "expression": " "}]}),
    ));
    assert!(found[0].starts_with("spec.matchConditions[0].expression: Invalid value: \"variables.a\": compilation failed: ERROR: <input>:1:1: undeclared reference to 'variables'"), "{found:?}");
    assert_eq!(
        found[1..],
        [
            "spec.matchConditions[1].expression: Required value",
            "spec.matchConditions[1].name: Duplicate value: \"c\"",
        ]
    );
    let many: Vec<_> = (0..65)
        .map(|i| json!({"name": format!("c{i}"), "expression": "true"}))
        .collect();
    assert_eq!(
        errors(&with(&json!({"matchConditions": many}))),
        ["spec.matchConditions: Too many: 65: must have at most 64 items"]
    );
}

#[test]
fn a_kind_of_parameters_has_a_version_and_a_kind() {
    let kind = |api_version: &str, kind: &str| {
        errors(&with(
            &json!({"paramKind": {"apiVersion": api_version, "kind": kind}}),
        ))
    };
    assert_eq!(kind("v1", "ConfigMap"), [""; 0]);
    assert_eq!(kind("example.com/v1", "Limit"), [""; 0]);
    assert_eq!(
        kind("", ""),
        [
            "spec.paramKind.apiVersion: Required value",
            "spec.paramKind.kind: Required value",
        ]
    );
    assert_eq!(
        kind("a/b/c", "X"),
        [
            "spec.paramKind.apiVersion: Invalid value: \"a/b/c\": unexpected GroupVersion string: a/b/c"
        ]
    );
    assert_eq!(
        kind("/", "X"),
        ["spec.paramKind.apiVersion: Invalid value: \"/\": version must be specified"]
    );
    assert!(kind("v1", "Not a kind")[0].starts_with(
        "spec.paramKind.kind: Invalid value: \"Not a kind\": may have mixed case, but should otherwise match: a DNS-1035 label"
    ));
}

#[test]
fn annotations_have_keys_of_their_policy() {
    let found = errors(&with(&json!({"validations": [], "auditAnnotations": [
        {"key": "good", "valueExpression": "'a'"}, {"key": "good", "valueExpression": "null"},
        {"key": "b d", "valueExpression": "1"}, {"key": "e", "valueExpression": " "}]})));
    assert_eq!(
        found[0],
        "spec.auditAnnotations[1].key: Duplicate value: \"good\""
    );
    assert!(found[1].starts_with("spec.auditAnnotations[2].key: Invalid value: \"p.example.com/b d\": name part must consist of"), "{found:?}");
    assert_eq!(
        found[2..],
        [
            "spec.auditAnnotations[2].valueExpression: Invalid value: \"1\": must evaluate to one of [string null_type] but got int",
            "spec.auditAnnotations[3].valueExpression: Required value: valueExpression is not specified",
        ]
    );
    let many: Vec<_> = (0..21)
        .map(|i| json!({"key": format!("k{i}"), "valueExpression": "'a'"}))
        .collect();
    let found = errors(&with(&json!({"auditAnnotations": many})));
    assert!(found[0].starts_with("spec.auditAnnotations: Invalid value: []admissionregistration.AuditAnnotation{admissionregistration.AuditAnnotation{Key:\"k0\", ValueExpression:\"'a'\"}, "), "{found:?}");
    assert!(found[0].ends_with("must not have more than 20 auditAnnotations"));
}

#[test]
fn rules_and_selectors_are_checked() {
    let rule = "/matchConstraints/resourceRules/0/operations";
    assert_eq!(
        errors(&policy(&[(rule, json!(["GET"]))])),
        [
            "spec.matchConstraints.resourceRules[0].operations[0]: Unsupported value: \"GET\": supported values: \"*\", \"CONNECT\", \"CREATE\", \"DELETE\", \"UPDATE\""
        ]
    );
    let constraints = json!({"matchPolicy": "Near", "resourceRules": [{"apiGroups": ["*"],
        "apiVersions": ["*"], "operations": ["*"], "resources": ["*"], "resourceNames": ["a", "a", ".."]}]});
    assert_eq!(
        errors(&with(&json!({"matchConstraints": constraints}))),
        [
            "spec.matchConstraints.matchPolicy: Unsupported value: \"Near\": supported values: \"Equivalent\", \"Exact\"",
            "spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate value: \"a\"",
            "spec.matchConstraints.resourceRules[0].resourceNames[2]: Invalid value: \"..\": may not be '..'",
        ]
    );
}

#[test]
fn a_status_is_stored_and_validated() {
    let strategy = &ValidatingAdmissionPolicyStrategy;
    let status = json!({"typeChecking": {"expressionWarnings": [
        {"fieldRef": "spec.validations[0].expression", "warning": "w"}, {"fieldRef": "", "warning": ""}]}});
    let mut new = policy(&[]);
    new.status = Some(serde_json::from_value(status).unwrap());
    let old = policy(&[]);
    assert_eq!(
        texts(&Strategy::validate_status_update(strategy, &new, &old)),
        [
            "status.typeChecking.expressionWarnings[1].warning: Required value",
            "status.typeChecking.expressionWarnings[1].fieldRef: Required value",
        ]
    );
    Strategy::prepare_for_update(strategy, &mut new, &old);
    assert_eq!(new.status, None);
    let mut other = with(&json!({"failurePolicy": "Ignore"}));
    assert_eq!(Strategy::spec_changed(strategy, &other, &old), Some(true));
    Strategy::prepare_status_update(strategy, &mut other, &old);
    assert_eq!(other.spec, old.spec);
}

#[test]
fn a_row_shows_validations_and_parameters() {
    let cells = |policy: &ValidatingAdmissionPolicy| {
        let cells = Strategy::cells(&ValidatingAdmissionPolicyStrategy, policy);
        (cells[1].clone(), cells[2].clone())
    };
    assert_eq!(cells(&policy(&[])), (Cell::count(1), Cell::text("<unset>")));
    let params = with(&json!({"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}));
    assert_eq!(cells(&params).1, Cell::text("v1/ConfigMap"));
}
