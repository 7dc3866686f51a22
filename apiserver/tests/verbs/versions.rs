//! One kind under two group versions.

use serde_json::json;

use crate::support::server::TestServer;

#[tokio::test]
async fn a_policy_is_stored_once_and_served_in_both_groups() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let rule = json!({"rule": "RunAsAny"});
    let policy = json!({"apiVersion": "extensions/v1beta1", "kind": "PodSecurityPolicy",
        "metadata": {"name": "p"}, "spec": {"seLinux": rule, "runAsUser": rule, "fsGroup": rule,
        "supplementalGroups": rule, "volumes": ["*"]}});
    let path = |group: &str| format!("/apis/{group}/v1beta1/podsecuritypolicies");
    let made = admin.post(&path("extensions"), &policy).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(made.json()["apiVersion"], "extensions/v1beta1");
    let found = admin.get(&format!("{}/p", path("policy"))).await.json();
    assert_eq!(found["apiVersion"], "policy/v1beta1");
    assert_eq!(found["metadata"], made.json()["metadata"]);
    assert_eq!(found["spec"]["allowPrivilegeEscalation"], true);
    let wrong = admin.post(&path("policy"), &policy).await;
    assert_eq!(wrong.code, 400, "the body's version is not the URL's");
}

/// Objects of the beta versions that components and manifests of 1.20 to 1.24 still use are stored alike, and
/// return a warning.
#[tokio::test]
async fn betas_are_the_objects_of_their_stable_versions() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let job = json!({"template": {"spec": {"restartPolicy": "Never",
        "containers": [{"name": "c", "image": "i"}]}}});
    let target = json!({"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"});
    let metrics = json!([{"type": "Resource", "resource": {"name": "memory",
        "target": {"type": "Utilization", "averageUtilization": 50}}}]);
    for (beta, stable, plural, kind, spec, since) in [
        (
            "batch/v1beta1",
            "batch/v1",
            "cronjobs",
            "CronJob",
            json!({"schedule": "* * * * *", "jobTemplate": {"spec": job}}),
            "v1.21+, unavailable in v1.25+; use ",
        ),
        (
            "autoscaling/v2beta2",
            "autoscaling/v2",
            "horizontalpodautoscalers",
            "HorizontalPodAutoscaler",
            json!({"scaleTargetRef": target, "maxReplicas": 3, "metrics": metrics}),
            "v1.23+, unavailable in v1.26+; use ",
        ),
        (
            "policy/v1beta1",
            "policy/v1",
            "poddisruptionbudgets",
            "PodDisruptionBudget",
            json!({"minAvailable": 1}),
            "v1.21+, unavailable in v1.25+; use ",
        ),
    ] {
        let object =
            json!({"apiVersion": beta, "kind": kind, "metadata": {"name": "x"}, "spec": spec});
        let made = admin
            .post(
                &format!("/apis/{beta}/namespaces/default/{plural}"),
                &object,
            )
            .await;
        assert_eq!(made.code, 201, "{made:?}");
        assert_eq!(made.json()["apiVersion"], beta);
        let warning = made.headers["warning"].to_str().unwrap();
        let expected = format!("299 - \"{beta} {kind} is deprecated in {since}{stable} {kind}\"");
        assert_eq!(warning, expected);
        let found = admin
            .get(&format!("/apis/{stable}/namespaces/default/{plural}/x"))
            .await;
        assert_eq!(
            found.json()["metadata"]["uid"],
            made.json()["metadata"]["uid"]
        );
        assert_eq!(found.headers.get("warning"), None);
    }
}

/// kube-proxy and the controller-manager of 1.20 use slices in this version only.
#[tokio::test]
async fn a_slice_has_its_zone_in_a_map_or_a_field() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let slices = |version: &str| {
        format!("/apis/discovery.k8s.io/{version}/namespaces/default/endpointslices")
    };
    let topology = json!({"kubernetes.io/hostname": "n", "topology.kubernetes.io/zone": "z"});
    let slice = json!({"apiVersion": "discovery.k8s.io/v1beta1", "kind": "EndpointSlice", "metadata": {"name": "s"},
        "addressType": "IPv4", "endpoints": [{"addresses": ["10.0.0.1"], "topology": topology}]});
    let made = admin.post(&slices("v1beta1"), &slice).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(made.json()["endpoints"][0]["topology"], topology);
    let found = admin.get(&format!("{}/s", slices("v1"))).await.json();
    assert_eq!(found["endpoints"][0]["zone"], "z");
    assert_eq!(
        found["endpoints"][0]["deprecatedTopology"],
        json!({"kubernetes.io/hostname": "n"})
    );
    let explained = admin.get("/openapi/v3/apis/discovery.k8s.io/v1beta1").await;
    let text = String::from_utf8_lossy(&explained.body).into_owned();
    assert!(
        text.contains("io.k8s.api.discovery.v1beta1.Endpoint\""),
        "its own schema"
    );
}
