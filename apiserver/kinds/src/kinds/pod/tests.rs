use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{defaulted, prepared, written};

fn quality(resources: &Value) -> String {
    let pod = json!({"spec": {"containers": [{"name": "m", "resources": resources}]}});
    let status = prepared(&PodStrategy, &pod).status.unwrap();
    status.qos_class.unwrap()
}

#[test]
fn a_new_pod_is_pending_and_has_a_quality_of_service() {
    for (resources, class) in [
        (json!({}), "BestEffort"),
        (json!({"limits": {"example.com/gpu": "1"}}), "BestEffort"),
        (json!({"limits": {"cpu": "0"}}), "BestEffort"),
        (json!({"requests": {"cpu": "1"}}), "Burstable"),
        (
            json!({"limits": {"cpu": "1", "memory": "1Gi"}}),
            "Guaranteed",
        ),
        (
            json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "1"}}),
            "Guaranteed",
        ),
        (
            json!({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}),
            "Burstable",
        ),
    ] {
        assert_eq!(quality(&resources), class, "{resources}");
    }
    let pod = json!({"status": {"phase": "Running", "podIP": "10.0.0.1"}});
    assert_eq!(
        written(&prepared(&PodStrategy, &pod).status),
        json!({"phase": "Pending", "qosClass": "BestEffort"})
    );
}

#[test]
fn profiles_are_in_fields_and_annotations() {
    let pod = json!({
        "metadata": {"annotations": {
            "container.seccomp.security.alpha.kubernetes.io/m": "localhost/p"}},
        "spec": {
            "securityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "m"}],
        },
    });
    let pod = prepared(&PodStrategy, &pod);
    let annotations = pod.metadata.annotations.unwrap();
    assert_eq!(
        annotations["seccomp.security.alpha.kubernetes.io/pod"],
        "runtime/default"
    );
    assert_eq!(
        written(&pod.spec.unwrap().containers[0].security_context),
        json!({"seccompProfile": {"type": "Localhost", "localhostProfile": "p"}})
    );
}

#[test]
fn addresses_are_one_list_and_its_head() {
    let pod = defaulted(&PodStrategy, &json!({"status": {"podIP": "10.0.0.1"}}));
    assert_eq!(
        written(&pod.status),
        json!({"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]})
    );
}

#[test]
fn spec_and_status_are_written_separately() {
    let old = prepared(&PodStrategy, &json!({"spec": {"nodeName": "a"}}));
    let mut new = defaulted(
        &PodStrategy,
        &json!({"spec": {"nodeName": "b"}, "status": {"phase": "Running"}}),
    );
    let mut status = new.clone();
    PodStrategy.prepare_for_update(&mut new, &old);
    assert_eq!(new.status, old.status);
    PodStrategy.prepare_status_update(&mut status, &old);
    assert_eq!(status.spec, old.spec);
    assert_eq!(PodStrategy.field_values(&status)[4], "Running");
}

/// The cells of a pod with these statuses, ages left out.
fn row(status: &Value, deleted: bool) -> Vec<Cell> {
    let mut pod = json!({
        "spec": {
            "containers": [{"name": "a"}, {"name": "b"}],
            "initContainers": [{"name": "i"}, {"name": "j"}],
        },
        "status": status,
    });
    if deleted {
        pod["metadata"]["deletionTimestamp"] = json!("2020-01-01T00:00:00Z");
    }
    let cells = PodStrategy.cells(&defaulted(&PodStrategy, &pod));
    cells[1..4].to_vec()
}

#[test]
fn rows_show_the_state_of_the_containers() {
    let running = json!({"name": "a", "ready": true, "state": {"running": {}}});
    let completed =
        json!({"name": "b", "restartCount": 2, "state": {"terminated": {"reason": "Completed"}}});
    for (status, ready, reason, restarts) in [
        (json!({"phase": "Pending"}), "0/2", "Pending", "0"),
        (
            json!({"phase": "Failed", "reason": "Evicted"}),
            "0/2",
            "Evicted",
            "0",
        ),
        (
            json!({"phase": "Pending", "initContainerStatuses": [
                {"state": {"terminated": {"exitCode": 0}}},
                {"restartCount": 1, "state": {"running": {}}}]}),
            "0/2",
            "Init:1/2",
            "1",
        ),
        (
            json!({"initContainerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}),
            "0/2",
            "Init:CrashLoopBackOff",
            "0",
        ),
        (
            json!({"initContainerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}),
            "0/2",
            "Init:ExitCode:3",
            "0",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [running, completed],
                "conditions": [{"type": "Ready", "status": "True"}]}),
            "1/2",
            "Running",
            "2",
        ),
        (
            json!({"phase": "Running", "containerStatuses": [running, completed]}),
            "1/2",
            "NotReady",
            "2",
        ),
        (
            json!({"containerStatuses": [{"state": {"terminated": {"signal": 9}}}]}),
            "0/2",
            "Signal:9",
            "0",
        ),
    ] {
        let cells = [ready, reason, restarts].map(Cell::text);
        assert_eq!(row(&status, false), cells, "{status}");
    }
    assert_eq!(row(&json!({}), true)[1], Cell::text("Terminating"));
    assert_eq!(
        row(&json!({"reason": "NodeLost"}), true)[1],
        Cell::text("Unknown")
    );
}

#[test]
fn restarts_show_the_time_of_the_last_one() {
    let ended = "2020-01-01T00:00:00Z";
    let status = json!({"containerStatuses": [
        {"restartCount": 3, "lastState": {"terminated": {"finishedAt": ended}}}]});
    assert_eq!(
        row(&status, false)[2],
        Cell::CountSince(3, ended.parse().unwrap())
    );
}

mod changes;

#[test]
fn some_pods_are_accepted_with_a_warning() {
    let given = json!({
        "metadata": {"annotations": {"scheduler.alpha.kubernetes.io/critical-pod": ""}},
        "spec": {
            "nodeSelector": {"beta.kubernetes.io/os": "linux", "kubernetes.io/os": "linux"},
            "volumes": [{"name": "v", "gitRepo": {"repository": "r"}}],
            "imagePullSecrets": [{"name": "a"}, {"name": "a"}, {}],
            "containers": [{
                "name": "m",
                "env": [{"name": "A", "value": "x"}, {"name": "A", "value": "$(A)y"}, {"name": "A"}],
                "resources": {"limits": {"memory": "500m", "cpu": "500m"}},
            }],
            "terminationGracePeriodSeconds": -1,
        },
    });
    let pod = prepared(&PodStrategy, &given);
    assert_eq!(
        PodStrategy.warnings(&pod),
        [
            "spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use \"kubernetes.io/os\" instead",
            "metadata.annotations[scheduler.alpha.kubernetes.io/critical-pod]: non-functional in v1.16+; use the \"priorityClassName\" field instead",
            "spec.volumes[0].gitRepo: deprecated in v1.11",
            "spec.imagePullSecrets[1].name: duplicate name \"a\"",
            "spec.imagePullSecrets[2].name: invalid empty name \"\"",
            "spec.containers[0].resources.requests[memory]: fractional byte value \"500m\" is invalid, must be an integer",
            "spec.containers[0].resources.limits[memory]: fractional byte value \"500m\" is invalid, must be an integer",
            "spec.containers[0].env[2].name: duplicate name \"A\"",
            "spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1",
        ]
    );
}
