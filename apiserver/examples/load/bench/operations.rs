//! What is measured, and what must be there for it.

use http::Method;
use serde_json::{Value, json};

use super::until_done;
use crate::target::Target;

pub const NAMESPACE: &str = "bench";
const JSON: &str = "application/json";
const TABLE: &str = "application/json;as=Table;v=v1;g=meta.k8s.io";
const PARTIAL: &str = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
/// How many pods are in the collection that is listed.
const LISTED: usize = 500;
/// How many policies there are in the end.
const POLICIES: usize = 300;

const PODS: &str = "/api/v1/namespaces/bench/pods";
const MAPS: &str = "/api/v1/namespaces/bench/configmaps";
const MAP: &str = "/api/v1/namespaces/bench/configmaps/patched";
const LIST: &str = "/api/v1/namespaces/listed/pods";
const WIDGETS: &str = "/apis/bench.example.com/v1/namespaces/bench/widgets";
const REVIEWS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const POLICY_PATH: &str = "/apis/policy/v1beta1/podsecuritypolicies";
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
/// Under 300 policies; its own name, since preparing it makes the policies.
const MANY: &str = "create pod, 300 policies";

/// A kind of request. `{}` in its path becomes a name that no other request has.
#[derive(Clone, Copy)]
pub struct Operation {
    pub name: &'static str,
    pub connections: usize,
    pub content: &'static str,
    pub accept: &'static str,
    method: &'static str,
    path: &'static str,
    body: fn(&str) -> String,
}

impl Operation {
    const fn new(
        name: &'static str,
        connections: usize,
        method: &'static str,
        path: &'static str,
    ) -> Self {
        Self {
            name,
            connections,
            method,
            path,
            content: JSON,
            accept: JSON,
            body: |_| String::new(),
        }
    }

    const fn body(self, body: fn(&str) -> String) -> Self {
        Self { body, ..self }
    }

    const fn content(self, content: &'static str) -> Self {
        Self { content, ..self }
    }

    const fn accept(self, accept: &'static str) -> Self {
        Self { accept, ..self }
    }

    pub fn method(&self) -> Method {
        self.method.parse().unwrap()
    }

    /// Path and body of the request with this name.
    pub fn request(&self, name: &str) -> (String, String) {
        (self.path.replace("{}", name), (self.body)(name))
    }
}

/// Everything that is measured, in order.
pub fn all() -> Vec<Operation> {
    let new = Operation::new;
    let apply = "/api/v1/namespaces/bench/configmaps/applied?fieldManager=bench&force=true";
    vec![
        new(
            "get pod",
            32,
            "GET",
            "/api/v1/namespaces/listed/pods/listed-7",
        ),
        new("list 500", 1, "GET", LIST),
        new("list 500, Table", 1, "GET", LIST).accept(TABLE),
        new("list 500, metadata", 1, "GET", LIST).accept(PARTIAL),
        new(
            "list 500, one selected",
            1,
            "GET",
            "/api/v1/namespaces/listed/pods?labelSelector=n%3D7",
        ),
        new(
            "list 500, none selected",
            1,
            "GET",
            "/api/v1/namespaces/listed/pods?labelSelector=n%3Dx",
        ),
        new("subject access review", 16, "POST", REVIEWS).body(review),
        new("create config map", 16, "POST", MAPS).body(|name| map(&format!("map-{name}"), name)),
        new("create custom resource", 16, "POST", WIDGETS).body(widget),
        new("patch, JSON", 1, "PATCH", MAP)
            .body(|name| json!([{"op": "replace", "path": "/data/a", "value": name}]).to_string())
            .content("application/json-patch+json"),
        new("patch, merge", 1, "PATCH", MAP)
            .body(|name| json!({"data": {"a": name}}).to_string())
            .content("application/merge-patch+json"),
        new("patch, strategic", 1, "PATCH", MAP)
            .body(|name| json!({"data": {"a": name}}).to_string())
            .content("application/strategic-merge-patch+json"),
        new("apply", 1, "PATCH", apply)
            .body(|name| map("applied", name))
            .content("application/apply-patch+yaml"),
        new("create pod, 16 connections", 16, "POST", PODS).body(|name| pod(&format!("a-{name}"))),
        new("create pod, 64 connections", 64, "POST", PODS).body(|name| pod(&format!("b-{name}"))),
        new(MANY, 16, "POST", PODS).body(|name| pod(&format!("c-{name}"))),
    ]
}

/// Makes what all operations need.
pub async fn prepare(target: &Target) {
    let post = |path: &'static str, body: String| async move {
        until_done(target, Method::POST, path, &body).await;
    };
    for name in [NAMESPACE, "listed"] {
        let namespace =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        post("/api/v1/namespaces", namespace.to_string()).await;
    }
    post(POLICY_PATH, policy("z-any", &json!({"rule": "RunAsAny"}))).await;
    post(MAPS, map("patched", "x")).await;
    post(DEFINITIONS, definition()).await;
    post(WIDGETS, widget("first")).await;
    for n in 0..LISTED {
        let mut body: Value = serde_json::from_str(&pod(&format!("listed-{n}"))).unwrap();
        body["metadata"]["labels"]["n"] = n.to_string().into();
        post(LIST, body.to_string()).await;
    }
}

/// Makes what one operation needs besides.
pub async fn before(operation: &str, target: &Target) {
    if operation != MANY {
        return;
    }
    let nobody = json!({"rule": "MustRunAs", "ranges": [{"min": 1, "max": 1}]});
    for n in 1..POLICIES {
        let body = policy(&format!("a-{n:03}"), &nobody);
        until_done(target, Method::POST, POLICY_PATH, &body).await;
    }
}

/// A pod with 20 variables. Of the policies only one fits it.
pub fn pod(name: &str) -> String {
    let variable = |n: usize| json!({"name": format!("VARIABLE_{n}"), "value": format!("the value of number {n}")});
    let variables: Vec<_> = (0..20).map(variable).collect();
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"name": name, "labels": {"app": "bench", "tier": "backend"}},
        "spec": {"containers": [{
            "name": "main", "image": "registry.example.com/team/server:1.2.3", "env": variables,
            "securityContext": {"runAsUser": 1000},
            "ports": [{"name": "http", "containerPort": 8080}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        }]},
    })
    .to_string()
}

fn map(name: &str, value: &str) -> String {
    let more = "a line of some length\n".repeat(80);
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value, "more": more}}).to_string()
}

fn widget(name: &str) -> String {
    let spec = json!({"size": 3, "color": "blue", "text": "a line of some length\n".repeat(80)});
    let name = format!("widget-{name}");
    json!({"apiVersion": "bench.example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}).to_string()
}

fn review(_: &str) -> String {
    let asked = json!({"verb": "get", "resource": "pods", "namespace": NAMESPACE});
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": "someone", "groups": ["system:authenticated"], "resourceAttributes": asked}})
    .to_string()
}

fn policy(name: &str, run_as_user: &Value) -> String {
    let any = json!({"rule": "RunAsAny"});
    json!({"apiVersion": "policy/v1beta1", "kind": "PodSecurityPolicy", "metadata": {"name": name},
        "spec": {"runAsUser": run_as_user, "seLinux": any, "supplementalGroups": any, "fsGroup": any,
            "volumes": ["*"], "privileged": false}})
    .to_string()
}

fn definition() -> String {
    let fields = json!({"size": {"type": "integer"}, "color": {"type": "string"}, "text": {"type": "string"}});
    let spec = json!({"type": "object", "properties": fields});
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": spec}}});
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.bench.example.com"},
        "spec": {"group": "bench.example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema}]}})
    .to_string()
}
