//! Plugins that a file configures (`--admission-control-config-file`).

use std::fs;

use portcullis::start::server::Server;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::client::{Answer, Client};
use crate::support::server::{TestServer, directory, options};

const NAMESPACES: &str = "/api/v1/namespaces";
const CLASSES: &str = "/apis/scheduling.k8s.io/v1/priorityclasses";

/// Writes a configuration; returns the flag that names it.
fn configuration(dir: &TempDir, plugins: &Value) -> String {
    let document = json!({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AdmissionConfiguration",
        "plugins": plugins});
    let path = dir.path().join("admission.yaml");
    fs::write(&path, document.to_string()).unwrap();
    format!("--admission-control-config-file={}", path.display())
}

async fn start(plugins: &Value, more: &[&str]) -> TestServer {
    let dir = directory();
    let flag = configuration(&dir, plugins);
    let off = "--disable-admission-plugins=ServiceAccount";
    let flags = [&[&*flag, off], more].concat();
    TestServer::start_in(dir, &flags).await
}

async fn namespace(client: &Client, name: &str, metadata: Value) {
    let mut namespace = json!({"metadata": metadata});
    namespace["metadata"]["name"] = name.into();
    assert_eq!(client.post(NAMESPACES, &namespace).await.code, 201);
}

fn pods(namespace: &str) -> String {
    format!("{NAMESPACES}/{namespace}/pods")
}

/// A pod with these fields of its spec.
fn pod(name: &str, change: &Value) -> Value {
    let mut spec = json!({"containers": [{"name": "c", "image": "i"}]});
    let change = change.as_object().unwrap().clone();
    spec.as_object_mut().unwrap().extend(change);
    json!({"metadata": {"name": name}, "spec": spec})
}

#[tokio::test]
async fn nodes_are_selected_by_default_and_by_allowed_labels() {
    let server = start(
        &json!([{"name": "PodNodeSelector", "configuration": {"podNodeSelectorPluginConfig": {
            "clusterDefaultNodeSelector": "disk=ssd", "tight": "disk=ssd,zone=a"}}}]),
        &["--enable-admission-plugins=PodNodeSelector"],
    )
    .await;
    let admin = server.admin();
    let own = json!({"scheduler.alpha.kubernetes.io/node-selector": "zone=b"});
    namespace(&admin, "own", json!({"annotations": own})).await;
    namespace(&admin, "tight", json!({})).await;
    for (space, selector) in [
        ("default", json!({"disk": "ssd"})),
        ("own", json!({"zone": "b"})),
        ("tight", json!({"disk": "ssd"})),
    ] {
        let made = admin.post(&pods(space), &pod("p", &json!({}))).await;
        assert_eq!(made.code, 201, "{made:?}");
        assert_eq!(made.json()["spec"]["nodeSelector"], selector, "{space}");
    }
    for (space, selector, why) in [
        (
            "default",
            json!({"disk": "hdd"}),
            "pod node label selector conflicts with its namespace node label selector",
        ),
        (
            "tight",
            json!({"zone": "b"}),
            "pod node label selector labels conflict with its namespace whitelist",
        ),
    ] {
        let pod = pod("q", &json!({"nodeSelector": selector}));
        let denied = admin.post(&pods(space), &pod).await;
        let expected = format!("pods \"q\" is forbidden: {why}");
        assert_eq!((denied.code, denied.message()), (403, expected));
    }
    let allowed = pod("q", &json!({"nodeSelector": {"zone": "a"}}));
    assert_eq!(admin.post(&pods("tight"), &allowed).await.code, 201);
    server.stop().await;
}

fn events(namespace: &str) -> String {
    format!("{NAMESPACES}/{namespace}/events")
}

fn event(namespace: &str, name: &str, about: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": namespace}, "reason": "r",
        "source": {"component": "kubelet"},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": about}})
}

/// The first answer to an event that is not accepted, of many at once.
async fn refused(client: &Client, namespace: &str, about: impl Fn(usize) -> String) -> Answer {
    for n in 0..100 {
        let about = about(n);
        let event = event(namespace, &format!("{about}.{n}"), &about);
        let answer = client.post(&events(namespace), &event).await;
        if answer.code != 201 {
            return answer;
        }
    }
    panic!("all events were accepted");
}

