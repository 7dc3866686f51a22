use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use serde_json::{Value, json};

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
fn wrong_types_are_reported_with_the_messages_of_go() {
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
fn quantities_are_checked_and_canonical() {
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
fn duplicate_keys_are_reported_and_the_last_one_wins() {
    let parsed = parse(br#"{"a": {"b": 1, "b": 2}, "c": [{"d": 1, "d": 1}]}"#).unwrap();
    assert_eq!(parsed.duplicate_fields, ["a.b", "c[0].d"]);
    assert_eq!(parsed.value, json!({"a": {"b": 2}, "c": [{"d": 1}]}));
    assert!(parse(b"{} x").is_err());
    assert!(parse(b"").is_err());
}

#[test]
fn a_document_of_too_many_values_is_rejected() {
    let many = |n: usize| format!("[{}]", vec!["0"; n].join(","));
    assert!(parse(many(1000).as_bytes()).is_ok());
    let error = parse(many(300_000).as_bytes()).unwrap_err().to_string();
    assert!(error.starts_with("more than 250000 values"), "{error}");
}

#[test]
fn a_required_time_may_be_null() {
    use k8s_openapi::api::events::v1::Event;
    let event = json!({"series": {"lastObservedTime": null}});
    let series = decode::<Event>(&event).unwrap().value.series.unwrap();
    assert_eq!(series.last_observed_time.0, jiff::Timestamp::default());
}

#[test]
fn an_empty_selector_differs_from_an_unset_one() {
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

#[test]
fn zero_values_are_unset() {
    let said = json!({"metadata": {"name": "p", "labels": {}, "finalizers": [], "generateName": ""},
        "spec": {"hostNetwork": false, "nodeSelector": {}, "tolerations": [], "nodeName": "", "priorityClassName": "",
            "containers": [{"name": "c", "tty": false, "env": [], "workingDir": "", "resources": {"limits": {}},
                "livenessProbe": {"initialDelaySeconds": 0, "httpGet": {"port": 0, "host": ""}},
                "volumeMounts": [{"name": "v", "mountPath": "/", "readOnly": false, "subPath": ""}]}],
            "affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}},
            "volumes": [{"name": "v", "hostPath": {"path": "/", "type": ""}}]},
        "status": {"conditions": [], "phase": "", "observedGeneration": 0}});
    let unsaid = json!({"metadata": {"name": "p"},
        "spec": {"containers": [{"name": "c", "livenessProbe": {"httpGet": {"port": 0}},
                "volumeMounts": [{"name": "v", "mountPath": "/"}]}],
            "affinity": {"podAffinity": {}},
            "volumes": [{"name": "v", "hostPath": {"path": "/", "type": ""}}]}});
    let [said, unsaid] = [said, unsaid].map(|v| decode::<Pod>(&v).unwrap().value);
    assert_eq!(said, unsaid);
}

#[test]
fn the_kind_of_an_object_within_another_is_ignored() {
    use k8s_openapi::api::apps::v1::StatefulSet;
    let claims = |claim: Value| {
        let value = json!({"spec": {"volumeClaimTemplates": [claim]}});
        decode::<StatefulSet>(&value).unwrap()
    };
    for [kind, version] in [["", ""], ["Pod", "v1"], ["PersistentVolumeClaim", "v2"]] {
        let claim = json!({"kind": kind, "apiVersion": version});
        assert_eq!(claims(claim), claims(json!({})));
    }
    let wrong = json!({"spec": {"volumeClaimTemplates": [{"kind": 1}]}});
    assert!(decode::<StatefulSet>(&wrong).is_err());
}

#[test]
fn pointers_to_zero_and_empty_structs_are_set() {
    let value = json!({"spec": {"automountServiceAccountToken": false, "securityContext": {"runAsUser": 0, "runAsNonRoot": false},
        "volumes": [{"name": "v", "emptyDir": {}}],
        "containers": [{"name": "c", "securityContext": {}, "env": [{"name": "e", "value": ""}], "resources": {"requests": {"cpu": "0"}}}]}});
    let spec = decode::<Pod>(&value).unwrap().value.spec.unwrap();
    assert_eq!(spec.automount_service_account_token, Some(false));
    let context = spec.security_context.unwrap();
    assert_eq!(
        (context.run_as_user, context.run_as_non_root),
        (Some(0), Some(false))
    );
    assert!(spec.volumes.unwrap()[0].empty_dir.is_some());
    assert!(spec.containers[0].security_context.is_some());
    let resources = spec.containers[0].resources.as_ref().unwrap();
    assert_eq!(resources.requests.as_ref().unwrap()["cpu"].0, "0");
}

#[test]
fn zero_values_of_a_wrong_type_are_rejected() {
    for (value, text) in [
        (
            json!({"spec": {"hostNetwork": 0}}),
            "number into Go struct field PodSpec.spec.hostNetwork of type bool",
        ),
        (
            json!({"spec": {"nodeSelector": []}}),
            "array into Go struct field PodSpec.spec.nodeSelector of type map[string]string",
        ),
        (
            json!({"spec": {"volumes": ""}}),
            "string into Go struct field PodSpec.spec.volumes of type []v1.Volume",
        ),
        (
            json!({"spec": {"nodeName": false}}),
            "bool into Go struct field PodSpec.spec.nodeName of type string",
        ),
    ] {
        assert_eq!(pod_error(&value), format!("json: cannot unmarshal {text}"));
    }
}

#[test]
fn maps_that_are_compared_before_they_are_stored_may_be_empty() {
    let empty = json!({"data": {}, "binaryData": {}});
    let map = decode::<ConfigMap>(&empty).unwrap().value;
    assert!(map.data.is_some() && map.binary_data.is_some());
    let unset = decode::<ConfigMap>(&json!({})).unwrap().value;
    assert!(unset.data.is_none() && unset.binary_data.is_none());
}

#[test]
fn fields_that_are_always_written_are_set() {
    let decoded = [
        json!({}),
        json!({"resources": null}),
        json!({"resources": {}}),
    ]
    .map(|container| json!({"spec": {"containers": [container]}}))
    .map(|pod| decode::<Pod>(&pod).unwrap());
    assert_eq!(decoded[0], decoded[1]);
    assert_eq!(decoded[0], decoded[2]);
    let spec = decoded[0].value.spec.as_ref().unwrap();
    assert!(spec.containers[0].resources.is_some());
    assert!(decoded[0].unknown_fields.is_empty());
}

#[test]
fn a_selector_of_empty_parts_selects_everything() {
    use k8s_openapi::api::apps::v1::Deployment;
    let selector = |selector: Value| {
        let value = json!({"spec": {"selector": selector, "template": {}}});
        decode::<Deployment>(&value).unwrap().value.spec.selector
    };
    let everything = selector(json!({}));
    assert_eq!(
        selector(json!({"matchLabels": {}, "matchExpressions": []})),
        everything
    );
    assert_ne!(selector(json!(null)), everything);
    assert!(
        everything
            .match_labels
            .is_some_and(|labels| labels.is_empty())
    );
}

#[test]
fn empty_lists_that_are_stored_as_null_are_reported() {
    use k8s_openapi::api::rbac::v1::Role;
    let decoded = decode::<Role>(&json!({"rules": [], "metadata": {"labels": {}}})).unwrap();
    assert_eq!(
        (decoded.value, decoded.empty),
        (Role::default(), vec!["/rules".to_owned()])
    );
}

#[test]
fn items_of_a_schema_that_are_no_schema_are_unset() {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
    let items = |value: Value| {
        let schema = decode::<JSONSchemaProps>(&json!({"not": {"items": value}}));
        schema.unwrap().value.not.unwrap().items
    };
    for none in [json!(true), json!("x"), json!(1), json!([]), json!(null)] {
        assert_eq!(items(none.clone()), None, "{none}");
    }
    assert!(items(json!({})).is_some() && items(json!([{}])).is_some());
}

#[test]
fn a_struct_without_fields_has_none() {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceSubresources;
    let read = |status: Value| decode::<CustomResourceSubresources>(&json!({"status": status}));
    let decoded = read(json!({"a": {}})).unwrap();
    assert_eq!(decoded.value.status.unwrap().0, json!({}));
    assert_eq!(decoded.unknown_fields, ["status.a"]);
    assert_eq!(read(json!(null)).unwrap().value.status, None);
    assert_eq!(
        read(json!("x")).unwrap_err().to_string(),
        "json: cannot unmarshal string into Go struct field CustomResourceSubresources.status of type v1.CustomResourceSubresourceStatus"
    );
}

#[test]
fn times_that_must_be_set_may_be_missing() {
    use k8s_openapi::api::core::v1::Service;
    let conditions = |condition: Value| {
        let service = json!({"status": {"conditions": [condition]}});
        let service = decode::<Service>(&service).unwrap().value;
        service.status.and_then(|status| status.conditions)
    };
    let missing = conditions(json!({"type": "Ready"}));
    assert!(missing.is_some());
    assert_eq!(
        missing,
        conditions(json!({"type": "Ready", "lastTransitionTime": null}))
    );
}

#[test]
fn unknown_fields_are_no_requirements_of_a_selector() {
    use k8s_openapi::api::apps::v1::Deployment;
    let value = json!({"spec": {"selector": {"app": "w"}, "template": {}}});
    let decoded = decode::<Deployment>(&value).unwrap();
    assert_eq!(decoded.unknown_fields, ["spec.selector.app"]);
    assert_eq!(
        decoded.value.spec.selector.match_labels,
        Some(Default::default())
    );
}

/// Decoding from a document and from a value is the same, whichever way the text is parsed.
fn assert_alike(text: &str) {
    let (document, parsed) = (parse_document(text.as_bytes()), parse(text.as_bytes()));
    let (document, parsed) = (document.unwrap(), parsed.unwrap());
    assert_eq!(document.duplicate_fields, parsed.duplicate_fields, "{text}");
    let read = decode::<Pod>(&document.value);
    let mut unknown = (read.clone()).map_or(Vec::new(), |decoded| decoded.unknown_fields);
    let expected = decode::<Pod>(&parsed.value);
    let mut expected_unknown = (expected.clone()).map_or(Vec::new(), |d| d.unknown_fields);
    unknown.sort();
    expected_unknown.sort();
    assert_eq!(unknown, expected_unknown, "{text}");
    let value = |read: Result<Decoded<Pod>, DecodeError>| read.map(|decoded| decoded.value);
    assert_eq!(value(read), value(expected), "{text}");
    let stored = decode::<Pod>(&parse_stored_document(text.as_bytes()).unwrap());
    assert_eq!(value(stored), value(decode::<Pod>(&parsed.value)), "{text}");
}

#[test]
fn documents_are_decoded_as_values_are() {
    for text in [
        r#"{"metadata":{"name":"\u0061\n","labels":{"a\"b":"c","a\"b":"d"}},"spec":null,"bogus":{"x":[1]}}"#,
        r#"{"spec":{"containers":[{"name":"a","env":[{"name":"A","value":""}],"image":7}]}}"#,
        r#"{"spec":{"containers":[{"name":"a","resources":{"limits":{"cpu":0.5,"memory":"1e3"}}}],"priority":0}}"#,
        r#"{"spec":{"volumes":[],"containers":null},"metadata":{"creationTimestamp":null,"annotations":{}}}"#,
        r#"{"metadata":{"managedFields":[{"manager":"m","fieldsV1":{"f:a":{"f:b":{}},"f:c":{}}}]}}"#,
        "{}",
    ] {
        assert_alike(text);
    }
    // keys are found by their hash where there are many
    let labels: Vec<_> = (0..60)
        .map(|n| format!("\"l{}\":\"{n}\"", n % 50))
        .collect();
    let text = format!("{{\"metadata\":{{\"labels\":{{{}}}}}}}", labels.join(","));
    assert_alike(&text);
    let duplicates = parse_document(text.as_bytes()).unwrap().duplicate_fields;
    assert_eq!(duplicates.len(), 10);
}

/// In the order in which a server stored them, and as Go writes them.
#[test]
fn fields_of_managers_are_kept_as_text() {
    let text = r#"{"metadata":{"managedFields":[{"fieldsV1":{"f:b": {},"f:a":{"v:\"<\"":{}}}}]}}"#;
    let fields = |decoded: Decoded<Pod>| {
        let entries = decoded.value.metadata.managed_fields.unwrap_or_default();
        let fields = entries[0].fields_v1.as_ref().unwrap();
        crate::fields_v1::text(fields).into_owned()
    };
    let stored = decode(&parse_stored_document(text.as_bytes()).unwrap()).unwrap();
    assert_eq!(fields(stored), r#"{"f:b":{},"f:a":{"v:\"\u003c\"":{}}}"#);
    let sent = decode(&parse_document(text.as_bytes()).unwrap().value).unwrap();
    let written = r#"{"f:a":{"v:\"\u003c\"":{}},"f:b":{}}"#;
    assert_eq!(fields(sent), written);
    let pod = decode::<Pod>(&parse(text.as_bytes()).unwrap().value).unwrap();
    let label = crate::encode::TypeMeta {
        api_version: "v1",
        kind: "Pod",
    };
    let encoded = crate::encode::encode(&pod.value, label);
    assert!(String::from_utf8(encoded).unwrap().contains(written));
    let value = crate::encode::to_value(&pod.value, label);
    let tree = json!({"f:a": {"v:\"<\"": {}}, "f:b": {}});
    assert_eq!(
        value.pointer("/metadata/managedFields/0/fieldsV1"),
        Some(&tree)
    );
    for malformed in [r#"{"f:a"}"#, "[", "{\"f:a\":{}"] {
        let text = format!(r#"{{"metadata":{{"managedFields":[{{"fieldsV1":{malformed}}}]}}}}"#);
        assert!(
            parse_stored_document(text.as_bytes()).is_err(),
            "{malformed}"
        );
    }
}

/// `serde_json` has a feature by which a value with this key is replaced by what its text says, within a limit of
/// its own for nesting.
#[test]
fn no_key_has_a_meaning_of_its_own() {
    const KEY: &str = "$serde_json::private::RawValue";
    let text = json!({ KEY: "{\"a\":1}" }).to_string();
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value[KEY], "{\"a\":1}");
    assert_eq!(parse(text.as_bytes()).unwrap().value, value);
    let stored = format!(r#"{{"metadata":{{"managedFields":[{{"fieldsV1":{{"v:1":{text}}}}}]}}}}"#);
    let stored = parse_stored_document(stored.as_bytes()).unwrap();
    let pod = decode::<Pod>(&stored).unwrap().value;
    let entries = pod.metadata.managed_fields.unwrap();
    let fields = crate::fields_v1::text(entries[0].fields_v1.as_ref().unwrap()).into_owned();
    assert_eq!(fields, format!(r#"{{"v:1":{text}}}"#));
    let class = json!({"metadata": {"name": "x"}, "data": value});
    let revision = decode::<k8s_openapi::api::apps::v1::ControllerRevision>(&class);
    assert_eq!(revision.unwrap().value.data.0, value);
}
