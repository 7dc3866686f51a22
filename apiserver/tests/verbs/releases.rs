//! Which versions are served: those of a release, and what was asked for by name.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::server::TestServer;

/// The code of a list in a version.
async fn code(admin: &Client, path: &str) -> u16 {
    admin.get(path).await.code
}

/// The versions that discovery lists, as `GROUP/VERSION`.
async fn versions(admin: &Client) -> Vec<String> {
    let groups = admin.get("/apis").await.json();
    let groups = groups["groups"].as_array().cloned().unwrap_or_default();
    let versions = groups.iter().flat_map(|group| group["versions"].as_array());
    let versions = versions.flatten();
    versions
        .filter_map(|version| version["groupVersion"].as_str().map(str::to_owned))
        .collect()
}

#[tokio::test]
async fn a_release_of_old_serves_its_betas_and_nothing_newer() {
    let server = TestServer::start(&["--emulated-version=kube=1.20"]).await;
    let admin = server.admin();
    let version = admin.get("/version").await.json();
    assert_eq!(
        (&version["major"], &version["minor"]),
        (&json!("1"), &json!("20"))
    );
    let git = version["gitVersion"].as_str().unwrap();
    assert!(git.starts_with("v1.20.0+portcullis."), "{git}");
    let listed = versions(&admin).await;
    for (version, plural, served) in [
        ("extensions/v1beta1", "ingresses", true),
        ("networking.k8s.io/v1beta1", "ingresses", true),
        ("rbac.authorization.k8s.io/v1beta1", "clusterroles", true),
        ("batch/v1beta1", "cronjobs", true),
        ("batch/v1", "cronjobs", false),
        ("autoscaling/v2", "horizontalpodautoscalers", false),
        ("autoscaling/v2beta1", "horizontalpodautoscalers", true),
        ("policy/v1", "poddisruptionbudgets", false),
        ("policy/v1beta1", "podsecuritypolicies", true),
        ("flowcontrol.apiserver.k8s.io/v1beta1", "flowschemas", true),
        ("flowcontrol.apiserver.k8s.io/v1", "flowschemas", false),
        ("resource.k8s.io/v1", "deviceclasses", false),
    ] {
        let expected = if served { 200 } else { 404 };
        let path = format!("/apis/{version}/{plural}");
        assert_eq!(code(&admin, &path).await, expected, "{path}");
        let has_version = listed.iter().any(|listed| listed == version);
        let others = ["batch/v1", "policy/v1beta1"].contains(&version);
        assert!(others || has_version == served, "{version}: {listed:?}");
    }
    let list = admin.get("/apis/batch/v1").await.json();
    let jobs: Vec<_> = list["resources"].as_array().unwrap().iter().collect();
    assert!(jobs.iter().all(|one| one["kind"] == "Job"), "{jobs:?}");
    let group = admin.get("/apis/autoscaling").await.json();
    assert_eq!(group["preferredVersion"]["version"], "v1");
    let document = admin.get("/openapi/v3/apis/autoscaling/v2").await;
    assert_eq!(document.code, 404);
    let services = "/apis/apiregistration.k8s.io/v1/apiservices";
    let known = admin.get(&format!("{services}/v1.resource.k8s.io")).await;
    assert_eq!(known.code, 404);
}

#[tokio::test]
async fn a_release_of_today_has_no_betas_of_old() {
    let server = TestServer::start(&["--emulated-version=1.37"]).await;
    let admin = server.admin();
    assert_eq!(admin.get("/version").await.json()["minor"], "37");
    for (path, expected) in [
        ("/apis/batch/v1beta1/cronjobs", 404),
        ("/apis/policy/v1beta1/podsecuritypolicies", 404),
        ("/apis/extensions/v1beta1/podsecuritypolicies", 404),
        (
            "/apis/flowcontrol.apiserver.k8s.io/v1beta3/flowschemas",
            404,
        ),
        ("/apis/resource.k8s.io/v1/resourceclaims", 200),
        (
            "/apis/admissionregistration.k8s.io/v1/mutatingadmissionpolicies",
            200,
        ),
        ("/apis/networking.k8s.io/v1/servicecidrs", 200),
    ] {
        assert_eq!(code(&admin, path).await, expected, "{path}");
    }
    let listed = versions(&admin).await;
    let betas: Vec<_> = listed
        .iter()
        .filter(|version| version.contains("beta"))
        .collect();
    assert!(betas.is_empty(), "{betas:?}");
}

