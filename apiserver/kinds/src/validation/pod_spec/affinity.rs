//! The affinity of a pod to nodes and other pods.

use k8s_openapi::api::core::v1::{
    Affinity, NodeAffinity, PodAffinityTerm, WeightedPodAffinityTerm,
};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::labels::{validate_label_name, validate_label_selector};
use super::super::node_selector::{validate_node_selector, validate_node_selector_term};
use super::super::{invalid_each, list};

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";

pub(super) fn validate_affinity(affinity: &Affinity, path: &Path, errors: &mut ErrorList) {
    if let Some(nodes) = &affinity.node_affinity {
        validate_node_affinity(nodes, &path.child("nodeAffinity"), errors);
    }
    if let Some(pods) = &affinity.pod_affinity {
        validate_pod_affinity(
            pods.required_during_scheduling_ignored_during_execution
                .as_ref(),
            pods.preferred_during_scheduling_ignored_during_execution
                .as_ref(),
            &path.child("podAffinity"),
            errors,
        );
    }
    if let Some(pods) = &affinity.pod_anti_affinity {
        validate_pod_affinity(
            pods.required_during_scheduling_ignored_during_execution
                .as_ref(),
            pods.preferred_during_scheduling_ignored_during_execution
                .as_ref(),
            &path.child("podAntiAffinity"),
            errors,
        );
    }
}

fn validate_node_affinity(affinity: &NodeAffinity, path: &Path, errors: &mut ErrorList) {
    if let Some(selector) = &affinity.required_during_scheduling_ignored_during_execution {
        validate_node_selector(selector, &path.child(REQUIRED), errors);
    }
    let preferred = affinity
        .preferred_during_scheduling_ignored_during_execution
        .as_ref();
    for (i, term) in list(preferred).iter().enumerate() {
        let path = path.child(PREFERRED).index(i);
        validate_weight(term.weight, &path, errors);
        validate_node_selector_term(&term.preference, &path.child("preference"), errors);
    }
}

fn validate_weight(weight: i32, path: &Path, errors: &mut ErrorList) {
    if !(1..=100).contains(&weight) {
        let detail = "must be in the range 1-100";
        errors.push(FieldError::invalid(&path.child("weight"), weight, detail));
    }
}

fn validate_pod_affinity(
    required: Option<&Vec<PodAffinityTerm>>,
    preferred: Option<&Vec<WeightedPodAffinityTerm>>,
    path: &Path,
    errors: &mut ErrorList,
) {
    for (i, term) in list(required).iter().enumerate() {
        validate_term(term, &path.child(REQUIRED).index(i), errors);
    }
    for (i, weighted) in list(preferred).iter().enumerate() {
        let path = path.child(PREFERRED).index(i);
        validate_weight(weighted.weight, &path, errors);
        validate_term(
            &weighted.pod_affinity_term,
            &path.child("podAffinityTerm"),
            errors,
        );
    }
}

fn validate_term(term: &PodAffinityTerm, path: &Path, errors: &mut ErrorList) {
    // upstream's path, which has the wrong field
    let odd = path.child("matchExpressions");
    validate_label_selector(term.label_selector.as_ref(), &odd, errors);
    let namespaces = term.namespace_selector.as_ref();
    validate_label_selector(namespaces, &path.child("namespaceSelector"), errors);
    for namespace in list(term.namespaces.as_ref()) {
        let path = path.child("namespace");
        invalid_each(&path, namespace, name::dns1123_label(namespace), errors);
    }
    let path = path.child("topologyKey");
    if term.topology_key.is_empty() {
        errors.push(FieldError::required(&path, "can not be empty"));
    }
    validate_label_name(&term.topology_key, &path, errors);
}
