//! The pods that a quota applies to.

use k8s_openapi::api::core::v1::{ResourceQuotaSpec, ScopedResourceSelectorRequirement};
use portcullis_api::{ErrorList, FieldError, Path};

use super::go_scopes;
use crate::validation::resources::is_standard_for_quota;
use crate::validation::{go_strings, list};

const SCOPES: [&str; 6] = [
    "Terminating",
    "NotTerminating",
    "BestEffort",
    "NotBestEffort",
    "PriorityClass",
    "CrossNamespacePodAffinity",
];
/// The resources of pods, which scopes can restrict.
const POD_RESOURCES: [&str; 7] = [
    "pods",
    "cpu",
    "memory",
    "limits.cpu",
    "limits.memory",
    "requests.cpu",
    "requests.memory",
];

pub(super) fn validate_scopes(spec: &ResourceQuotaSpec, path: &Path, errors: &mut ErrorList) {
    let scopes = list(spec.scopes.as_ref());
    let scopes_path = path.child("scopes");
    let refuse = |errors: &mut ErrorList, detail: &str| {
        errors.push(FieldError::invalid(&scopes_path, go_scopes(scopes), detail));
    };
    for scope in scopes {
        if !SCOPES.contains(&scope.as_str()) {
            refuse(errors, "unsupported scope");
        }
        for _ in resources_beyond(spec, scope) {
            refuse(errors, "unsupported scope applied to resource");
        }
    }
    if contradict(scopes.iter().map(String::as_str)) {
        refuse(errors, "conflicting scopes");
    }
    if let Some(selector) = &spec.scope_selector {
        let path = path.child("scopeSelector").child("matchExpressions");
        let requirements = list(selector.match_expressions.as_ref());
        for requirement in requirements {
            validate_requirement(requirement, spec, &path, errors);
        }
        if contradict(requirements.iter().map(|r| r.scope_name.as_str())) {
            let names: Vec<_> = requirements.iter().map(|r| r.scope_name.clone()).collect();
            let detail = "conflicting scopes";
            errors.push(FieldError::invalid(&path, go_scopes(&names), detail));
        }
    }
}

/// The resources of a quota that a scope does not restrict.
fn resources_beyond<'a>(
    spec: &'a ResourceQuotaSpec,
    scope: &'a str,
) -> impl Iterator<Item = &'a String> {
    let hard = spec.hard.iter().flatten().map(|(resource, _)| resource);
    hard.filter(move |resource| {
        let narrowed = match scope {
            "BestEffort" => *resource == "pods",
            known if SCOPES.contains(&known) => POD_RESOURCES.contains(&resource.as_str()),
            _ => true,
        };
        is_standard_for_quota(resource) && !narrowed
    })
}

fn contradict<'a>(scopes: impl Iterator<Item = &'a str>) -> bool {
    let scopes: Vec<_> = scopes.collect();
    [
        ["BestEffort", "NotBestEffort"],
        ["Terminating", "NotTerminating"],
    ]
    .iter()
    .any(|pair| pair.iter().all(|scope| scopes.contains(scope)))
}

fn validate_requirement(
    requirement: &ScopedResourceSelectorRequirement,
    spec: &ResourceQuotaSpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    let scope = requirement.scope_name.as_str();
    if !SCOPES.contains(&scope) {
        let path = path.child("scopeName");
        errors.push(FieldError::invalid(&path, scope, "unsupported scope"));
    }
    for _ in resources_beyond(spec, scope) {
        let detail = "unsupported scope applied to resource";
        errors.push(FieldError::invalid(path, scope, detail));
    }
    let operator = requirement.operator.as_str();
    let (operator_path, values_path) = (path.child("operator"), path.child("values"));
    if SCOPES.contains(&scope) && scope != "PriorityClass" && operator != "Exists" {
        let detail = "must be 'Exist' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
        errors.push(FieldError::invalid(&operator_path, operator, detail));
    }
    let values = list(requirement.values.as_ref());
    match operator {
        "In" | "NotIn" if values.is_empty() => {
            let detail =
                "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
            errors.push(FieldError::required(&values_path, detail));
        }
        "Exists" | "DoesNotExist" if !values.is_empty() => {
            let detail =
                "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
            errors.push(FieldError::invalid(
                &values_path,
                go_strings(values),
                detail,
            ));
        }
        "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
        other => {
            let detail = "not a valid selector operator";
            errors.push(FieldError::invalid(&operator_path, other, detail));
        }
    }
}
