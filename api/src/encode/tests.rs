use k8s_openapi::api::core::v1::{Container, ContainerPort, Pod, PodSpec, PodStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::*;

const POD: TypeMeta<'_> = TypeMeta {
    api_version: "v1",
    kind: "Pod",
};

fn pod() -> Pod {
    Pod {
        metadata: ObjectMeta {
            name: Some("p".into()),
            labels: Some([].into()),
            finalizers: Some(vec![]),
            ..ObjectMeta::default()
        },
        spec: Some(PodSpec {
            host_network: Some(false),
            automount_service_account_token: Some(false),
            containers: vec![Container {
                name: "<c>".into(),
                ports: Some(vec![ContainerPort {
                    container_port: 80,
                    host_port: Some(0),
                    ..ContainerPort::default()
                }]),
                ..Container::default()
            }],
            ..PodSpec::default()
        }),
        status: Some(PodStatus::default()),
    }
}

#[test]
fn omits_what_go_omits() {
    let json = String::from_utf8(encode(&pod(), POD)).unwrap();
    assert_eq!(
        json,
        "{\"kind\":\"Pod\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"p\",\"creationTimestamp\":null},\
         \"spec\":{\"automountServiceAccountToken\":false,\"containers\":[{\"name\":\"\\u003cc\\u003e\",\
         \"ports\":[{\"containerPort\":80}],\"resources\":{}}]},\"status\":{}}"
    );
}

#[test]
fn the_label_can_be_replaced_and_the_version_inserted() {
    let bytes = encode(&pod(), POD);
    let rest = Label::new(POD).strip(&bytes).unwrap();
    let renamed = TypeMeta {
        api_version: "v9",
        kind: "Pod",
    };
    let mut out = Vec::new();
    Label::new(renamed).write_object(rest, 7, &mut out);
    assert!(out.starts_with(
        br#"{"kind":"Pod","apiVersion":"v9","metadata":{"resourceVersion":"7","name":"p","creationTimestamp":null}"#
    ));
    out.clear();
    write_item(rest, 7, &mut out);
    assert!(out.starts_with(
        br#"{"metadata":{"resourceVersion":"7","name":"p","creationTimestamp":null}"#
    ));
    let node = TypeMeta {
        api_version: "v1",
        kind: "Node",
    };
    assert!(Label::new(node).strip(&bytes).is_none());
}

#[test]
fn metadata_ends_after_its_closing_brace() {
    let bytes = encode(&pod(), POD);
    let rest = Label::new(POD).strip(&bytes).unwrap();
    let end = metadata_end(rest).unwrap();
    assert!(rest[end..].starts_with(b",\"spec\":{"));
}

#[test]
fn the_version_is_inserted_into_empty_metadata() {
    let bytes = encode(&Pod::default(), POD);
    let label = Label::new(POD);
    let mut out = Vec::new();
    label.write_object(label.strip(&bytes).unwrap(), 7, &mut out);
    assert!(
        serde_json::from_slice::<serde_json::Value>(&out).is_ok(),
        "{}",
        String::from_utf8_lossy(&out)
    );
}

#[test]
fn writes_what_go_always_writes() {
    use k8s_openapi::api::rbac::v1::ClusterRole;
    use serde_json::{Value, json};
    let role = ClusterRole {
        rules: Some(vec![]),
        ..ClusterRole::default()
    };
    let type_meta = TypeMeta {
        api_version: "rbac.authorization.k8s.io/v1",
        kind: "ClusterRole",
    };
    for role in [role, ClusterRole::default()] {
        let written: Value = serde_json::from_slice(&encode(&role, type_meta)).unwrap();
        assert_eq!(
            written,
            json!({"kind": "ClusterRole", "apiVersion": "rbac.authorization.k8s.io/v1",
                "metadata": {"creationTimestamp": null}, "rules": null})
        );
    }
}

#[test]
fn metadata_comes_first() {
    use k8s_openapi::api::core::v1::ConfigMap;
    let map = ConfigMap {
        data: Some([("k".to_owned(), "v".to_owned())].into()),
        metadata: ObjectMeta {
            name: Some("m".into()),
            ..ObjectMeta::default()
        },
        ..ConfigMap::default()
    };
    let type_meta = TypeMeta {
        api_version: "v1",
        kind: "ConfigMap",
    };
    assert_eq!(
        String::from_utf8(encode(&map, type_meta)).unwrap(),
        "{\"kind\":\"ConfigMap\",\"apiVersion\":\"v1\",\"metadata\":{\"name\":\"m\",\
         \"creationTimestamp\":null},\"data\":{\"k\":\"v\"}}"
    );
}

