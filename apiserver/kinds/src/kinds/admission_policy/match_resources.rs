//! The match constraints of policies and bindings.

use std::collections::BTreeSet;

use k8s_openapi::api::admissionregistration::v1::{
    MatchResources, NamedRuleWithOperations, RuleWithOperations,
};
use portcullis_api::{ErrorList, FieldError, Path, name};

use crate::validation::admission_rules::validate_rule;
use crate::validation::labels::validate_label_selector;
use crate::validation::{invalid_each, one_of};

/// Validates match constraints.
pub(in crate::kinds) fn validate_resources(
    resources: &MatchResources,
    path: &Path,
    errors: &mut ErrorList,
) {
    let policy_path = path.child("matchPolicy");
    match resources.match_policy.as_deref() {
        None => errors.push(FieldError::required(&policy_path, "")),
        Some(policy) => one_of(policy, &["Equivalent", "Exact"], &policy_path, errors),
    }
    for (field, selector) in [
        ("namespaceSelector", &resources.namespace_selector),
        ("objectSelector", &resources.object_selector),
    ] {
        let path = path.child(field);
        match selector {
            None => errors.push(FieldError::required(&path, "")),
            Some(selector) => validate_label_selector(Some(selector), &path, errors),
        }
    }
    for (field, rules) in [
        ("resourceRules", &resources.resource_rules),
        ("excludeResourceRules", &resources.exclude_resource_rules),
    ] {
        let path = path.child(field);
        for (i, rule) in rules.iter().flatten().enumerate() {
            validate_named_rule(rule, &path.index(i), errors);
        }
    }
}

/// Only created and updated objects can be changed by a policy.
pub(in crate::kinds) fn validate_mutable(
    resources: &MatchResources,
    path: &Path,
    errors: &mut ErrorList,
) {
    let path = path.child("resourceRules").child("operations");
    let rules = resources.resource_rules.iter().flatten();
    for operation in rules.flat_map(|rule| rule.operations.iter().flatten()) {
        one_of(operation, &["CREATE", "UPDATE"], &path, errors);
    }
}

fn validate_named_rule(rule: &NamedRuleWithOperations, path: &Path, errors: &mut ErrorList) {
    let names_path = path.child("resourceNames");
    let mut names = BTreeSet::new();
    for (i, given) in rule.resource_names.iter().flatten().enumerate() {
        let path = names_path.index(i);
        invalid_each(&path, given, name::path_segment(given), errors);
        if !names.insert(given) {
            errors.push(FieldError::duplicate(&path, given));
        }
    }
    let rule = RuleWithOperations {
        api_groups: rule.api_groups.clone(),
        api_versions: rule.api_versions.clone(),
        operations: rule.operations.clone(),
        resources: rule.resources.clone(),
        scope: rule.scope.clone(),
    };
    validate_rule(&rule, path, errors);
}