/// A server that enforces pod security policies needs them.
#[tokio::test]
async fn policies_stay_where_they_are_enforced() {
    let flags = [
        "--emulated-version=1.30",
        "--enable-admission-plugins=PodSecurityPolicy",
    ];
    let server = TestServer::start(&flags).await;
    let admin = server.admin();
    let path = "/apis/policy/v1beta1/podsecuritypolicies";
    assert_eq!(code(&admin, path).await, 200);
    assert_eq!(
        code(
            &admin,
            "/apis/policy/v1beta1/namespaces/default/poddisruptionbudgets"
        )
        .await,
        404
    );
}

#[tokio::test]
async fn workloads_of_old_are_served_where_they_are_asked_for() {
    let server =
        TestServer::start(&["--runtime-config=extensions/v1beta1=true,api/beta=false"]).await;
    let admin = server.admin();
    let path = |version: &str| format!("/apis/{version}/namespaces/default/deployments");
    let template = json!({"metadata": {"labels": {"app": "a"}},
        "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let deployment = json!({"apiVersion": "extensions/v1beta1", "kind": "Deployment",
        "metadata": {"name": "d"}, "spec": {"template": template}});
    let made = admin.post(&path("extensions/v1beta1"), &deployment).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(
        made.headers["warning"].to_str().unwrap(),
        "299 - \"extensions/v1beta1 Deployment is deprecated in v1.8+, unavailable in v1.16+; use apps/v1 Deployment\""
    );
    let spec = &made.json()["spec"];
    assert_eq!(spec["selector"], json!({"matchLabels": {"app": "a"}}));
    assert_eq!(
        spec["strategy"]["rollingUpdate"],
        json!({"maxUnavailable": 1, "maxSurge": 1})
    );
    assert_eq!(spec["progressDeadlineSeconds"], i32::MAX);
    let stable = admin.get(&format!("{}/d", path("apps/v1"))).await.json();
    assert_eq!(stable["metadata"]["uid"], made.json()["metadata"]["uid"]);
    assert_eq!(stable["apiVersion"], "apps/v1");
    assert_eq!(code(&admin, "/apis/batch/v1beta1/cronjobs").await, 404);
}

/// An ingress has its backends in the words of its version.
#[tokio::test]
async fn an_ingress_is_the_same_in_three_versions() {
    let server = TestServer::start(&["--emulated-version=1.20"]).await;
    let admin = server.admin();
    let path = |version: &str| format!("/apis/{version}/namespaces/default/ingresses");
    let backend = json!({"serviceName": "s", "servicePort": "http"});
    let ingress = json!({"apiVersion": "extensions/v1beta1", "kind": "Ingress",
        "metadata": {"name": "i"}, "spec": {"backend": {"serviceName": "d", "servicePort": 80},
            "rules": [{"http": {"paths": [{"path": "/", "backend": backend}]}}]}});
    let made = admin.post(&path("extensions/v1beta1"), &ingress).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(
        made.headers["warning"].to_str().unwrap(),
        "299 - \"extensions/v1beta1 Ingress is deprecated in v1.14+, unavailable in v1.22+; use networking.k8s.io/v1 Ingress\""
    );
    let stable = admin
        .get(&format!("{}/i", path("networking.k8s.io/v1")))
        .await
        .json();
    assert_eq!(
        stable["spec"]["defaultBackend"],
        json!({"service": {"name": "d", "port": {"number": 80}}})
    );
    let http = &stable["spec"]["rules"][0]["http"]["paths"][0];
    assert_eq!(http["pathType"], "ImplementationSpecific");
    assert_eq!(
        http["backend"],
        json!({"service": {"name": "s", "port": {"name": "http"}}})
    );
    let patch = json!({"spec": {"backend": {"servicePort": 81}}});
    let beta = format!("{}/i", path("networking.k8s.io/v1beta1"));
    let merge = admin.header("content-type", "application/merge-patch+json");
    let patched = merge.ask(Method::PATCH, &beta, patch.to_string()).await;
    assert_eq!(patched.code, 200, "{patched:?}");
    assert_eq!(
        patched.json()["spec"]["backend"],
        json!({"serviceName": "d", "servicePort": 81})
    );
    let explained = merge.get("/openapi/v3/apis/extensions/v1beta1").await;
    let text = String::from_utf8_lossy(&explained.body).into_owned();
    assert!(text.contains("io.k8s.api.networking.v1beta1.IngressBackend"));
}