#[tokio::test]
async fn events_are_limited() {
    let dir = directory();
    let limits = json!({"apiVersion": "eventratelimit.admission.k8s.io/v1alpha1",
        "kind": "Configuration", "limits": [
            {"type": "Namespace", "qps": 1, "burst": 3, "cacheSize": 10},
            {"type": "SourceAndObject", "qps": 1, "burst": 1}]});
    fs::write(dir.path().join("limits.yaml"), limits.to_string()).unwrap();
    let flag = configuration(
        &dir,
        &json!([{"name": "EventRateLimit", "path": "limits.yaml"}]),
    );
    let on = "--enable-admission-plugins=EventRateLimit";
    let server = TestServer::start_in(dir, &[&flag, on]).await;
    let admin = server.admin();
    namespace(&admin, "other", json!({})).await;
    let same = refused(&admin, "default", |_| "p".to_owned()).await;
    let why = "Too many requests: limit reached on type SourceAndObject for key kubeletPoddefaultp";
    assert_eq!((same.code, same.message()), (429, why.to_owned()));
    assert_eq!(same.json()["reason"], "TooManyRequests");
    let others = refused(&admin, "default", |n| format!("p{n}")).await;
    let why = "Too many requests: limit reached on type Namespace for key default";
    assert_eq!((others.code, others.message()), (429, why.to_owned()));
    // another namespace has its own limit
    let made = admin
        .post(&events("other"), &event("other", "a", "p"))
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    // Nothing but events is limited.
    for n in 0..5 {
        let map = json!({"metadata": {"name": format!("m{n}")}});
        let maps = format!("{NAMESPACES}/default/configmaps");
        assert_eq!(admin.post(&maps, &map).await.code, 201);
    }
    server.stop().await;
}

#[tokio::test]
async fn pod_security_has_defaults_and_exemptions() {
    let server = start(
        &json!([{"name": "PodSecurity", "configuration": {
            "apiVersion": "pod-security.admission.config.k8s.io/v1", "kind": "PodSecurityConfiguration",
            "defaults": {"enforce": "baseline", "enforce-version": "latest", "warn": "restricted"},
            "exemptions": {"usernames": ["exempt"], "namespaces": ["free"],
                "runtimeClasses": ["sandbox"]}}}]),
        &[],
    )
    .await;
    let admin = server.admin();
    namespace(&admin, "free", json!({})).await;
    let open = json!({"pod-security.kubernetes.io/enforce": "privileged"});
    namespace(&admin, "open", json!({"labels": open})).await;
    let host = json!({"hostNetwork": true});
    let denied = admin.post(&pods("default"), &pod("p", &host)).await;
    assert_eq!(denied.code, 403);
    let why = r#"violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)"#;
    assert!(denied.message().contains(why), "{}", denied.message());
    let warned = admin.post(&pods("default"), &pod("p", &json!({}))).await;
    assert_eq!(warned.code, 201);
    let warning = warned.headers["warning"].to_str().unwrap().to_owned();
    assert!(warning.contains("would violate PodSecurity"), "{warning}");
    let free = admin.post(&pods("free"), &pod("p", &host)).await;
    assert_eq!(free.code, 201, "{free:?}");
    assert!(!free.headers.contains_key("warning"));
    assert_eq!(admin.post(&pods("open"), &pod("p", &host)).await.code, 201);
    let user = server.authority().client("exempt", Some("system:masters"));
    let exempt = server.certified(&user.unwrap());
    assert_eq!(
        exempt.post(&pods("default"), &pod("q", &host)).await.code,
        201
    );
    let class = json!({"metadata": {"name": "sandbox"}, "handler": "h"});
    let made = admin
        .post("/apis/node.k8s.io/v1/runtimeclasses", &class)
        .await;
    assert_eq!(made.code, 201);
    let sandboxed = pod(
        "s",
        &json!({"hostNetwork": true, "runtimeClassName": "sandbox"}),
    );
    let made = admin.post(&pods("default"), &sandboxed).await;
    assert_eq!(made.code, 201, "{made:?}");
    server.stop().await;
}

