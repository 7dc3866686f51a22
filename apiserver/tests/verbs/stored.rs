//! The answer to a write is the stored object: linked fields agree, defaults are complete, owners are
//! recorded.

use http::Method;
use serde_json::{Value, json};

use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

async fn made(admin: &Client, path: &str, object: &Value) -> Value {
    let answer = admin.post(path, object).await;
    assert_eq!(
        answer.code,
        201,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    answer.json()
}

async fn patch(client: &Client, form: &str, path: &str, body: &str) -> Answer {
    let client = client
        .clone()
        .header("content-type", &format!("application/{form}"));
    client.ask(Method::PATCH, path, body.to_owned()).await
}

fn containers() -> Value {
    json!([{"name": "c", "image": "i"}])
}

/// Labels derived from the uid are set on creation, and repeating the write changes nothing.
#[tokio::test]
async fn a_new_job_without_labels_has_those_of_its_pods() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let jobs = "/apis/batch/v1/namespaces/default/jobs";
    let job = json!({"metadata": {"generateName": "j-"},
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": containers()}}}});
    for path in [format!("{jobs}?dryRun=All"), jobs.to_owned()] {
        let made = made(&admin, &path, &job).await;
        let labels = &made["metadata"]["labels"];
        assert_eq!(labels["controller-uid"], made["metadata"]["uid"], "{path}");
        assert_eq!(labels["job-name"], made["metadata"]["name"], "{path}");
        if path != jobs {
            continue;
        }
        let path = format!("{jobs}/{}", made["metadata"]["name"].as_str().unwrap());
        assert_eq!(admin.get(&path).await.json(), made);
        let again = patch(&admin, "merge-patch+json", &path, "{}").await;
        assert_eq!(again.json(), made);
    }
}

/// If the two differ, the field of older clients takes precedence.
#[tokio::test]
async fn a_changed_singular_changes_the_plural() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let pods = "/api/v1/namespaces/default/pods";
    made(
        &admin,
        pods,
        &json!({"metadata": {"name": "p"}, "spec": {"containers": containers()}}),
    )
    .await;
    let path = format!("{pods}/p/status");
    for (said, ip, ips) in [
        (
            json!({"podIP": "10.0.0.1"}),
            "10.0.0.1",
            json!([{"ip": "10.0.0.1"}]),
        ),
        (
            json!({"podIP": "10.0.0.2"}),
            "10.0.0.2",
            json!([{"ip": "10.0.0.2"}]),
        ),
        (
            json!({"podIP": "10.0.0.3", "podIPs": [{"ip": "10.0.0.3"}, {"ip": "fd00::3"}]}),
            "10.0.0.3",
            json!([{"ip": "10.0.0.3"}, {"ip": "fd00::3"}]),
        ),
        (
            json!({"podIP": "10.0.0.4"}),
            "10.0.0.4",
            json!([{"ip": "10.0.0.4"}]),
        ),
        (
            json!({"podIP": null, "podIPs": [{"ip": "10.0.0.5"}]}),
            "10.0.0.5",
            json!([{"ip": "10.0.0.5"}]),
        ),
    ] {
        let answer = patch(
            &admin,
            "merge-patch+json",
            &path,
            &json!({"status": said}).to_string(),
        )
        .await;
        assert_eq!(answer.code, 200, "{said}");
        let status = answer.json()["status"].clone();
        assert_eq!(
            (&status["podIP"], &status["podIPs"]),
            (&json!(ip), &ips),
            "{said}"
        );
    }
    let odd = json!({"status": {"hostIP": "10.1.0.1", "hostIPs": [{"ip": "10.1.0.2"}]}});
    let refused = patch(&admin, "merge-patch+json", &path, &odd.to_string()).await;
    assert_eq!(refused.code, 422);
    assert!(
        refused.message().ends_with("must be equal to `hostIP`"),
        "{}",
        refused.message()
    );

    made(
        &admin,
        "/api/v1/nodes",
        &json!({"metadata": {"name": "n"}, "spec": {"podCIDR": "10.1.0.0/24"}}),
    )
    .await;
    let node = made(
        &admin,
        "/api/v1/nodes",
        &json!({"metadata": {"name": "m"}, "spec": {"podCIDR": "10.2.0.0/24", "podCIDRs": ["10.3.0.0/24", "fd00::/64"]}}),
    )
    .await;
    assert_eq!(node["spec"]["podCIDRs"], json!(["10.2.0.0/24"]));
}

/// A collection, an object in it with an empty union, and the path of its field.
type Case = (String, Value, &'static str);

fn choices_of_pods_and_networks() -> Vec<Case> {
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}, "volumeMode": ""});
    let mut volume = json!({"capacity": {"storage": "1"}, "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/"}});
    volume["volumeMode"] = json!("");
    let namespaced = |group: &str, plural: &str| format!("/{group}/namespaces/default/{plural}");
    vec![
        (
            namespaced("apis/networking.k8s.io/v1", "networkpolicies"),
            json!({"metadata": {"name": "z"}, "spec": {"podSelector": {}, "ingress": [{"ports": [{"protocol": ""}]}]}}),
            "spec.ingress[0].ports[0].protocol",
        ),
        (
            namespaced("api/v1", "persistentvolumeclaims"),
            json!({"metadata": {"name": "z"}, "spec": claim}),
            "spec.volumeMode",
        ),
        (
            "/api/v1/persistentvolumes".to_owned(),
            json!({"metadata": {"name": "z"}, "spec": volume}),
            "spec.volumeMode",
        ),
        (
            namespaced("api/v1", "services"),
            json!({"metadata": {"name": "z"}, "spec": {"ports": [{"port": 1}], "internalTrafficPolicy": ""}}),
            "spec.internalTrafficPolicy",
        ),
        (
            namespaced("api/v1", "services"),
            json!({"metadata": {"name": "z"}, "spec": {"ports": [{"port": 1}], "ipFamilyPolicy": ""}}),
            "spec.ipFamilyPolicy",
        ),
        (
            namespaced("api/v1", "pods"),
            json!({"metadata": {"name": "z"}, "spec": {"containers": [{"name": "c", "image": "i", "volumeMounts": [{"name": "v", "mountPath": "/v", "mountPropagation": ""}]}], "volumes": [{"name": "v", "emptyDir": {}}]}}),
            "spec.containers[0].volumeMounts.mountPropagation",
        ),
        (
            namespaced("api/v1", "pods"),
            json!({"metadata": {"name": "z"}, "spec": {"containers": containers(), "securityContext": {"fsGroupChangePolicy": ""}}}),
            "spec.securityContext.fsGroupChangePolicy",
        ),
        (
            namespaced("api/v1", "pods"),
            json!({"metadata": {"name": "z"}, "spec": {"containers": containers(), "volumes": [{"name": "v", "azureDisk": {"diskName": "d", "diskURI": "https://a.blob.core.windows.net/c/d.vhd", "cachingMode": ""}}]}}),
            "spec.volumes[0].azureDisk.cachingMode",
        ),
        (
            namespaced("apis/policy/v1", "poddisruptionbudgets"),
            json!({"metadata": {"name": "z"}, "spec": {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": ""}}),
            "spec.unhealthyPodEvictionPolicy",
        ),
        (
            namespaced("apis/discovery.k8s.io/v1", "endpointslices"),
            json!({"metadata": {"name": "z"}, "addressType": "IPv4", "endpoints": [], "ports": [{"protocol": ""}]}),
            "ports[0].protocol",
        ),
    ]
}

fn choices_of_classes_and_controllers() -> Vec<Case> {
    let hook = |extra: Value| {
        let mut hook = json!({"name": "z.example.com", "sideEffects": "None", "admissionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://example.com"}});
        hook.as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        json!({"metadata": {"name": "z"}, "webhooks": [hook]})
    };
    let class = |extra: Value| {
        let mut class = json!({"metadata": {"name": "z"}, "provisioner": "z"});
        class
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        class
    };
    let behavior = json!({"maxReplicas": 2, "scaleTargetRef": {"kind": "D", "name": "d"},
        "behavior": {"scaleDown": {"selectPolicy": "", "policies": [{"type": "Pods", "value": 1, "periodSeconds": 1}]}}});
    let job = json!({"completionMode": "", "template": {"spec": {"restartPolicy": "Never", "containers": containers()}}});
    let namespaced = |group: &str, plural: &str| format!("/{group}/namespaces/default/{plural}");
    vec![
        (
            "/apis/storage.k8s.io/v1/storageclasses".to_owned(),
            class(json!({"volumeBindingMode": ""})),
            "volumeBindingMode",
        ),
        (
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations".to_owned(),
            hook(
                json!({"rules": [{"operations": ["CREATE"], "apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "scope": ""}]}),
            ),
            "webhooks[0].rules[0].scope",
        ),
        (
            "/apis/storage.k8s.io/v1/csidrivers".to_owned(),
            json!({"metadata": {"name": "z"}, "spec": {"fsGroupPolicy": ""}}),
            "spec.fsGroupPolicy",
        ),
        (
            "/apis/scheduling.k8s.io/v1/priorityclasses".to_owned(),
            json!({"metadata": {"name": "z"}, "value": 1, "preemptionPolicy": ""}),
            "preemptionPolicy",
        ),
        (
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations".to_owned(),
            hook(json!({"failurePolicy": ""})),
            "webhooks[0].failurePolicy",
        ),
        (
            "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations".to_owned(),
            hook(json!({"reinvocationPolicy": ""})),
            "webhooks[0].reinvocationPolicy",
        ),
        (
            "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations".to_owned(),
            hook(json!({"matchPolicy": ""})),
            "webhooks[0].matchPolicy",
        ),
        (
            namespaced("apis/batch/v1", "jobs"),
            json!({"metadata": {"name": "z"}, "spec": job}),
            "spec.completionMode",
        ),
        (
            namespaced("apis/autoscaling/v2", "horizontalpodautoscalers"),
            json!({"metadata": {"name": "z"}, "spec": behavior}),
            "spec.behavior.scaleDown.selectPolicy",
        ),
    ]
}

/// In Go these are pointers: an empty value is present, but none of the known choices.
#[tokio::test]
async fn an_empty_union_differs_from_an_absent_one() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let cases =
        (choices_of_pods_and_networks().into_iter()).chain(choices_of_classes_and_controllers());
    for (path, object, field) in cases {
        let answer = admin.post(&path, &object).await;
        assert_eq!(
            answer.code,
            422,
            "{path} {object}: {}",
            String::from_utf8_lossy(&answer.body)
        );
        let causes = answer.json()["details"]["causes"].clone();
        let found = causes
            .as_array()
            .unwrap()
            .iter()
            .any(|cause| cause["field"] == field);
        assert!(found, "{path}: {causes}");
    }
}

fn owned(object: &Value) -> Value {
    object["metadata"]["managedFields"][0]["fieldsV1"].clone()
}

/// An empty list of a field that is always written is not stored, but is owned.
#[tokio::test]
async fn an_empty_list_of_rules_is_owned_by_its_manager() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles";
    let role = |name: &str, rules: Value| json!({"metadata": {"name": name}, "rules": rules});
    let empty = made(&admin, roles, &role("empty", json!([]))).await;
    assert_eq!(
        (&empty["rules"], owned(&empty)),
        (&Value::Null, json!({"f:rules": {}}))
    );
    let none = made(&admin, roles, &role("none", Value::Null)).await;
    assert_eq!(
        (&none["rules"], &none["metadata"]["managedFields"]),
        (&Value::Null, &Value::Null)
    );
    let again = patch(
        &admin,
        "merge-patch+json",
        &format!("{roles}/empty"),
        r#"{"rules": []}"#,
    )
    .await;
    assert_eq!(again.json(), empty);
}

#[tokio::test]
async fn an_apply_configuration_is_read_like_any_body() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let maps = "/api/v1/namespaces/default/configmaps";
    let twice = r#"{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "1", "a": "2"}}"#;
    let path = |validation: &str| format!("{maps}/m?fieldManager=t&fieldValidation={validation}");
    let strict = patch(&admin, "apply-patch+yaml", &path("Strict"), twice).await;
    assert_eq!(
        (strict.code, strict.message()),
        (
            400,
            "error strict decoding YAML: duplicate field \"data.a\"".to_owned()
        )
    );
    let warned = patch(&admin, "apply-patch+yaml", &path("Warn"), twice).await;
    assert_eq!(warned.code, 201);
    assert_eq!(
        warned.headers["warning"],
        "299 - \"duplicate field \\\"data.a\\\"\""
    );
    assert_eq!(warned.json()["data"], json!({"a": "2"}));
    let ignored = patch(&admin, "apply-patch+yaml", &path("Ignore"), twice).await;
    assert_eq!((ignored.code, ignored.headers.get("warning")), (200, None));
    let many = format!(
        r#"{{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {{"name": "m"}}, "data": [{}0]}}"#,
        "0,".repeat(250_000)
    );
    let refused = patch(&admin, "apply-patch+yaml", &path("Warn"), &many).await;
    assert_eq!(refused.code, 400);
    assert!(
        refused.message().starts_with("error decoding YAML: "),
        "{}",
        refused.message()
    );
}

#[tokio::test]
async fn a_duplicate_key_in_yaml_has_upstreams_error() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let maps = "/api/v1/namespaces/default/configmaps";
    let twice = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  a: '1'\n  a: '2'\n";
    let why = "yaml: unmarshal errors:\n  line 6: key \"a\" already set in map";
    let path = format!("{maps}/m?fieldManager=t&fieldValidation=Strict");
    let applied = patch(&admin, "apply-patch+yaml", &path, twice).await;
    let expected = format!("error strict decoding YAML: error converting YAML to JSON: {why}");
    assert_eq!((applied.code, applied.message()), (400, expected));
    let yaml = admin.header("content-type", "application/yaml");
    let made = yaml.ask(Method::POST, maps, twice).await;
    assert_eq!(made.code, 400);
    assert!(made.message().ends_with(why), "{made:?}");
}

/// A write of the main resource owns no status (upstream: `GetResetFields`).
#[tokio::test]
async fn a_status_is_not_owned_by_its_objects_creator() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let status = json!({"phase": "Active"});
    let space = json!({"metadata": {"name": "z"}, "status": status});
    let space = made(&admin, "/api/v1/namespaces", &space).await;
    assert_eq!(space["status"], status);
    assert_eq!(owned(&space).get("f:status"), None);
    let quotas = "/api/v1/namespaces/default/resourcequotas";
    let quota = json!({"metadata": {"name": "z"}, "status": {"hard": {"pods": "1"}}});
    let quota = made(&admin, quotas, &quota).await;
    assert_eq!(quota["metadata"]["managedFields"], Value::Null);
}