#[tokio::test]
async fn a_priority_level_calls_its_shares_as_its_version_does() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let path = |version: &str| {
        format!("/apis/flowcontrol.apiserver.k8s.io/{version}/prioritylevelconfigurations")
    };
    let level = json!({"apiVersion": "flowcontrol.apiserver.k8s.io/v1beta2",
        "kind": "PriorityLevelConfiguration", "metadata": {"name": "l"},
        "spec": {"type": "Limited", "limited": {"assuredConcurrencyShares": 7,
            "limitResponse": {"type": "Reject"}}}});
    let made = admin.post(&path("v1beta2"), &level).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(made.headers.get("warning"), None, "not deprecated in 1.24");
    let stable = admin.get(&format!("{}/l", path("v1"))).await.json();
    assert_eq!(stable["spec"]["limited"]["nominalConcurrencyShares"], 7);
    let group = admin.get("/apis/flowcontrol.apiserver.k8s.io").await.json();
    let names: Vec<_> = group["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|v| &v["version"])
        .collect();
    assert_eq!(names, ["v1", "v1beta2", "v1beta1"]);
}

#[tokio::test]
async fn an_autoscaler_has_its_metrics_as_its_version_has_them() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let path = |version: &str| {
        format!("/apis/autoscaling/{version}/namespaces/default/horizontalpodautoscalers")
    };
    let target = json!({"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"});
    let metrics = json!([
        {"type": "Resource", "resource": {"name": "cpu", "targetAverageUtilization": 70}},
        {"type": "Pods", "pods": {"metricName": "m", "targetAverageValue": "3"}}]);
    let scaler = json!({"apiVersion": "autoscaling/v2beta1", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "h"},
        "spec": {"scaleTargetRef": target, "maxReplicas": 3, "metrics": metrics}});
    let made = admin.post(&path("v2beta1"), &scaler).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(made.json()["spec"]["metrics"], metrics);
    let warning = made.headers["warning"].to_str().unwrap();
    assert!(
        warning.contains("deprecated in v1.22+, unavailable in v1.25+"),
        "{warning}"
    );
    let stable = admin.get(&format!("{}/h", path("v2"))).await.json();
    let resource =
        json!({"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}});
    assert_eq!(stable["spec"]["metrics"][0]["resource"], resource);
}

/// The kinds of dynamic resource allocation, as clients of today make them.
#[tokio::test]
async fn kinds_of_today_are_served_and_checked() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let group = |plural: &str| format!("/apis/resource.k8s.io/v1/{plural}");
    let class = |expression: &str| {
        json!({"apiVersion": "resource.k8s.io/v1", "kind": "DeviceClass",
            "metadata": {"name": "gpu"}, "spec": {"selectors": [{"cel": {"expression": expression}}]}})
    };
    let wrong = admin
        .post(&group("deviceclasses"), &class("device.driver"))
        .await;
    assert_eq!(wrong.code, 422, "{wrong:?}");
    let message: Value = wrong.json();
    let message = message["message"].as_str().unwrap();
    assert!(
        message.contains("spec.selectors[0].cel.expression"),
        "{message}"
    );
    let made = admin
        .post(&group("deviceclasses"), &class("device.driver == 'd'"))
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    let claim = json!({"apiVersion": "resource.k8s.io/v1", "kind": "ResourceClaim",
        "metadata": {"name": "c"}, "spec": {"devices": {"requests": [
            {"name": "r", "exactly": {"deviceClassName": "gpu"}}]}}});
    let claims = "/apis/resource.k8s.io/v1/namespaces/default/resourceclaims";
    let made = admin.post(claims, &claim).await;
    assert_eq!(made.code, 201, "{made:?}");
    let exactly = &made.json()["spec"]["devices"]["requests"][0]["exactly"];
    assert_eq!(
        exactly,
        &json!({"deviceClassName": "gpu", "allocationMode": "ExactCount", "count": 1})
    );
}

/// A server that becomes another release has its API services, and the same objects.
#[tokio::test]
async fn a_server_can_become_another_release() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let service = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.batch";
    until(&admin, service, 200).await;
    let policy = json!({"apiVersion": "policy/v1beta1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "b"}, "spec": {"minAvailable": 1}});
    let budgets =
        |version: &str| format!("/apis/policy/{version}/namespaces/default/poddisruptionbudgets");
    assert_eq!(admin.post(&budgets("v1beta1"), &policy).await.code, 201);
    // what is as old as the start may be of another server
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let directory = server.stop().await;
    let server = TestServer::start_in(directory, &["--emulated-version=1.30"]).await;
    let admin = server.admin();
    until(&admin, service, 404).await;
    let found = admin.get(&format!("{}/b", budgets("v1"))).await;
    assert_eq!(found.code, 200, "{found:?}");
    assert_eq!(admin.get(&budgets("v1beta1")).await.code, 404);
}

/// Waits until a path is answered with a code.
async fn until(admin: &Client, path: &str, expected: u16) {
    for _ in 0..200 {
        if code(admin, path).await == expected {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{path}: not {expected}");
}