#[test]
fn strings_are_escaped_as_go_does() {
    let text = "a<b>&c\u{2028}d\u{2029}\u{1}\u{7f}\"\\\n\r\té€\u{2027}";
    let json = String::from_utf8(encode_part(text)).unwrap();
    assert_eq!(
        json,
        "\"a\\u003cb\\u003e\\u0026c\\u2028d\\u2029\\u0001\u{7f}\\\"\\\\\\n\\r\\té€\u{2027}\""
    );
    let read: String = serde_json::from_str(&json).unwrap();
    assert_eq!(read, text);
}

#[test]
fn values_equal_the_parsed_text() {
    let mut whole = pod();
    whole.metadata.annotations = Some([("a".into(), "<1>".into())].into());
    for pod in [pod(), Pod::default(), whole] {
        let text: Value = serde_json::from_slice(&encode(&pod, POD)).unwrap();
        assert_eq!(to_value(&pod, POD), text);
    }
}

#[test]
fn an_unset_selector_is_null_and_an_empty_one_is_not() {
    use k8s_openapi::api::apps::v1::Deployment;
    use serde_json::json;
    let deployment = TypeMeta {
        api_version: "apps/v1",
        kind: "Deployment",
    };
    for selector in [json!(null), json!({})] {
        let document = json!({"spec": {"selector": selector, "template": {}}});
        let read = crate::decode::decode::<Deployment>(&document)
            .unwrap()
            .value;
        assert_eq!(to_value(&read, deployment)["spec"]["selector"], selector);
        let text: Value = serde_json::from_slice(&encode(&read, deployment)).unwrap();
        assert_eq!(text["spec"]["selector"], selector);
    }
}

#[test]
fn whole_numbers_have_no_fraction() {
    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
        JSON, JSONSchemaProps,
    };
    let schema = JSONSchemaProps {
        default: Some(JSON(serde_json::json!(2.0))),
        maximum: Some(1e12),
        minimum: Some(0.5),
        ..JSONSchemaProps::default()
    };
    let text = String::from_utf8(encode_part(&schema)).unwrap();
    assert_eq!(
        text,
        r#"{"default":2,"maximum":1000000000000,"minimum":0.5}"#
    );
}

#[test]
fn unset_lists_of_an_autoscaler_are_written_as_its_version_has_them() {
    use k8s_openapi::api::autoscaling::{v1, v2};
    use serde_json::json;
    fn status(
        object: &(impl k8s_openapi::serde::Serialize + ?Sized),
        api_version: &str,
    ) -> [Value; 2] {
        let type_meta = TypeMeta {
            api_version,
            kind: "HorizontalPodAutoscaler",
        };
        let text: Value = serde_json::from_slice(&encode(object, type_meta)).unwrap();
        [&text, &to_value(object, type_meta)].map(|object| object["status"].clone())
    }
    let unset = v2::HorizontalPodAutoscaler::default();
    let set = v2::HorizontalPodAutoscaler {
        status: Some(v2::HorizontalPodAutoscalerStatus {
            current_replicas: Some(0),
            current_metrics: Some(Vec::new()),
            ..Default::default()
        }),
        ..Default::default()
    };
    for object in [unset, set] {
        let stable = json!({"desiredReplicas": 0, "currentMetrics": null});
        assert_eq!(status(&object, "autoscaling/v2"), [stable.clone(), stable]);
        let beta = json!({"currentReplicas": 0, "desiredReplicas": 0, "currentMetrics": null,
            "conditions": null});
        let expected = [beta.clone(), beta];
        assert_eq!(status(&object, "autoscaling/v2beta2"), expected);
    }
    let counts = json!({"currentReplicas": 0, "desiredReplicas": 0});
    let first = v1::HorizontalPodAutoscaler::default();
    assert_eq!(status(&first, "autoscaling/v1"), [counts.clone(), counts]);
}

#[test]
fn a_review_of_rules_lists_none_as_an_empty_list() {
    use k8s_openapi::api::authorization::v1::{SelfSubjectRulesReview, SubjectRulesReviewStatus};
    let review = SelfSubjectRulesReview {
        status: Some(SubjectRulesReviewStatus::default()),
        ..Default::default()
    };
    let type_meta = TypeMeta {
        api_version: "authorization.k8s.io/v1",
        kind: "SelfSubjectRulesReview",
    };
    let expected =
        serde_json::json!({"incomplete": false, "resourceRules": [], "nonResourceRules": []});
    assert_eq!(to_value(&review, type_meta)["status"], expected);
}

#[test]
fn a_field_that_the_reported_release_does_not_have_is_only_written_if_it_is_set() {
    use k8s_openapi::api::storage::v1::{CSINode, CSINodeStatus};
    let type_meta = TypeMeta {
        api_version: "storage.k8s.io/v1",
        kind: "CSINode",
    };
    for (status, expected) in [(None, None), (Some(CSINodeStatus::default()), Some("{}"))] {
        let node = CSINode {
            status,
            ..Default::default()
        };
        let written = to_value(&node, type_meta);
        let status = written.get("status").map(Value::to_string);
        assert_eq!(status.as_deref(), expected);
    }
}
