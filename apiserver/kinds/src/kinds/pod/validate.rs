//! Validation of pods beyond that of their templates (upstream: `validatePodMetadataAndSpec` and
//! `ValidatePodCreate` in `pkg/apis/core/validation/validation.go`).

use k8s_openapi::api::core::v1::{Pod, PodSpec};
use portcullis_api::{ErrorList, FieldError, Path};

use crate::validation::pod_spec::{
    validate_images, validate_pod_annotations, validate_pod_spec, validate_profiles_agree,
};
use crate::validation::{list, text};

/// Validates a pod, new or changed.
pub(super) fn validate_pod(pod: &Pod, errors: &mut ErrorList) {
    let Some(spec) = &pod.spec else { return };
    let path = Path::new("spec");
    let annotations = pod.metadata.annotations.as_ref();
    let annotations_path = Path::new("metadata").child("annotations");
    validate_pod_annotations(annotations, spec, &annotations_path, errors);
    let name = text(pod.metadata.name.as_ref());
    validate_pod_spec(spec, name, &path, errors);
    validate_tokens(spec, &path.child("volumes"), errors);
    validate_images(&spec.containers, &path.child("containers"), errors);
    let init = list(spec.init_containers.as_ref());
    validate_images(init, &path.child("initContainers"), errors);
}

/// Validates a new pod.
pub(super) fn validate_new_pod(pod: &Pod, errors: &mut ErrorList) {
    validate_pod(pod, errors);
    let Some(spec) = &pod.spec else { return };
    let path = Path::new("spec");
    if !list(spec.ephemeral_containers.as_ref()).is_empty() {
        let detail = "cannot be set on create";
        errors.push(FieldError::forbidden(
            &path.child("ephemeralContainers"),
            detail,
        ));
    }
    validate_profiles_agree(pod.metadata.annotations.as_ref(), spec, &path, errors);
}

/// A token needs a service account.
fn validate_tokens(spec: &PodSpec, path: &Path, errors: &mut ErrorList) {
    if !text(spec.service_account_name.as_ref()).is_empty() {
        return;
    }
    for (i, volume) in list(spec.volumes.as_ref()).iter().enumerate() {
        let sources = volume.projected.as_ref().and_then(|p| p.sources.as_ref());
        for (j, source) in list(sources).iter().enumerate() {
            if source.service_account_token.is_some() {
                let path = path.index(i).child("projected").child("sources").index(j);
                let detail = "must not be specified when serviceAccountName is not set";
                errors.push(FieldError::forbidden(
                    &path.child("serviceAccountToken"),
                    detail,
                ));
            }
        }
    }
}
