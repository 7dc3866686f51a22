//! The common parts of kinds that create pods from a template (upstream:
//! `pkg/apis/apps/validation/validation.go`).

pub(crate) mod v1beta1;

use k8s_openapi::api::core::v1::{PodSpec, PodTemplateSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use portcullis_api::field_error::BadValue;
use portcullis_api::selector::LabelSelector as Selector;
use portcullis_api::{ErrorList, FieldError, Path};

use super::pod::defaults::default_pod_spec;
use super::pod::warnings;
use crate::strategy::{Cell, Column};
use crate::validation::labels::{
    go_map, go_selector, is_empty_selector, validate_label_selector, validate_labels,
};
use crate::validation::object_meta::validate_annotations;
use crate::validation::pod_spec::{
    validate_pod_annotations, validate_pod_spec, validate_profiles_agree,
};
use crate::validation::{list, not_negative, one_of, text};

/// The columns of a template's containers.
pub(super) const CONTAINERS: Column =
    Column::text("Containers", "Names of each container in the template.").wide();
/// See [`CONTAINERS`].
pub(super) const IMAGES: Column = Column::text(
    "Images",
    "Images referenced by each container in the template.",
)
.wide();

/// The defaults of a template.
pub(super) fn default_template(template: &mut PodTemplateSpec) {
    template.metadata.get_or_insert_default();
    default_pod_spec(template.spec.get_or_insert_default());
}

/// Warnings for a template.
pub(super) fn template_warnings(template: Option<&PodTemplateSpec>) -> Vec<String> {
    template_warnings_at(template, &Path::new("spec").child("template"))
}

/// Warnings for a template at another path.
pub(super) fn template_warnings_at(template: Option<&PodTemplateSpec>, path: &Path) -> Vec<String> {
    template.map_or_else(Vec::new, |t| warnings::for_template(t, path))
}

/// Names and images of a template's containers.
pub(super) fn container_cells(template: Option<&PodTemplateSpec>) -> [Cell; 2] {
    let spec = template.and_then(|t| t.spec.as_ref());
    let containers = spec.map_or(&[][..], |s| &s.containers);
    let names: Vec<_> = containers.iter().map(|c| c.name.as_str()).collect();
    let images: Vec<_> = containers.iter().map(|c| text(c.image.as_ref())).collect();
    [Cell::text(names.join(",")), Cell::text(images.join(","))]
}

/// A number of status fields; zero if it is unset.
pub(super) fn number(value: Option<i32>) -> Cell {
    Cell::integer(value.unwrap_or_default().into())
}

/// Validates a template of any kind.
pub(super) fn validate_template(template: &PodTemplateSpec, path: &Path, errors: &mut ErrorList) {
    validate_template_meta(template, path, errors);
    let none = PodSpec::default();
    let spec = template.spec.as_ref().unwrap_or(&none);
    let meta = template.metadata.as_ref();
    let annotations = meta.and_then(|m| m.annotations.as_ref());
    let path = path.child("spec");
    validate_pod_spec(spec, "", &path, errors);
    validate_profiles_agree(annotations, spec, &path, errors);
    if !list(spec.ephemeral_containers.as_ref()).is_empty() {
        let detail = "ephemeral containers not allowed in pod template";
        let path = path.child("ephemeralContainers");
        errors.push(FieldError::forbidden(&path, detail));
    }
}

/// Validates a template's labels and annotations.
pub(super) fn validate_template_meta(
    template: &PodTemplateSpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    let meta = template.metadata.clone().unwrap_or_default();
    let none = PodSpec::default();
    let spec = template.spec.as_ref().unwrap_or(&none);
    validate_labels(meta.labels.as_ref(), &path.child("labels"), errors);
    let path = path.child("annotations");
    validate_annotations(&meta, &path, errors);
    validate_pod_annotations(meta.annotations.as_ref(), spec, &path, errors);
}

/// Validates the template of a kind whose pods always run; the selector must match its labels.
pub(super) fn validate_running_template(
    template: &PodTemplateSpec,
    selector: &LabelSelector,
    replicas: Option<i32>,
    path: &Path,
    errors: &mut ErrorList,
) {
    validate_selected(template, if_set(selector), path, errors);
    validate_template(template, path, errors);
    if replicas.unwrap_or_default() > 1 {
        validate_shared_disks(template, path, errors);
    }
    let spec = template.spec.as_ref();
    let policy = text(spec.and_then(|s| s.restart_policy.as_ref()));
    let path = path.child("spec");
    one_of(policy, &["Always"], &path.child("restartPolicy"), errors);
    if spec.is_some_and(|s| s.active_deadline_seconds.is_some()) {
        let detail = "activeDeadlineSeconds in ReplicaSet is not Supported";
        let path = path.child("activeDeadlineSeconds");
        errors.push(FieldError::forbidden(&path, detail));
    }
}

/// A disk that many pods share must be read-only (upstream: `ValidateReadOnlyPersistentDisks`).
pub(super) fn validate_shared_disks(
    template: &PodTemplateSpec,
    path: &Path,
    errors: &mut ErrorList,
) {
    let volumes = template.spec.as_ref().and_then(|s| s.volumes.as_ref());
    for (i, volume) in list(volumes).iter().enumerate() {
        let disk = volume.gce_persistent_disk.as_ref();
        if disk.is_some_and(|d| d.read_only != Some(true)) {
            let path = path.child("spec").child("volumes").index(i);
            let detail = "must be true for replicated pods > 1; GCE PD can only be mounted on multiple machines if it is read-only";
            let path = path.child("gcePersistentDisk").child("readOnly");
            errors.push(FieldError::invalid(&path, false, detail));
        }
    }
}

/// A selector must match the labels of its own template.
pub(super) fn validate_selected(
    template: &PodTemplateSpec,
    selector: Option<&LabelSelector>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let labels = template.metadata.as_ref().and_then(|m| m.labels.as_ref());
    // an absent selector selects nothing, an empty one everything
    if !Selector::of(selector).matches(labels) {
        errors.push(FieldError::invalid(
            &path.child("metadata").child("labels"),
            BadValue::go(go_map(labels)),
            "`selector` does not match template `labels`",
        ));
    }
}

/// A selector that is required, unless it is missing.
pub(super) fn if_set(selector: &LabelSelector) -> Option<&LabelSelector> {
    Some(selector).filter(|s| !is_unset(s))
}

/// Whether a selector is missing; `{}` is read as one without requirements.
pub(super) fn is_unset(selector: &LabelSelector) -> bool {
    *selector == LabelSelector::default()
}

/// Validates a selector that must not be empty; returns whether it can be used.
pub(super) fn validate_selector(
    selector: &LabelSelector,
    owner: &str,
    path: &Path,
    errors: &mut ErrorList,
) -> bool {
    if is_unset(selector) {
        errors.push(FieldError::required(path, ""));
        return true;
    }
    let found = errors.len();
    validate_label_selector(Some(selector), path, errors);
    if errors.len() > found {
        return false;
    }
    if is_empty_selector(selector) {
        let detail = format!("empty selector is invalid for {owner}");
        errors.push(FieldError::invalid(path, go_selector(selector), detail));
    }
    true
}

/// The counters of a status.
pub(super) struct Counts<'a> {
    /// All of them.
    pub(super) all: i32,
    /// The counters of a part of the pods, by their field.
    pub(super) some: &'a [(&'a str, Option<i32>)],
    pub(super) ready: Option<i32>,
    pub(super) available: Option<i32>,
}

