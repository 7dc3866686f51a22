//! Scopes, which select the pods that a quota counts (upstream: `podMatchesScopeFunc` in
//! `pkg/quota/v1/evaluator/core/pods.go`).

use k8s_openapi::api::core::v1::{
    Container, Pod, PodAffinityTerm, PodSpec, ResourceQuota, ScopedResourceSelectorRequirement,
};
use portcullis_api::Object;

use crate::amounts::Usage;

/// Whether a quota's scopes match an object: any object without scopes, only pods with scopes.
pub(crate) fn matches(quota: &ResourceQuota, object: &dyn Object) -> bool {
    of(quota).iter().all(|scope| selects(scope, object))
}

/// The scopes of a quota; those without an operator have `Exists` (upstream:
/// `getScopeSelectorsFromQuota`).
pub(crate) fn of(quota: &ResourceQuota) -> Vec<ScopedResourceSelectorRequirement> {
    let Some(spec) = &quota.spec else {
        return Vec::new();
    };
    let plain = spec.scopes.iter().flatten();
    let plain = plain.map(|scope| ScopedResourceSelectorRequirement {
        scope_name: scope.clone(),
        operator: "Exists".to_owned(),
        values: None,
    });
    let selector = spec.scope_selector.iter();
    let selected = selector.flat_map(|s| s.match_expressions.iter().flatten());
    plain.chain(selected.cloned()).collect()
}

/// Whether a scope selects an object, which only pods can be.
pub(crate) fn selects(scope: &ScopedResourceSelectorRequirement, object: &dyn Object) -> bool {
    let pod = object.as_kind::<Pod>();
    pod.is_some_and(|pod| has_scope(pod, &scope.scope_name, &scope.operator, Some(scope)))
}

fn has_scope(
    pod: &Pod,
    scope: &str,
    operator: &str,
    requirement: Option<&ScopedResourceSelectorRequirement>,
) -> bool {
    let Some(spec) = &pod.spec else { return false };
    match scope {
        "Terminating" => is_terminating(spec),
        "NotTerminating" => !is_terminating(spec),
        "BestEffort" => is_best_effort(spec),
        "NotBestEffort" => !is_best_effort(spec),
        "CrossNamespacePodAffinity" => crosses_namespaces(spec),
        "PriorityClass" => {
            let class = spec.priority_class_name.as_deref().unwrap_or_default();
            let values = requirement.and_then(|r| r.values.as_ref());
            let listed = values.is_some_and(|values| values.iter().any(|v| v == class));
            match operator {
                "Exists" => !class.is_empty(),
                "DoesNotExist" => class.is_empty(),
                "In" => !class.is_empty() && listed,
                "NotIn" => !listed,
                _ => false,
            }
        }
        _ => false,
    }
}

fn is_terminating(spec: &PodSpec) -> bool {
    spec.active_deadline_seconds
        .is_some_and(|seconds| seconds >= 0)
}

/// Whether no container has requests or limits of `cpu` or `memory`.
fn is_best_effort(spec: &PodSpec) -> bool {
    let specifies = |container: &Container| {
        let usage = Usage::of(container.resources.as_ref());
        let mut all = usage.requests.iter().chain(&usage.limits);
        all.any(|(name, amount)| matches!(name.as_str(), "cpu" | "memory") && !amount.is_zero())
    };
    let init = spec.init_containers.iter().flatten();
    !spec.containers.iter().chain(init).any(specifies)
}

fn crosses_namespaces(spec: &PodSpec) -> bool {
    let crosses = |term: &PodAffinityTerm| {
        let named = term.namespaces.as_ref().is_some_and(|n| !n.is_empty());
        named || term.namespace_selector.is_some()
    };
    let Some(affinity) = &spec.affinity else {
        return false;
    };
    macro_rules! terms {
        ($affinity:expr) => {
            $affinity.iter().any(|affinity| {
                let required = &affinity.required_during_scheduling_ignored_during_execution;
                let preferred = &affinity.preferred_during_scheduling_ignored_during_execution;
                required.iter().flatten().any(crosses)
                    || preferred
                        .iter()
                        .flatten()
                        .any(|weighted| crosses(&weighted.pod_affinity_term))
            })
        };
    }
    terms!(affinity.pod_affinity) || terms!(affinity.pod_anti_affinity)
}
