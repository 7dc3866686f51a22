//! Whether a definition in one of Kubernetes' own groups was approved (upstream:
//! `pkg/controller/apiapproval` and `pkg/apihelpers`).

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use portcullis_kinds::kinds::custom_resource_definition::set_condition;

const ANNOTATION: &str = "api-approved.kubernetes.io";
const CONDITION: &str = "KubernetesAPIApprovalPolicyConformant";
/// The groups that only Kubernetes may use without approval.
const PROTECTED: [&str; 2] = ["k8s.io", "kubernetes.io"];

/// Writes into the status of a definition in such a group whether it was approved.
pub(super) fn judge(definition: &mut CustomResourceDefinition) {
    let group = definition.spec.group.as_str();
    let below = |suffix: &&str| {
        let rest = group.strip_suffix(*suffix);
        rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if !PROTECTED.iter().any(below) {
        return;
    }
    let annotations = definition.metadata.annotations.as_ref();
    let annotation = annotations.and_then(|a| a.get(ANNOTATION)).cloned();
    let annotation = annotation.unwrap_or_default();
    let (approved, reason, message) = if annotation.is_empty() {
        let why = format!(
            "protected groups must have approval annotation {ANNOTATION:?}, see https://github.com/kubernetes/enhancements/pull/1111"
        );
        (false, "MissingAnnotation", why)
    } else if annotation.starts_with("unapproved") {
        let why = format!("not approved: {annotation:?}");
        (false, "UnapprovedAnnotation", why)
    } else {
        let why = format!("approved in {annotation}");
        (true, "ApprovedAnnotation", why)
    };
    set_condition(definition, CONDITION, approved, reason, &message);
}
