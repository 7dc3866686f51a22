use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{defaulted, mistakes, prepared, update_mistakes, written};

fn job(extra: &Value) -> Value {
    let mut spec = json!({
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "m", "image": "i:1"}]}},
    });
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": "j", "uid": "u"}, "spec": spec})
}

#[test]
fn a_job_selects_its_pods_by_its_uid() {
    let job = prepared(&JobStrategy, &job(&json!({})));
    let spec = written(&job.spec);
    assert_eq!(
        spec["selector"],
        json!({"matchLabels": {"controller-uid": "u"}})
    );
    assert_eq!(
        spec["template"]["metadata"]["labels"],
        json!({"controller-uid": "u", "job-name": "j"})
    );
    for field in ["completions", "parallelism"] {
        assert_eq!(spec[field], json!(1));
    }
    assert_eq!(spec["backoffLimit"], json!(6));
}

#[test]
fn selectors_are_generated_or_manual() {
    let selector = json!({"matchLabels": {"a": "b"}});
    let template = "spec.template.metadata.labels: Invalid value: map[string]string{\"controller-uid\":\"u\", \"job-name\":\"j\"}: `selector` does not match template `labels`";
    assert_eq!(
        mistakes(&JobStrategy, &job(&json!({"selector": selector}))),
        [
            "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"a\":\"b\", \"controller-uid\":\"u\"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: `selector` not auto-generated",
            template,
        ]
    );
    let mut manual = job(&json!({"selector": selector, "manualSelector": true}));
    manual["spec"]["template"]["metadata"] = json!({"labels": {"a": "b"}});
    assert!(mistakes(&JobStrategy, &manual).is_empty());
}

#[test]
fn the_pods_of_a_job_must_end() {
    let mut given = job(&json!({"backoffLimit": -1}));
    given["spec"]["template"]["spec"]["restartPolicy"] = json!("Always");
    assert_eq!(
        mistakes(&JobStrategy, &given),
        [
            "spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0",
            "spec.template.spec.restartPolicy: Required value: valid values: \"OnFailure\", \"Never\"",
        ]
    );
}

#[test]
fn most_fields_of_a_job_are_immutable() {
    let given = |extra: Value| {
        let mut job = job(&extra);
        job["spec"]["manualSelector"] = json!(true);
        job["spec"]["selector"] = json!({"matchLabels": {"a": "b"}});
        job["spec"]["template"]["metadata"] = json!({"labels": {"a": "b"}});
        job
    };
    let old = given(json!({}));
    let mut new = given(json!({"completions": 7, "parallelism": 2}));
    new["spec"]["template"]["spec"]["containers"][0]["image"] = json!("i:2");
    assert_eq!(
        update_mistakes(&JobStrategy, &new, &old),
        [
            "spec.completions: Invalid value: 7: field is immutable",
            "spec.template: Invalid value: core.PodTemplateSpec{}: field is immutable",
        ]
    );
}

#[test]
fn rows_show_the_progress_of_a_job() {
    let start = "2020-01-01T00:00:00Z";
    for (spec, status, completions, duration) in [
        (
            json!({"completions": 2}),
            json!({"succeeded": 1}),
            "1/2",
            Cell::text(""),
        ),
        (
            json!({"completions": null, "parallelism": 3}),
            json!({"startTime": start, "completionTime": start}),
            "0/1 of 3",
            Cell::Between(start.parse().unwrap(), start.parse().unwrap()),
        ),
    ] {
        let mut given = job(&spec);
        given["status"] = status;
        let cells = JobStrategy.cells(&defaulted(&JobStrategy, &given));
        assert_eq!(cells[1..3], [Cell::text(completions), duration]);
    }
}

