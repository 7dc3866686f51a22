//! Type-checks the expressions of a policy against the kinds in its rules. A mismatch is not an error, as
//! kinds may change.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/policy/validating/typechecking.go`.

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::{
    ExpressionWarning, NamedRuleWithOperations, ParamKind, ValidatingAdmissionPolicySpec,
};
use portcullis_api::GroupVersion;
use portcullis_cel::{Composition, DeclType, Environment};

use crate::catalogue::Catalogue;
use crate::declared::declared;
use crate::kinds::admission_policy::environment::Environments;
use crate::validation::{list, text};

/// How many kinds a policy is checked against.
const KINDS_MAX: usize = 10;

/// A kind, ordered by group, version and name.
type Kind = (String, String, String);

/// The warnings, one for each expression.
pub fn type_check(
    spec: &ValidatingAdmissionPolicySpec,
    catalogue: &Catalogue,
) -> Vec<ExpressionWarning> {
    let params = spec.param_kind.as_ref();
    let params = params.map(|kind| {
        let found = declared_params(kind, catalogue);
        found.unwrap_or_else(DeclType::any)
    });
    let environments: Vec<_> = kinds(spec, catalogue)
        .into_iter()
        .filter_map(|kind| {
            let (group, version, name) = &kind;
            let api_version = GroupVersion { group, version }.to_string();
            let object = declared(catalogue.find_kind(&api_version, name)?, &api_version)?;
            let all = Environments::of_types(&object, params.clone()).all;
            Some((kind, with_variables(spec, &all)))
        })
        .collect();
    let mut warnings = Vec::new();
    for (i, validation) in list(spec.validations.as_ref()).iter().enumerate() {
        let message = text(validation.message_expression.as_ref());
        for (field, expression) in [
            ("expression", validation.expression.as_str()),
            ("messageExpression", message),
        ] {
            let warning = match expression {
                "" => String::new(),
                expression => warning(expression, &environments),
            };
            if !warning.is_empty() {
                warnings.push(ExpressionWarning {
                    field_ref: format!("spec.validations[{i}].{field}"),
                    warning,
                });
            }
        }
    }
    warnings
}

/// The errors of an expression, by kind.
fn warning(expression: &str, environments: &[(Kind, Environment)]) -> String {
    let wrong = environments
        .iter()
        .filter_map(|((group, version, kind), environment)| {
            let error = environment.compile(expression).err()?;
            Some(format!("{group}/{version}, Kind={kind}: {error}\n"))
        });
    wrong.collect::<Vec<_>>().join("\n")
}

/// An environment with the variables of a policy; an invalid one has any type.
fn with_variables(spec: &ValidatingAdmissionPolicySpec, environment: &Environment) -> Environment {
    let mut composition = Composition::default();
    for variable in list(spec.variables.as_ref()) {
        // an expression that uses it shows the error
        let _ = composition.define(environment, &variable.name, &variable.expression);
    }
    composition.declared_in(environment)
}

fn declared_params(kind: &ParamKind, catalogue: &Catalogue) -> Option<DeclType> {
    let api_version = text(kind.api_version.as_ref());
    let row = catalogue.find_kind(api_version, text(kind.kind.as_ref()))?;
    declared(row, api_version)
}

/// The kinds in the rules. Wildcards have none.
fn kinds(spec: &ValidatingAdmissionPolicySpec, catalogue: &Catalogue) -> BTreeSet<Kind> {
    let constraints = spec.match_constraints.as_ref();
    let rules = constraints.and_then(|constraints| constraints.resource_rules.as_ref());
    let mut kinds = BTreeSet::new();
    for rule in list(rules) {
        for (i, kind) in named(rule, catalogue).into_iter().enumerate() {
            kinds.insert(kind);
            if i + 1 == KINDS_MAX {
                return kinds;
            }
        }
    }
    kinds
}

