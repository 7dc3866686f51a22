use serde_json::{Value, json};

use crate::kinds::pod::PodStrategy;
use crate::kinds::testing::{defaulted, written};

fn spec(given: &Value) -> Value {
    written(&defaulted(&PodStrategy, &json!({"spec": given})).spec)
}

#[test]
fn a_minimal_pod_gets_the_defaults() {
    assert_eq!(
        spec(&json!({"containers": [{"name": "m", "image": "alpine"}]})),
        json!({
            "containers": [{
                "name": "m",
                "image": "alpine",
                "imagePullPolicy": "Always",
                "resources": {},
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }],
            "dnsPolicy": "ClusterFirst",
            "enableServiceLinks": true,
            "restartPolicy": "Always",
            "schedulerName": "default-scheduler",
            "securityContext": {},
            "terminationGracePeriodSeconds": 30,
        })
    );
}

#[test]
fn in_the_hosts_network_host_ports_default_to_container_ports() {
    let ports = json!([{"containerPort": 80}, {"containerPort": 81, "hostPort": 8081}]);
    let pod = spec(&json!({"hostNetwork": true, "containers": [{"name": "m", "ports": ports}]}));
    assert_eq!(
        pod["containers"][0]["ports"],
        json!([
            {"containerPort": 80, "hostPort": 80, "protocol": "TCP"},
            {"containerPort": 81, "hostPort": 8081, "protocol": "TCP"},
        ])
    );
}

#[test]
fn requests_default_to_limits() {
    let resources = json!({"limits": {"cpu": "2", "memory": "0.5"}, "requests": {"cpu": "100u"}});
    let pod = spec(&json!({"containers": [{"name": "m", "resources": resources}]}));
    assert_eq!(
        pod["containers"][0]["resources"],
        json!({
            "limits": {"cpu": "2", "memory": "500m"},
            "requests": {"cpu": "1m", "memory": "500m"},
        })
    );
}

#[test]
fn volumes_without_a_source_are_empty_directories() {
    let volumes = json!([
        {"name": "a"},
        {"name": "b", "emptyDir": null},
        {"name": "c", "secret": {"secretName": "s"}},
        {"name": "d", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        {"name": "e", "downwardAPI": {"items": [{"path": "p", "fieldRef": {"fieldPath": "f"}}]}},
    ]);
    let pod = spec(&json!({"volumes": volumes}));
    assert_eq!(
        pod["volumes"],
        json!([
            {"name": "a", "emptyDir": {}},
            {"name": "b", "emptyDir": {}},
            {"name": "c", "secret": {"secretName": "s", "defaultMode": 420}},
            {"name": "d", "projected": {"defaultMode": 420, "sources": [
                {"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}]}},
            {"name": "e", "downwardAPI": {"defaultMode": 420, "items": [
                {"path": "p", "fieldRef": {"apiVersion": "v1", "fieldPath": "f"}}]}},
        ])
    );
}

#[test]
fn probes_and_service_accounts_are_completed() {
    let pod = spec(&json!({
        "serviceAccount": "old",
        "containers": [{"name": "m", "livenessProbe": {"httpGet": {"port": 80}}}],
        "ephemeralContainers": [{"name": "e", "image": "a:1"}],
    }));
    assert_eq!(
        pod["containers"][0]["livenessProbe"],
        json!({
            "failureThreshold": 3, "periodSeconds": 10, "successThreshold": 1, "timeoutSeconds": 1,
            "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
        })
    );
    assert_eq!(pod["serviceAccountName"], json!("old"));
    assert_eq!(
        pod["ephemeralContainers"][0]["imagePullPolicy"],
        json!("IfNotPresent")
    );
}
