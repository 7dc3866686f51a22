//! Jobs: pods that run to completion.

mod update;

use std::collections::BTreeMap;

use k8s_openapi::api::batch::v1::{Job, JobSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use portcullis_api::field_error::BadValue;
use portcullis_api::selector::LabelSelector as Selector;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::workload::{
    CONTAINERS, IMAGES, container_cells, default_template, template_warnings, validate_selected,
    validate_template,
};
use crate::strategy::{Cell, Column, GarbageCollection, Strategy};
use crate::validation::labels::{
    format_label_selector, go_map, go_selector, validate_label_selector,
};
use crate::validation::{not_negative, one_of, text};

/// The labels that identify a job's pods.
const UID_LABEL: &str = "controller-uid";
const NAME_LABEL: &str = "job-name";
/// The annotation of jobs whose pods have a finalizer of their controller.
const TRACKING: &str = "batch.kubernetes.io/job-tracking";
const NON_INDEXED: &str = "NonIndexed";
const INDEXED: &str = "Indexed";
/// The highest parallelism of an indexed job.
const INDEXED_PARALLELISM_MAX: i32 = 100_000;

/// The rules of jobs (upstream: `pkg/registry/batch/job/strategy.go`).
pub struct JobStrategy;

impl Strategy for JobStrategy {
    type Kind = Job;

    fn default(&self, job: &mut Job) {
        let spec = job.spec.get_or_insert_default();
        default_job_spec(spec);
        let labels = job.metadata.labels.as_ref();
        if labels.is_none_or(BTreeMap::is_empty) {
            let template = spec.template.metadata.as_ref();
            job.metadata.labels = template.and_then(|m| m.labels.clone());
        }
        job.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, job: &mut Job) {
        job.status = Some(Default::default());
        drop_tracking(job);
    }

    fn prepare_named(&self, job: &mut Job) {
        let name = text(job.metadata.name.as_ref()).to_owned();
        let uid = text(job.metadata.uid.as_ref()).to_owned();
        if let Some(spec) = &mut job.spec
            && spec.manual_selector != Some(true)
        {
            generate_selector(spec, &name, &uid);
        }
    }

    fn prepare_for_update(&self, job: &mut Job, old: &Job) {
        job.status.clone_from(&old.status);
        if !is_tracked(old) {
            drop_tracking(job);
        }
    }

    fn validate(&self, job: &Job) -> ErrorList {
        let mut errors = ErrorList::new();
        if let Some(spec) = &job.spec {
            if let Some(selector) = &spec.selector
                && spec.manual_selector != Some(true)
            {
                validate_generated(job, spec, selector, &mut errors);
            }
            validate_job_spec(spec, &Path::new("spec"), &mut errors);
            validate_hostnames(job, spec, &mut errors);
        }
        errors
    }

    fn validate_update(&self, job: &Job, old: &Job) -> ErrorList {
        let mut errors = ErrorList::new();
        let (Some(spec), Some(old_spec)) = (&job.spec, &old.spec) else {
            return errors;
        };
        // upstream validates the spec twice, and clients see each error twice
        errors.extend(self.validate(job));
        validate_job_spec(spec, &Path::new("spec"), &mut errors);
        let started = old.status.as_ref().is_some_and(|s| s.start_time.is_some());
        let waits = old_spec.suspend == Some(true) && !started;
        update::validate_change(spec, old_spec, waits, &mut errors);
        errors
    }

    fn prepare_status_update(&self, job: &mut Job, old: &Job) {
        job.spec.clone_from(&old.spec);
    }

    fn validate_status_update(&self, job: &Job, _: &Job) -> ErrorList {
        let mut errors = ErrorList::new();
        let status = job.status.clone().unwrap_or_default();
        let path = Path::new("status");
        for (field, value) in [
            ("active", status.active),
            ("succeeded", status.succeeded),
            ("failed", status.failed),
            ("ready", status.ready),
        ] {
            not_negative(value.map(i64::from), &path.child(field), &mut errors);
        }
        if let Some(pods) = &status.uncounted_terminated_pods {
            update::validate_uncounted(pods, &path.child("uncountedTerminatedPods"), &mut errors);
        }
        errors
    }

    fn warnings(&self, job: &Job) -> Vec<String> {
        template_warnings(job.spec.as_ref().map(|s| &s.template))
    }

    fn spec_changed(&self, job: &Job, old: &Job) -> Option<bool> {
        Some(job.spec != old.spec)
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        &["status.successful"]
    }

    fn field_values(&self, job: &Job) -> Vec<String> {
        let succeeded = job.status.as_ref().and_then(|s| s.succeeded);
        vec![succeeded.unwrap_or_default().to_string()]
    }

    fn garbage_collection(&self) -> GarbageCollection {
        GarbageCollection::OrphanDependents
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, job: &Job) -> Vec<Cell> {
        let spec = job.spec.clone().unwrap_or_default();
        let status = job.status.clone().unwrap_or_default();
        let done = status.succeeded.unwrap_or_default();
        let completions = match (spec.completions, spec.parallelism.unwrap_or_default()) {
            (Some(wanted), _) => format!("{done}/{wanted}"),
            (None, parallel) if parallel > 1 => format!("{done}/1 of {parallel}"),
            (None, _) => format!("{done}/1"),
        };
        let [containers, images] = container_cells(Some(&spec.template));
        vec![
            Cell::name(job),
            Cell::text(completions),
            match (status.start_time, status.completion_time) {
                (None, _) => Cell::text(""),
                (Some(start), None) => Cell::Since(Some(start.0)),
                (Some(start), Some(end)) => Cell::Between(start.0, end.0),
            },
            Cell::age(job),
            containers,
            images,
            Cell::text(format_label_selector(spec.selector.as_ref())),
        ]
    }
}

/// The defaults of a job, alone or as a template.
pub(super) fn default_job_spec(spec: &mut JobSpec) {
    if spec.completions.is_none() && spec.parallelism.is_none() {
        spec.completions = Some(1);
    }
    spec.parallelism.get_or_insert(1);
    spec.backoff_limit.get_or_insert(6);
    // since 1.21
    spec.completion_mode
        .get_or_insert_with(|| NON_INDEXED.into());
    spec.suspend.get_or_insert(false);
    default_template(&mut spec.template);
}

/// Generates a selector by the job's own uid, unless it is manual.
fn generate_selector(spec: &mut JobSpec, name: &str, uid: &str) {
    let labels = spec
        .template
        .metadata
        .get_or_insert_default()
        .labels
        .get_or_insert_default();
    labels
        .entry(NAME_LABEL.into())
        .or_insert_with(|| name.into());
    labels.entry(UID_LABEL.into()).or_insert_with(|| uid.into());
    let selector = spec.selector.get_or_insert_default();
    let matched = selector.match_labels.get_or_insert_default();
    matched
        .entry(UID_LABEL.into())
        .or_insert_with(|| uid.into());
}

/// A user's values of generated labels must be those that would be generated
/// (upstream: `ValidateGeneratedSelector` in `pkg/apis/batch/validation/validation.go`).
fn validate_generated(job: &Job, spec: &JobSpec, selector: &LabelSelector, errors: &mut ErrorList) {
    let uid = text(job.metadata.uid.as_ref());
    let name = text(job.metadata.name.as_ref());
    let meta = spec.template.metadata.as_ref();
    let labels = meta.and_then(|m| m.labels.as_ref());
    let path = Path::new("spec")
        .child("template")
        .child("metadata")
        .child("labels");
    for (key, expected) in [(UID_LABEL, uid), (NAME_LABEL, name)] {
        let path = path.key(key);
        let detail = format!("must be '{expected}'");
        match labels.and_then(|l| l.get(key)) {
            None => errors.push(FieldError::required(&path, detail)),
            Some(value) if value != expected => {
                let value = BadValue::go(go_map(labels));
                errors.push(FieldError::invalid(&path, value, detail));
            }
            Some(_) => {}
        }
    }
    let generated = BTreeMap::from([
        (UID_LABEL.to_owned(), uid.to_owned()),
        (NAME_LABEL.to_owned(), name.to_owned()),
    ]);
    if !Selector::of(Some(selector)).matches(Some(&generated)) {
        let path = Path::new("spec").child("selector");
        let detail = "`selector` not auto-generated";
        errors.push(FieldError::invalid(&path, go_selector(selector), detail));
    }
}

/// The pods of an indexed job have their index in their host names.
fn validate_hostnames(job: &Job, spec: &JobSpec, errors: &mut ErrorList) {
    let Some(last) = spec.completions.filter(|c| *c > 0).map(|c| c - 1) else {
        return;
    };
    let job_name = text(job.metadata.name.as_ref());
    let hostname = format!("{job_name}-{last}");
    if spec.completion_mode.as_deref() == Some(INDEXED)
        && !name::dns1123_label(&hostname).is_empty()
    {
        let path = Path::new("metadata").child("name");
        let detail = format!("will not able to create pod with invalid DNS label: {hostname}");
        errors.push(FieldError::invalid(&path, job_name, detail));
    }
}

/// Whether the job's controller keeps its pods until it has counted them.
fn is_tracked(job: &Job) -> bool {
    let annotations = job.metadata.annotations.as_ref();
    annotations.is_some_and(|a| a.contains_key(TRACKING))
}

/// The controller does so only for jobs it has marked itself.
fn drop_tracking(job: &mut Job) {
    if let Some(annotations) = &mut job.metadata.annotations {
        annotations.remove(TRACKING);
    }
}

/// Validates a job, alone or as a template.
pub(super) fn validate_job_spec(spec: &JobSpec, path: &Path, errors: &mut ErrorList) {
    validate_counts(spec, path, errors);
    let selector_path = path.child("selector");
    let template_path = path.child("template");
    validate_job_template(spec, &template_path, errors);
    if let Some(selector) = &spec.selector {
        let found = errors.len();
        validate_label_selector(Some(selector), &selector_path, errors);
        if errors.len() == found {
            validate_selected(&spec.template, Some(selector), &template_path, errors);
        }
    } else {
        errors.push(FieldError::required(&selector_path, ""));
        validate_selected(&spec.template, None, &template_path, errors);
    }
}

/// Validates the counters.
pub(super) fn validate_counts(spec: &JobSpec, path: &Path, errors: &mut ErrorList) {
    for (field, value) in [
        ("parallelism", spec.parallelism.map(i64::from)),
        ("completions", spec.completions.map(i64::from)),
        ("activeDeadlineSeconds", spec.active_deadline_seconds),
        ("backoffLimit", spec.backoff_limit.map(i64::from)),
        (
            "ttlSecondsAfterFinished",
            spec.ttl_seconds_after_finished.map(i64::from),
        ),
    ] {
        not_negative(value, &path.child(field), errors);
    }
    let Some(mode) = &spec.completion_mode else {
        return;
    };
    let modes = [NON_INDEXED, INDEXED];
    one_of(mode, &modes, &path.child("completionMode"), errors);
    if mode != INDEXED {
        return;
    }
    if spec.completions.is_none() {
        let detail = format!("when completion mode is {INDEXED}");
        errors.push(FieldError::required(&path.child("completions"), detail));
    }
    let parallelism = spec.parallelism.filter(|p| *p > INDEXED_PARALLELISM_MAX);
    if let Some(parallelism) = parallelism {
        let detail = format!(
            "must be less than or equal to {INDEXED_PARALLELISM_MAX} when completion mode is {INDEXED}"
        );
        let path = path.child("parallelism");
        errors.push(FieldError::invalid(&path, parallelism, detail));
    }
}

/// The pods of a job must not be restarted for ever.
pub(super) fn validate_job_template(spec: &JobSpec, path: &Path, errors: &mut ErrorList) {
    validate_template(&spec.template, path, errors);
    let pods = spec.template.spec.as_ref();
    let policy = text(pods.and_then(|s| s.restart_policy.as_ref()));
    let path = path.child("spec").child("restartPolicy");
    if matches!(policy, "Always" | "") {
        let detail = "valid values: \"OnFailure\", \"Never\"";
        errors.push(FieldError::required(&path, detail));
    } else {
        one_of(policy, &["OnFailure", "Never"], &path, errors);
    }
}

static COLUMNS: [Column; 7] = [
    Column::NAME,
    Column::text(
        "Completions",
        "The number of pods which reached phase Succeeded.",
    ),
    Column::text("Duration", "Time required to complete the job."),
    Column::AGE,
    CONTAINERS,
    IMAGES,
    Column::text(
        "Selector",
        "A label query over pods that should match the pod count. Normally, the system sets this field for you. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors",
    )
    .wide(),
];

#[cfg(test)]
mod tests;
