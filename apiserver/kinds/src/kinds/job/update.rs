//! Validation of changes of a job and its status (upstream: `ValidateJobSpecUpdate` and
//! `validateJobStatus` in `pkg/apis/batch/validation/validation.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::batch::v1::{JobSpec, UncountedTerminatedPods};
use k8s_openapi::api::core::v1::{Affinity, PodTemplateSpec};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::validation::labels::go_selector;
use crate::validation::{IMMUTABLE, list};

/// Immutable fields. While a job that never ran is suspended, the scheduling of its pods may change.
pub(super) fn validate_change(spec: &JobSpec, old: &JobSpec, waits: bool, errors: &mut ErrorList) {
    let mut immutable = |field: &str, value: BadValue| {
        let path = Path::new("spec").child(field);
        errors.push(FieldError::invalid(&path, value, IMMUTABLE));
    };
    if spec.completions != old.completions {
        let value = spec.completions.map_or_else(BadValue::null, BadValue::from);
        immutable("completions", value);
    }
    if spec.selector != old.selector {
        let selector = spec.selector.as_ref();
        immutable(
            "selector",
            selector.map_or_else(BadValue::null, go_selector),
        );
    }
    let same = if waits {
        spec.template == with_directives_of(&old.template, &spec.template)
    } else {
        spec.template == old.template
    };
    if !same {
        immutable("template", BadValue::go("core.PodTemplateSpec{}"));
    }
    if spec.completion_mode != old.completion_mode {
        let mode = spec.completion_mode.as_ref();
        immutable(
            "completionMode",
            mode.map_or_else(BadValue::null, BadValue::from),
        );
    }
}

/// The old template with the new scheduling directives.
fn with_directives_of(old: &PodTemplateSpec, new: &PodTemplateSpec) -> PodTemplateSpec {
    let mut template = old.clone();
    let (meta, spec) = (
        template.metadata.get_or_insert_default(),
        template.spec.get_or_insert_default(),
    );
    let new_meta = new.metadata.clone().unwrap_or_default();
    let new_spec = new.spec.clone().unwrap_or_default();
    meta.annotations = new_meta.annotations;
    meta.labels = new_meta.labels;
    spec.node_selector = new_spec.node_selector;
    spec.tolerations = new_spec.tolerations;
    match (&mut spec.affinity, new_spec.affinity) {
        (Some(affinity), new) => {
            let cleared = new.is_none();
            affinity.node_affinity = new.and_then(|a| a.node_affinity);
            if cleared && *affinity == Affinity::default() {
                spec.affinity = None;
            }
        }
        (affinity @ None, Some(new)) => {
            *affinity = Some(Affinity {
                node_affinity: new.node_affinity,
                ..Affinity::default()
            });
        }
        (None, None) => {}
    }
    template
}

/// Pods that have ended and are not counted yet, without duplicates.
pub(super) fn validate_uncounted(
    pods: &UncountedTerminatedPods,
    path: &Path,
    errors: &mut ErrorList,
) {
    let mut seen = BTreeSet::new();
    for (field, uids) in [("succeeded", &pods.succeeded), ("failed", &pods.failed)] {
        for (i, uid) in list(uids.as_ref()).iter().enumerate() {
            let path = path.child(field).index(i);
            if uid.is_empty() {
                errors.push(FieldError::invalid(&path, uid, "must not be empty"));
            } else if !seen.insert(uid) {
                errors.push(FieldError::duplicate(&path, uid));
            }
        }
    }
}
