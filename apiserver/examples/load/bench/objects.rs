//! The objects that are sent.

use serde_json::{Value, json};

use super::paths::NAMESPACE;

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

pub fn map(name: &str, value: &str) -> String {
    let more = "a line of some length\n".repeat(80);
    json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"a": value, "more": more}}).to_string()
}

pub fn widget(name: &str) -> String {
    let spec = json!({"size": 3, "color": "blue", "text": "a line of some length\n".repeat(80)});
    let name = format!("widget-{name}");
    json!({"apiVersion": "bench.example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}).to_string()
}

pub fn review(_: &str) -> String {
    let asked = json!({"verb": "get", "resource": "pods", "namespace": NAMESPACE});
    json!({"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
        "spec": {"user": "someone", "groups": ["system:authenticated"], "resourceAttributes": asked}})
    .to_string()
}

pub fn policy(name: &str, run_as_user: &Value) -> String {
    let any = json!({"rule": "RunAsAny"});
    json!({"apiVersion": "policy/v1beta1", "kind": "PodSecurityPolicy", "metadata": {"name": name},
        "spec": {"runAsUser": run_as_user, "seLinux": any, "supplementalGroups": any, "fsGroup": any,
            "volumes": ["*"], "privileged": false}})
    .to_string()
}

pub fn definition() -> String {
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
