use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{defaulted, mistakes, prepared, update_mistakes, written};

const RULES: &CronJobStrategy = &CronJobStrategy;

fn cron_job(extra: &Value) -> Value {
    let mut spec = json!({
        "schedule": "* * * * *",
        "jobTemplate": {"spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "i:1"}]}}}},
    });
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": "c"}, "spec": spec})
}

#[test]
fn jobs_may_overlap_and_some_are_kept() {
    let made = prepared(RULES, &cron_job(&json!({})));
    let spec = written(&made)["spec"].clone();
    for (field, value) in [
        ("concurrencyPolicy", json!("Allow")),
        ("suspend", json!(false)),
        ("successfulJobsHistoryLimit", json!(3)),
        ("failedJobsHistoryLimit", json!(1)),
    ] {
        assert_eq!(spec[field], value, "{field}");
    }
    let job = &spec["jobTemplate"]["spec"];
    assert_eq!(job["template"]["spec"]["dnsPolicy"], "ClusterFirst");
    assert_eq!(job["backoffLimit"], Value::Null);
}

#[test]
fn schedule_policy_and_template_are_checked() {
    let template = |extra: Value| {
        let mut given = cron_job(&json!({}));
        for (key, value) in extra.as_object().unwrap() {
            given["spec"]["jobTemplate"]["spec"][key] = value.clone();
        }
        given
    };
    let selector = json!({"matchLabels": {"a": "b"}});
    for (given, wrong) in [
        (cron_job(&json!({})), vec![]),
        (
            cron_job(&json!({"schedule": ""})),
            vec!["spec.schedule: Required value"],
        ),
        (
            cron_job(&json!({"schedule": "x"})),
            vec!["spec.schedule: Invalid value: \"x\": expected exactly 5 fields, found 1: [x]"],
        ),
        (
            // not a pointer in Go: empty is unset, and defaulted
            cron_job(&json!({"concurrencyPolicy": ""})),
            vec![],
        ),
        (
            cron_job(&json!({"concurrencyPolicy": "x"})),
            vec![
                "spec.concurrencyPolicy: Unsupported value: \"x\": supported values: \"Allow\", \"Forbid\", \"Replace\"",
            ],
        ),
        (
            cron_job(&json!({"startingDeadlineSeconds": -1, "failedJobsHistoryLimit": -1})),
            vec![
                "spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0",
                "spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
        (
            cron_job(&json!({"timeZone": ""})),
            vec!["spec.timeZone: Invalid value: \"\": timeZone must be nil or non-empty string"],
        ),
        (
            cron_job(&json!({"timeZone": "local"})),
            vec![
                "spec.timeZone: Invalid value: \"local\": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones",
            ],
        ),
        (
            template(json!({"backoffLimit": -1, "manualSelector": true, "selector": selector})),
            vec![
                "spec.jobTemplate.spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
                "spec.jobTemplate.spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"a\":\"b\"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: `selector` will be auto-generated",
                "spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: \"nil\", \"false\"",
            ],
        ),
    ] {
        assert_eq!(mistakes(RULES, &given), wrong, "{given}");
    }
}

#[test]
fn a_name_leaves_room_for_those_of_jobs() {
    let mut given = cron_job(&json!({}));
    given["metadata"]["name"] = json!("a".repeat(53));
    assert_eq!(mistakes(RULES, &given).len(), 1);
    assert!(update_mistakes(RULES, &given, &given).is_empty());
}

#[test]
fn a_row_shows_schedule_and_state() {
    let mut given = cron_job(&json!({}));
    given["status"] = json!({"active": [{}]});
    let cells = RULES.cells(&defaulted(RULES, &given));
    assert_eq!(
        cells[1..5],
        [
            Cell::text("* * * * *"),
            Cell::text("False"),
            Cell::count(1),
            Cell::text("<none>")
        ]
    );
    assert_eq!(
        cells[6..],
        [Cell::text("m"), Cell::text("i:1"), Cell::text("<none>")]
    );
}