impl Counts<'_> {
    /// None is negative, and none of a part exceeds the whole.
    pub(super) fn validate(&self, errors: &mut ErrorList) {
        let path = Path::new("status");
        not_negative(Some(self.all.into()), &path.child("replicas"), errors);
        let own = [
            ("readyReplicas", self.ready),
            ("availableReplicas", self.available),
        ];
        let counts = || self.some.iter().chain(&own);
        for (field, count) in counts() {
            not_negative(count.map(i64::from), &path.child(field), errors);
        }
        for (field, count) in counts() {
            let count = count.unwrap_or_default();
            if count > self.all {
                let detail = "cannot be greater than status.replicas";
                errors.push(FieldError::invalid(&path.child(field), count, detail));
            }
        }
        let available = self.available.unwrap_or_default();
        if available > self.ready.unwrap_or_default() {
            let detail = "cannot be greater than readyReplicas";
            let path = path.child("availableReplicas");
            errors.push(FieldError::invalid(&path, available, detail));
        }
    }
}

/// The number of name collisions is a counter and never decreases.
pub(super) fn validate_collisions(new: Option<i32>, old: Option<i32>, errors: &mut ErrorList) {
    let path = Path::new("status").child("collisionCount");
    not_negative(new.map(i64::from), &path, errors);
    let decremented = old.is_some_and(|old| new.is_none_or(|new| new < old));
    if decremented {
        let value = new.unwrap_or_default();
        errors.push(FieldError::invalid(&path, value, "cannot be decremented"));
    }
}

/// A selector is immutable: otherwise its pods would be orphaned.
pub(super) fn same_selector(
    new: &LabelSelector,
    old: &LabelSelector,
    path: &Path,
    errors: &mut ErrorList,
) {
    if new != old {
        let detail = crate::validation::IMMUTABLE;
        errors.push(FieldError::invalid(path, go_selector(new), detail));
    }
}