#[test]
fn jobs_may_be_indexed() {
    let spec = written(&prepared(&JobStrategy, &job(&json!({}))).spec);
    assert_eq!(
        (&spec["completionMode"], &spec["suspend"]),
        (&json!("NonIndexed"), &json!(false))
    );
    let many = json!({"completionMode": "Indexed", "parallelism": 100_001});
    assert_eq!(
        mistakes(&JobStrategy, &job(&many)),
        [
            "spec.completions: Required value: when completion mode is Indexed",
            "spec.parallelism: Invalid value: 100001: must be less than or equal to 100000 when completion mode is Indexed",
        ]
    );
    assert_eq!(
        mistakes(&JobStrategy, &job(&json!({"completionMode": "x"}))).len(),
        1
    );
}

#[test]
fn scheduling_of_a_suspended_job_is_mutable() {
    let given = |suspend: bool, extra: Value| {
        let mut job = job(&json!({"suspend": suspend, "manualSelector": true,
            "selector": {"matchLabels": {"a": "b"}}}));
        job["spec"]["template"]["metadata"] = json!({"labels": {"a": "b"}});
        for (field, value) in extra.as_object().unwrap() {
            job["spec"]["template"]["spec"][field] = value.clone();
        }
        job
    };
    let node = json!({"requiredDuringSchedulingIgnoredDuringExecution":
        {"nodeSelectorTerms": [{"matchExpressions": [{"key": "k", "operator": "Exists"}]}]}});
    let elsewhere = json!({"nodeSelector": {"x": "y"}, "affinity": {"nodeAffinity": node},
        "tolerations": [{"operator": "Exists"}]});
    let immutable = "spec.template: Invalid value: core.PodTemplateSpec{}: field is immutable";
    for (waits, change, texts) in [
        (true, elsewhere.clone(), vec![]),
        (false, elsewhere, vec![immutable]),
        (true, json!({"hostNetwork": true}), vec![immutable]),
        (
            true,
            json!({"affinity": {"podAffinity": {}}}),
            vec![immutable],
        ),
    ] {
        let (new, old) = (given(waits, change), given(waits, json!({})));
        assert_eq!(update_mistakes(&JobStrategy, &new, &old), texts, "{new}");
    }
}

#[test]
fn host_names_fit_a_label() {
    let mut given = job(&json!({"completionMode": "Indexed", "completions": 11}));
    let name = "a".repeat(61);
    given["metadata"]["name"] = json!(name);
    assert_eq!(
        mistakes(&JobStrategy, &given),
        [format!(
            "metadata.name: Invalid value: \"{name}\": will not able to create pod with invalid DNS label: {name}-10"
        )]
    );
}

#[test]
fn unknown_restart_policies_are_rejected() {
    let mut given = job(&json!({}));
    given["spec"]["template"]["spec"]["restartPolicy"] = json!("Odd");
    assert_eq!(
        mistakes(&JobStrategy, &given),
        [
            "spec.template.spec.restartPolicy: Unsupported value: \"Odd\": supported values: \"Always\", \"OnFailure\", \"Never\"",
            "spec.template.spec.restartPolicy: Unsupported value: \"Odd\": supported values: \"OnFailure\", \"Never\"",
        ]
    );
}

#[test]
fn only_the_controller_marks_a_job_as_tracked() {
    let mut given = job(&json!({}));
    given["metadata"]["annotations"] = json!({"batch.kubernetes.io/job-tracking": "", "a": "b"});
    let made = prepared(&JobStrategy, &given);
    assert_eq!(written(&made.metadata)["annotations"], json!({"a": "b"}));
}

#[test]
fn an_empty_selector_matches_and_a_missing_one_does_not() {
    let manual = |selector: Value| job(&json!({"manualSelector": true, "selector": selector}));
    assert!(mistakes(&JobStrategy, &manual(json!({}))).is_empty());
    let found = mistakes(&JobStrategy, &manual(Value::Null));
    assert_eq!(found[0], "spec.selector: Required value");
    assert!(found[1].ends_with("`selector` does not match template `labels`"));
    // without a selector, what would be generated is not missed
    let old = job(&json!({}));
    let found = update_mistakes(&JobStrategy, &job(&json!({"template": {}})), &old);
    assert!(
        found.iter().all(|e| !e.contains("labels[controller-uid]")),
        "{found:?}"
    );
}
