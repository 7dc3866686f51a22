use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::json;

use super::*;

fn pod_error(value: &Value) -> String {
    decode::<Pod>(value).unwrap_err().to_string()
}

#[test]
fn unknown_fields_are_named_by_path() {
    let value = json!({"apiVersion": "x/y", "kind": "Z", "bogus": 1,
        "spec": {"containers": [{"name": "a"}, {"name": "b", "imagee": {"x": 1}}]}});
    let decoded = decode::<Pod>(&value).unwrap();
    assert_eq!(
        decoded.unknown_fields,
        ["bogus", "spec.containers[1].imagee"]
    );
    assert_eq!(decoded.value.spec.unwrap().containers[1].name, "b");
}

#[test]
fn wrong_types_are_reported_in_gos_words() {
    for (value, text) in [
        (
            json!({"spec": {"containers": [{"ports": [{"containerPort": "80"}]}]}}),
            "json: cannot unmarshal string into Go struct field ContainerPort.spec.containers.ports.containerPort of type int32",
        ),
        (
            json!({"spec": {"containers": "x"}}),
            "json: cannot unmarshal string into Go struct field PodSpec.spec.containers of type []v1.Container",
        ),
        (
            json!({"spec": {"hostNetwork": 1}}),
            "json: cannot unmarshal number into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
        (
            json!({"spec": {"terminationGracePeriodSeconds": 1.5}}),
            "json: cannot unmarshal number 1.5 into Go struct field PodSpec.spec.terminationGracePeriodSeconds of type int64",
        ),
        (
            json!({"metadata": {"labels": {"a": 1}}}),
            "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels.a of type string",
        ),
        (
            json!({"spec": []}),
            "json: cannot unmarshal array into Go struct field Pod.spec of type v1.PodSpec",
        ),
    ] {
        assert_eq!(pod_error(&value), text);
    }
}

#[test]
fn null_is_the_zero_value_everywhere() {
    let value = json!({"metadata": {"name": null, "labels": {"a": null}, "creationTimestamp": null},
        "spec": {"containers": [{"name": null, "args": [null]}], "volumes": [{"name": "v", "emptyDir": null}]}});
    let pod = decode::<Pod>(&value).unwrap().value;
    assert_eq!(pod.metadata.labels.unwrap()["a"], "");
    let spec = pod.spec.unwrap();
    assert_eq!(spec.containers[0].args, Some(vec![String::new()]));
    assert_eq!(spec.volumes.unwrap()[0].empty_dir, None);
    assert!(
        decode::<ConfigMap>(&json!({"data": null}))
            .unwrap()
            .value
            .data
            .is_none()
    );
}

#[test]
fn quantities_are_checked_and_made_canonical() {
    let cpu = |v: Value| json!({"spec": {"containers": [{"resources": {"limits": {"cpu": v}}}]}});
    let read = |v| {
        decode::<Pod>(&cpu(v)).map(|d| {
            d.value.spec.unwrap().containers[0]
                .resources
                .clone()
                .unwrap()
                .limits
                .unwrap()["cpu"]
                .0
                .clone()
        })
    };
    assert_eq!(read(json!("0.5")).unwrap(), "500m");
    assert_eq!(read(json!(2)).unwrap(), "2");
    assert!(read(json!("many")).is_err());
}

#[test]
fn duplicate_keys_are_found_and_the_last_wins() {
    let parsed = parse(br#"{"a": {"b": 1, "b": 2}, "c": [{"d": 1, "d": 1}]}"#).unwrap();
    assert_eq!(parsed.duplicate_fields, ["a.b", "c[0].d"]);
    assert_eq!(parsed.value, json!({"a": {"b": 2}, "c": [{"d": 1}]}));
    assert!(parse(b"{} x").is_err());
    assert!(parse(b"").is_err());
}

#[test]
fn a_document_of_too_many_values_is_refused() {
    let many = |n: usize| format!("[{}]", vec!["0"; n].join(","));
    assert!(parse(many(1000).as_bytes()).is_ok());
    let error = parse(many(300_000).as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("more than 250000 values"), "{error}");
}

#[test]
fn a_time_that_must_be_there_may_be_null() {
    use k8s_openapi::api::events::v1::Event;
    let event = json!({"series": {"lastObservedTime": null}});
    let series = decode::<Event>(&event).unwrap().value.series.unwrap();
    assert_eq!(series.last_observed_time.0, jiff::Timestamp::default());
}

#[test]
fn an_empty_selector_is_not_an_absent_one() {
    use k8s_openapi::api::apps::v1::Deployment;
    let selector = |spec: Value| {
        let deployment = decode::<Deployment>(&json!({"spec": spec})).unwrap();
        assert!(deployment.unknown_fields.is_empty());
        deployment.value.spec.selector.match_labels
    };
    assert_eq!(selector(json!({})), None);
    assert_eq!(selector(json!({"selector": null})), None);
    assert_eq!(selector(json!({"selector": {}})), Some([].into()));
}
