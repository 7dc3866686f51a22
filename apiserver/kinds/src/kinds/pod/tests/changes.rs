use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{mistakes, update_mistakes};

fn pod(extra: &Value) -> Value {
    let mut spec = json!({"containers": [{"name": "m", "image": "i"}]});
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": "p"}, "spec": spec})
}

#[test]
fn new_pods_have_no_ephemeral_containers_and_valid_images() {
    let token =
        json!([{"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "p"}}]}}]);
    for (given, texts) in [
        (json!({}), vec![]),
        (
            json!({"containers": [{"name": "m", "image": " i"}], "ephemeralContainers": [{"name": "e", "image": "i"}]}),
            vec![
                "spec.containers[0].image: Invalid value: \" i\": must not have leading or trailing whitespace",
                "spec.ephemeralContainers: Forbidden: cannot be set on create",
            ],
        ),
        (
            json!({"volumes": token}),
            vec![
                "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden: must not be specified when serviceAccountName is not set",
            ],
        ),
    ] {
        assert_eq!(mistakes(&PodStrategy, &pod(&given)), texts, "{given}");
    }
}

#[test]
fn annotations_of_pods_are_checked() {
    let mut given = pod(&json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}));
    given["metadata"]["annotations"] = json!({
        "kubernetes.io/config.mirror": "x",
        "controller.kubernetes.io/pod-deletion-cost": "1.5",
        "seccomp.security.alpha.kubernetes.io/pod": "runtime/default",
        "container.apparmor.security.beta.kubernetes.io/other": "odd",
    });
    let path = "metadata.annotations";
    assert_eq!(
        mistakes(&PodStrategy, &given),
        [
            format!("{path}[container.apparmor.security.beta.kubernetes.io/other]: Invalid value: \"other\": container not found"),
            format!("{path}[container.apparmor.security.beta.kubernetes.io/other]: Invalid value: \"odd\": invalid AppArmor profile name: \"odd\""),
            format!("{path}[controller.kubernetes.io/pod-deletion-cost]: Invalid value: \"1.5\": must be a 32bit integer"),
            format!("{path}[kubernetes.io/config.mirror]: Invalid value: \"x\": must set spec.nodeName if mirror pod annotation is set"),
            "spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match".into(),
        ]
    );
}

#[test]
fn most_fields_of_a_pod_are_immutable() {
    let toleration = |seconds: i64| json!({"tolerations": [{"key": "a", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": seconds}]});
    let spec = "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`, `spec.initContainers[*].image`, `spec.activeDeadlineSeconds`, `spec.tolerations` (only additions to existing tolerations) or `spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
    for (old, new, texts) in [
        (
            json!({}),
            json!({"containers": [{"name": "m", "image": "j"}]}),
            vec![],
        ),
        (json!({}), json!({"activeDeadlineSeconds": 9}), vec![]),
        (json!({}), toleration(5), vec![]),
        (toleration(5), toleration(6), vec![]),
        (
            toleration(5),
            json!({}),
            vec![
                "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
            ],
        ),
        (
            json!({"activeDeadlineSeconds": 5}),
            json!({"activeDeadlineSeconds": 6}),
            vec![
                "spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value",
            ],
        ),
        (
            json!({"activeDeadlineSeconds": 5}),
            json!({}),
            vec![
                "spec.activeDeadlineSeconds: Invalid value: \"null\": must not update from a positive integer to nil value",
            ],
        ),
        (
            json!({"terminationGracePeriodSeconds": -1}),
            json!({"terminationGracePeriodSeconds": 1}),
            vec![],
        ),
        (json!({}), json!({"nodeName": "n"}), vec![spec]),
        (
            json!({}),
            json!({"containers": [{"name": "m", "image": "i"}, {"name": "n", "image": "i"}]}),
            vec!["spec.containers: Forbidden: pod updates may not add or remove containers"],
        ),
    ] {
        let (new, old) = (pod(&new), pod(&old));
        assert_eq!(update_mistakes(&PodStrategy, &new, &old), texts, "{new}");
    }
}

#[test]
fn some_annotations_never_change() {
    let old = pod(&json!({"nodeName": "n"}));
    let mut new = old.clone();
    let apparmor = "container.apparmor.security.beta.kubernetes.io/m";
    new["metadata"]["annotations"] = json!({apparmor: "unconfined", "own": "x"});
    assert_eq!(
        update_mistakes(&PodStrategy, &new, &old),
        [format!(
            "metadata.annotations[{apparmor}]: Forbidden: may not add AppArmor annotations"
        )]
    );
    assert_eq!(
        update_mistakes(&PodStrategy, &old, &new),
        [format!(
            "metadata.annotations[{apparmor}]: Forbidden: may not remove or update AppArmor annotations"
        )]
    );
}

#[test]
fn a_status_does_not_restart_ended_containers() {
    let with = |policy: &str, state: Value, ips: Value| {
        let mut pod = pod(&json!({"restartPolicy": policy}));
        pod["status"] =
            json!({"podIPs": ips, "containerStatuses": [{"name": "m", "state": state}]});
        defaulted(&PodStrategy, &pod)
    };
    let failed = json!({"terminated": {"exitCode": 1}});
    let running = json!({"running": {}});
    for (policy, texts) in [
        ("Always", vec![]),
        ("OnFailure", vec![]),
        (
            "Never",
            vec![
                "status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state",
            ],
        ),
    ] {
        let old = with(policy, failed.clone(), json!([]));
        let new = with(
            policy,
            running.clone(),
            json!([{"ip": "10.0.0.1"}, {"ip": "::1"}]),
        );
        let errors = PodStrategy.validate_status_update(&new, &old);
        let found: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(found, texts, "{policy}");
    }
    let two = with(
        "Always",
        running,
        json!([{"ip": "10.0.0.1"}, {"ip": "10.0.0.2"}]),
    );
    assert_eq!(
        PodStrategy.validate_status_update(&two, &two)[0].to_string(),
        "status.podIPs: Invalid value: \"10.0.0.1, 10.0.0.2\": may specify no more than one IP for each IP family"
    );
}

#[test]
fn ephemeral_containers_can_be_added_only() {
    let with = |containers: Value| {
        let mut pod = prepared(&PodStrategy, &pod(&json!({})));
        let changed = defaulted(
            &PodStrategy,
            &json!({"spec": {"ephemeralContainers": containers}}),
        );
        pod.spec.as_mut().unwrap().ephemeral_containers =
            changed.spec.unwrap().ephemeral_containers;
        pod
    };
    let (a, b) = (
        json!({"name": "a", "image": "i"}),
        json!({"name": "b", "image": "i"}),
    );
    for (old, new, texts) in [
        (json!([]), json!([a]), vec![]),
        (json!([a]), json!([a, b]), vec![]),
        (
            json!([a]),
            json!([b]),
            vec![
                "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"a\" may not be removed",
            ],
        ),
        (
            json!([a]),
            json!([{"name": "a", "image": "j"}]),
            vec![
                "spec.ephemeralContainers: Forbidden: existing ephemeral containers \"a\" may not be changed",
            ],
        ),
    ] {
        let errors =
            PodStrategy.validate_subresource("ephemeralcontainers", &with(new), &with(old));
        let found: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(found, texts);
    }
}
