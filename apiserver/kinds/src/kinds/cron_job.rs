//! Cron jobs: jobs created by a schedule.

mod schedule;

use k8s_openapi::api::batch::v1::{CronJob, CronJobSpec, JobTemplateSpec};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};
use serde_json::Value;

use super::job::{validate_counts, validate_job_template};
use super::workload::{
    CONTAINERS, IMAGES, container_cells, default_template, template_warnings_at,
};
use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::labels::{format_label_selector, go_selector};
use crate::validation::{not_negative, text};

/// The names of jobs are their cron job's and eleven characters more, and must be valid label values.
const NAME_MAX: usize = name::LABEL_MAX - 11;
const POLICIES: [&str; 3] = ["Allow", "Forbid", "Replace"];

/// The rules of cron jobs (upstream: `pkg/registry/batch/cronjob/strategy.go`).
pub struct CronJobStrategy;

impl Strategy for CronJobStrategy {
    type Kind = CronJob;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(0, 1)
    }

    fn default(&self, cron_job: &mut CronJob) {
        let spec = &mut cron_job.spec;
        spec.concurrency_policy
            .get_or_insert_with(|| "Allow".into());
        spec.suspend.get_or_insert(false);
        spec.successful_jobs_history_limit.get_or_insert(3);
        spec.failed_jobs_history_limit.get_or_insert(1);
        // the rest is defaulted in the jobs that are created from it
        spec.job_template.metadata.get_or_insert_default();
        let job = spec.job_template.spec.get_or_insert_default();
        default_template(&mut job.template);
        cron_job.status.get_or_insert_default();
    }

    fn prepare_for_create(&self, cron_job: &mut CronJob) {
        cron_job.status = Some(Default::default());
    }

    fn prepare_for_update(&self, cron_job: &mut CronJob, old: &CronJob) {
        cron_job.status.clone_from(&old.status);
    }

    fn validate(&self, cron_job: &CronJob) -> ErrorList {
        let mut errors = validate_spec(&cron_job.spec);
        let name = text(cron_job.metadata.name.as_ref());
        if name.len() > NAME_MAX {
            let path = Path::new("metadata").child("name");
            let detail = format!("must be no more than {NAME_MAX} characters");
            errors.push(FieldError::invalid(&path, name, detail));
        }
        errors
    }

    fn validate_update(&self, cron_job: &CronJob, _: &CronJob) -> ErrorList {
        validate_spec(&cron_job.spec)
    }

    fn prepare_status_update(&self, cron_job: &mut CronJob, old: &CronJob) {
        cron_job.spec.clone_from(&old.spec);
    }

    fn warnings(&self, cron_job: &CronJob) -> Vec<String> {
        let job = cron_job.spec.job_template.spec.as_ref();
        let path = Path::new("spec")
            .child("jobTemplate")
            .child("spec")
            .child("template");
        template_warnings_at(job.map(|j| &j.template), &path)
    }

    fn spec_changed(&self, cron_job: &CronJob, old: &CronJob) -> Option<bool> {
        Some(cron_job.spec != old.spec)
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, cron_job: &CronJob) -> Vec<Cell> {
        let spec = &cron_job.spec;
        let status = cron_job.status.clone().unwrap_or_default();
        let job = spec.job_template.spec.as_ref();
        let [containers, images] = container_cells(job.map(|j| &j.template));
        vec![
            Cell::name(cron_job),
            Cell::text(spec.schedule.clone()),
            Cell::text(match spec.suspend {
                None => "<unset>",
                Some(true) => "True",
                Some(false) => "False",
            }),
            Cell::count(status.active.as_ref().map_or(0, Vec::len)),
            match status.last_schedule_time {
                Some(time) => Cell::Since(Some(time.0)),
                None => Cell::Value(Value::String("<none>".to_owned())),
            },
            Cell::age(cron_job),
            containers,
            images,
            Cell::text(format_label_selector(job.and_then(|j| j.selector.as_ref()))),
        ]
    }
}

/// Upstream: `validateCronJobSpec` in `pkg/apis/batch/validation/validation.go`.
fn validate_spec(spec: &CronJobSpec) -> ErrorList {
    let mut errors = ErrorList::new();
    let path = Path::new("spec");
    let schedule_path = path.child("schedule");
    if spec.schedule.is_empty() {
        errors.push(FieldError::required(&schedule_path, ""));
    } else if let Err(why) = schedule::check(&spec.schedule) {
        errors.push(FieldError::invalid(&schedule_path, &spec.schedule, why));
    }
    if spec.time_zone.is_some() && spec.schedule.contains("TZ") {
        let detail = "cannot use both timeZone field and TZ or CRON_TZ in schedule";
        errors.push(FieldError::invalid(&schedule_path, &spec.schedule, detail));
    }
    let deadline_path = path.child("startingDeadlineSeconds");
    not_negative(spec.starting_deadline_seconds, &deadline_path, &mut errors);
    if let Some(zone) = &spec.time_zone {
        validate_time_zone(zone, &path.child("timeZone"), &mut errors);
    }
    let policy_path = path.child("concurrencyPolicy");
    match text(spec.concurrency_policy.as_ref()) {
        "" => errors.push(FieldError::required(&policy_path, "")),
        policy if POLICIES.contains(&policy) => {}
        other => errors.push(FieldError::not_supported(&policy_path, other, &POLICIES)),
    }
    validate_template(&spec.job_template, &path.child("jobTemplate"), &mut errors);
    for (field, value) in [
        (
            "successfulJobsHistoryLimit",
            spec.successful_jobs_history_limit,
        ),
        ("failedJobsHistoryLimit", spec.failed_jobs_history_limit),
    ] {
        not_negative(value.map(i64::from), &path.child(field), &mut errors);
    }
    errors
}

/// A time zone is looked up if there is a database of them.
fn validate_time_zone(zone: &str, path: &Path, errors: &mut ErrorList) {
    let database = jiff::tz::db();
    let detail = if zone.is_empty() {
        "timeZone must be nil or non-empty string".to_owned()
    } else if zone.eq_ignore_ascii_case("Local") {
        "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones"
            .to_owned()
    } else if !database.is_definitively_empty() && database.get(zone).is_err() {
        format!("unknown time zone {zone}")
    } else {
        return;
    };
    errors.push(FieldError::invalid(path, zone, detail));
}

/// A job's template: its selector is generated when the job is created.
fn validate_template(template: &JobTemplateSpec, path: &Path, errors: &mut ErrorList) {
    let Some(spec) = &template.spec else { return };
    let path = path.child("spec");
    validate_counts(spec, &path, errors);
    validate_job_template(spec, &path.child("template"), errors);
    if let Some(selector) = &spec.selector {
        let detail = "`selector` will be auto-generated";
        let value = go_selector(selector);
        errors.push(FieldError::invalid(&path.child("selector"), value, detail));
    }
    if spec.manual_selector == Some(true) {
        let value = BadValue::from(true);
        let path = path.child("manualSelector");
        errors.push(FieldError::not_supported(&path, value, &["nil", "false"]));
    }
}

static COLUMNS: [Column; 9] = [
    Column::NAME,
    Column::text(
        "Schedule",
        "The schedule in Cron format, see https://en.wikipedia.org/wiki/Cron.",
    ),
    Column {
        kind: "boolean",
        ..Column::text(
            "Suspend",
            "This flag tells the controller to suspend subsequent executions, it does not apply to already started executions.  Defaults to false.",
        )
    },
    Column::integer("Active", "A list of pointers to currently running jobs."),
    Column::text(
        "Last Schedule",
        "Information when was the last time the job was successfully scheduled.",
    ),
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