#[tokio::test]
async fn limited_resources_need_a_quota() {
    let server = start(
        &json!([{"name": "ResourceQuota", "configuration": {
            "apiVersion": "apiserver.config.k8s.io/v1", "kind": "ResourceQuotaConfiguration",
            "limitedResources": [
                {"resource": "services", "matchContains": ["services.nodeports"]},
                {"resource": "pods", "matchScopes": [
                    {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}]}}]),
        &[],
    )
    .await;
    let admin = server.admin();
    let class = json!({"metadata": {"name": "high"}, "value": 1000});
    assert_eq!(admin.post(CLASSES, &class).await.code, 201);
    let service = |kind: &str, name: &str| json!({"metadata": {"name": name}, "spec": {"type": kind, "ports": [{"port": 80}]}});
    let services = format!("{NAMESPACES}/default/services");
    assert_eq!(
        admin.post(&services, &service("ClusterIP", "a")).await.code,
        201
    );
    let denied = admin.post(&services, &service("NodePort", "b")).await;
    let why = "services \"b\" is forbidden: insufficient quota to consume: services.nodeports";
    assert_eq!((denied.code, denied.message()), (403, why.to_owned()));
    let high = |name: &str| pod(name, &json!({"priorityClassName": "high"}));
    assert_eq!(
        admin
            .post(&pods("default"), &pod("p", &json!({})))
            .await
            .code,
        201
    );
    let denied = admin.post(&pods("default"), &high("h")).await;
    let why = "insufficient quota to match these scopes: [{PriorityClass In [high]}]";
    assert_eq!((denied.code, denied.message()), (500, why.to_owned()));

    let quotas = format!("{NAMESPACES}/default/resourcequotas");
    let ports =
        json!({"metadata": {"name": "ports"}, "spec": {"hard": {"services.nodeports": "1"}}});
    assert_eq!(admin.post(&quotas, &ports).await.code, 201);
    let of_class = json!({"metadata": {"name": "high"}, "spec": {"hard": {"pods": "1"},
        "scopeSelector": {"matchExpressions": [
            {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}}});
    assert_eq!(admin.post(&quotas, &of_class).await.code, 201);
    let made = admin.post(&services, &service("NodePort", "b")).await;
    assert_eq!(made.code, 201, "{made:?}");
    let made = admin.post(&pods("default"), &high("h")).await;
    assert_eq!(made.code, 201, "{made:?}");
    let full = admin.post(&pods("default"), &high("i")).await;
    assert!(full.message().contains("exceeded quota: high"), "{full:?}");
    server.stop().await;
}

#[tokio::test]
async fn a_bad_file_is_named() {
    let dir = directory();
    let on = "--enable-admission-plugins=EventRateLimit";
    let broken = json!({"apiVersion": "pod-security.admission.config.k8s.io/v1",
        "kind": "PodSecurityConfiguration", "defaults": {"warn": "all"}});
    fs::write(dir.path().join("broken.yaml"), broken.to_string()).unwrap();
    for (plugins, flags, why) in [
        (
            json!([{"name": "Nope", "configuration": {}}]),
            &[][..],
            "admission.yaml: plugins[0].name: unknown plugin \"Nope\"",
        ),
        (
            json!([{"name": "PodSecurity", "path": "broken.yaml"}]),
            &[],
            "broken.yaml: PodSecurity: defaults.warn: Invalid value: \"all\": must be one of",
        ),
        (
            json!([{"name": "PodSecurity", "path": "gone.yaml"}]),
            &[],
            "gone.yaml: No such file",
        ),
        (
            json!([]),
            &[on],
            "the plugin EventRateLimit is enabled, and needs a configuration",
        ),
    ] {
        let flag = configuration(&dir, &plugins);
        let flags = [&[&*flag], flags].concat();
        let error = Server::start(&options(&dir, &flags)).await.err().unwrap();
        let error = error.to_string();
        assert!(
            error.starts_with("--admission-control-config-file: "),
            "{error}"
        );
        assert!(error.contains(why) && error.lines().count() == 1, "{error}");
        assert!(
            !dir.path().join("data").exists(),
            "a refused start left something"
        );
    }
}