/// The kinds in a rule.
fn named(rule: &NamedRuleWithOperations, catalogue: &Catalogue) -> Vec<Kind> {
    let exact = |names: &Option<Vec<String>>| -> BTreeSet<String> {
        let names = list(names.as_ref());
        match names.iter().any(|name| name.contains('*')) {
            true => BTreeSet::new(),
            false => names.iter().cloned().collect(),
        }
    };
    let (groups, versions) = (exact(&rule.api_groups), exact(&rule.api_versions));
    let resources = list(rule.resources.as_ref()).iter();
    let resources: BTreeSet<_> = resources.filter(|r| !r.contains(['*', '/'])).collect();
    let mut kinds = Vec::new();
    for group in &groups {
        for version in &versions {
            let api_version = GroupVersion { group, version }.to_string();
            let found = resources.iter().filter_map(|resource| {
                let row = catalogue.find(&api_version, resource)?;
                Some((group.clone(), version.clone(), row.kind.to_owned()))
            });
            kinds.extend(found);
        }
    }
    kinds
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// The warnings of a policy for deployments, with these changes.
    fn warnings(change: &Value) -> Vec<(String, String)> {
        let mut spec = json!({"matchConstraints": {"resourceRules": [{"apiGroups": ["apps"],
            "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["deployments"]}]}});
        for (field, value) in change.as_object().unwrap() {
            spec[field] = value.clone();
        }
        let spec = serde_json::from_value(spec).unwrap();
        let warnings = type_check(&spec, &Catalogue::default()).into_iter();
        warnings.map(|w| (w.field_ref, w.warning)).collect()
    }

    #[test]
    fn expressions_are_checked_with_the_kinds_of_rules() {
        let right = json!({"validations": [{"expression": "object.spec.replicas > 1",
            "messageExpression": "'got ' + string(oldObject.spec.replicas)"}]});
        assert_eq!(warnings(&right), []);
        let wrong = json!({"validations": [{"expression": "object.spec.replicas > '1'",
            "messageExpression": "'wants replicas > 1, got ' + object.spec.replicas"}]});
        let found = warnings(&wrong);
        assert_eq!(found[0].0, "spec.validations[0].expression");
        assert_eq!(
            found[0].1,
            "apps/v1, Kind=Deployment: ERROR: <input>:1:22: found no matching overload for '_>_' applied to '(int, string)'\n | object.spec.replicas > '1'\n | .....................^\n"
        );
        assert_eq!(found[1].0, "spec.validations[0].messageExpression");
        let message = "found no matching overload for '_+_' applied to '(string, int)'";
        assert!(found[1].1.contains(message), "{found:?}");
    }

    #[test]
    fn variables_and_parameters_have_types() {
        let found = warnings(&json!({
        "paramKind": {"apiVersion": "v1", "kind": "ConfigMap"},
        "variables": [{"name": "replicas", "expression": "object.spec.replicas"}],
        "validations": [
            {"expression": "variables.replicas <= int(params.data.maxReplicas)"},
            {"expression": "variables.replicas <= params.data.maxReplicas"},
            {"expression": "params.unknown == 1"},
            {"expression": "authorizer.group('').resource('pods').check('get').allowed()"},
        ]}));
        let fields: Vec<_> = found.iter().map(|(field, _)| field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "spec.validations[1].expression",
                "spec.validations[2].expression"
            ]
        );
        assert!(
            found[0].1.contains("'_<=_' applied to '(int, string)'"),
            "{found:?}"
        );
        assert!(
            found[1].1.contains("undefined field 'unknown'"),
            "{found:?}"
        );
    }

    #[test]
    fn each_kind_is_checked_and_wildcards_are_not() {
        let rule = |groups: &[&str], resources: &[&str]| {
            json!({"resourceRules": [{"apiGroups": groups, "apiVersions": ["v1"],
                "operations": ["*"], "resources": resources}]})
        };
        let wrong = json!([{"expression": "object.spec.nothing == 1"}]);
        let check = |constraints: Value| {
            warnings(&json!({"matchConstraints": constraints, "validations": wrong}))
        };
        let both = check(rule(
            &["apps"],
            &["statefulsets", "deployments", "deployments/scale"],
        ));
        let lines: Vec<_> = both[0].1.lines().filter(|l| l.contains("Kind=")).collect();
        assert_eq!(lines.len(), 2, "{both:?}");
        assert!(lines[0].starts_with("apps/v1, Kind=Deployment: "));
        assert!(lines[1].starts_with("apps/v1, Kind=StatefulSet: "));
        assert_eq!(check(rule(&["*"], &["deployments"])), []);
        assert_eq!(check(rule(&["apps"], &["*"])), []);
        assert_eq!(check(rule(&["example.com"], &["widgets"])), []);
        let core = check(rule(&[""], &["pods"]));
        assert!(core[0].1.starts_with("/v1, Kind=Pod: ERROR"), "{core:?}");
    }
}
