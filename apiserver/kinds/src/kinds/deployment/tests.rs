use serde_json::{Value, json};

use super::*;
use crate::kinds::daemon_set::DaemonSetStrategy;
use crate::kinds::replica_set::ReplicaSetStrategy;
use crate::kinds::stateful_set::StatefulSetStrategy;
use crate::kinds::testing::{defaulted, mistakes, prepared, update_mistakes, written};

/// A workload with these additional fields in its spec.
fn workload(extra: &Value) -> Value {
    let mut spec = json!({
        "selector": {"matchLabels": {"app": "w"}},
        "template": {
            "metadata": {"labels": {"app": "w"}},
            "spec": {"containers": [{"name": "m", "image": "i:1"}]},
        },
    });
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": "w"}, "spec": spec})
}

#[test]
fn each_kind_has_its_defaults() {
    let given = workload(&json!({}));
    let deployment = written(&defaulted(&DeploymentRules, &given).spec);
    assert_eq!(deployment["replicas"], json!(1));
    assert_eq!(deployment["progressDeadlineSeconds"], json!(600));
    assert_eq!(
        deployment["strategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"}})
    );
    assert_eq!(
        deployment["template"]["spec"]["dnsPolicy"],
        json!("ClusterFirst")
    );
    assert_eq!(
        deployment["template"]["spec"]["enableServiceLinks"],
        Value::Null
    );
    let set = written(&defaulted(&StatefulSetStrategy, &given).spec);
    assert_eq!(
        set["updateStrategy"],
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    );
    let daemons = prepared(&DaemonSetStrategy, &given);
    assert_eq!(
        written(&daemons.spec.update_strategy),
        json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}})
    );
    let annotations = daemons.metadata.annotations.unwrap();
    assert_eq!(annotations["deprecated.daemonset.template.generation"], "1");
}

#[test]
fn a_rollout_can_proceed() {
    for (strategy, texts) in [
        (json!({"type": "Recreate"}), vec![]),
        (
            json!({"type": "Recreate", "rollingUpdate": {}}),
            vec![
                ".rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
            ],
        ),
        (
            json!({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": "0%"}}),
            vec![
                ".rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:\"0%\"}: may not be 0 when `maxSurge` is 0",
            ],
        ),
        (
            json!({"rollingUpdate": {"maxSurge": -1, "maxUnavailable": "150%"}}),
            vec![
                ".rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0",
                ".rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:1, IntVal:0, StrVal:\"150%\"}: must not be greater than 100%",
            ],
        ),
        (
            json!({"type": "Odd"}),
            vec![
                ": Unsupported value: apps.DeploymentStrategy{Type:\"Odd\", RollingUpdate:(*apps.RollingUpdateDeployment)(nil)}: supported values: \"Recreate\", \"RollingUpdate\"",
            ],
        ),
    ] {
        let texts: Vec<_> = texts.iter().map(|t| format!("spec.strategy{t}")).collect();
        let given = workload(&json!({"strategy": strategy}));
        assert_eq!(mistakes(&DeploymentRules, &given), texts, "{strategy}");
    }
    let given = workload(&json!({"minReadySeconds": 600, "replicas": -4}));
    assert_eq!(
        mistakes(&DeploymentRules, &given),
        [
            "spec.replicas: Invalid value: -4: must be greater than or equal to 0",
            "spec.progressDeadlineSeconds: Invalid value: 600: must be greater than minReadySeconds",
        ]
    );
}

#[test]
fn selectors_match_the_template_and_are_immutable() {
    let old = workload(&json!({}));
    let new = workload(&json!({"selector": {"matchLabels": {"app": "z"}}}));
    let labels = "spec.template.metadata.labels: Invalid value: map[string]string{\"app\":\"w\"}: `selector` does not match template `labels`";
    let immutable = "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string{\"app\":\"z\"}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: field is immutable";
    assert_eq!(
        update_mistakes(&DeploymentRules, &new, &old),
        [labels, immutable]
    );
    assert_eq!(
        update_mistakes(&ReplicaSetStrategy, &new, &old),
        [labels, labels, immutable]
    );
    assert_eq!(
        update_mistakes(&DaemonSetStrategy, &new, &old),
        [labels, labels, immutable]
    );
    assert_eq!(
        update_mistakes(&StatefulSetStrategy, &new, &old),
        [
            labels,
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'template', 'updateStrategy' and 'minReadySeconds' are forbidden",
        ]
    );
    let none = workload(&json!({"selector": null}));
    assert_eq!(
        mistakes(&ReplicaSetStrategy, &none),
        ["spec.selector: Required value", labels]
    );
    let empty = workload(&json!({"selector": {}}));
    assert_eq!(
        mistakes(&StatefulSetStrategy, &empty),
        [
            "spec.selector: Invalid value: v1.LabelSelector{MatchLabels:map[string]string(nil), MatchExpressions:[]v1.LabelSelectorRequirement(nil)}: empty selector is invalid for statefulset"
        ]
    );
}

#[test]
fn templates_require_the_restart_policy_always() {
    let mut given = workload(&json!({}));
    given["spec"]["template"]["spec"]["restartPolicy"] = json!("Never");
    given["spec"]["template"]["spec"]["activeDeadlineSeconds"] = json!(5);
    given["spec"]["template"]["metadata"]["labels"]["x"] = json!("a b");
    let label = portcullis_api::name::label_value("a b").remove(0);
    let common = [
        format!("spec.template.labels: Invalid value: \"a b\": {label}"),
        "spec.template.spec.restartPolicy: Unsupported value: \"Never\": supported values: \"Always\"".into(),
    ];
    let deadline = |kind: &str| {
        format!(
            "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in {kind} is not Supported"
        )
    };
    let with = |kind: &str| [&common[..], &[deadline(kind)]].concat();
    assert_eq!(mistakes(&DeploymentRules, &given), with("ReplicaSet"));
    assert_eq!(mistakes(&StatefulSetStrategy, &given), with("StatefulSet"));
    assert_eq!(mistakes(&DaemonSetStrategy, &given), with("DaemonSet"));
}

#[test]
fn strategies_of_sets() {
    for (strategy, texts) in [
        (json!({"type": "OnDelete"}), vec![]),
        (
            json!({"type": "OnDelete", "rollingUpdate": {"partition": 1}}),
            vec![
                "spec.updateStrategy.rollingUpdate: Invalid value: apps.RollingUpdateStatefulSetStrategy{Partition:1}: only allowed for updateStrategy 'RollingUpdate'",
            ],
        ),
        (
            json!({"rollingUpdate": {"partition": -1}}),
            vec![
                "spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0",
            ],
        ),
    ] {
        let given = workload(&json!({"updateStrategy": strategy}));
        assert_eq!(mistakes(&StatefulSetStrategy, &given), texts, "{strategy}");
    }
    for (strategy, texts) in [
        (
            json!({"rollingUpdate": {"maxUnavailable": 0}}),
            vec![
                "spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: intstr.IntOrString{Type:0, IntVal:0, StrVal:\"\"}: cannot be 0 when maxSurge is 0",
            ],
        ),
        (
            json!({"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}}),
            vec![],
        ),
        (
            json!({"type": "Odd"}),
            vec![
                "spec.updateStrategy: Unsupported value: apps.DaemonSetUpdateStrategy{Type:\"Odd\", RollingUpdate:(*apps.RollingUpdateDaemonSet)(nil)}: supported values: \"RollingUpdate\", \"OnDelete\"",
            ],
        ),
    ] {
        let given = workload(&json!({"updateStrategy": strategy}));
        assert_eq!(mistakes(&DaemonSetStrategy, &given), texts, "{strategy}");
    }
}

#[test]
fn changed_templates_and_annotations_count() {
    let old = prepared(&DaemonSetStrategy, &workload(&json!({})));
    let mut new = old.clone();
    DaemonSetStrategy.prepare_for_update(&mut new, &old);
    assert_eq!(new, old);
    let pods = new.spec.template.spec.get_or_insert_default();
    pods.containers[0].image = Some("i:2".into());
    DaemonSetStrategy.prepare_for_update(&mut new, &old);
    let annotations = new.metadata.annotations.clone().unwrap();
    assert_eq!(annotations["deprecated.daemonset.template.generation"], "2");
    assert_eq!(DaemonSetStrategy.spec_changed(&new, &old), Some(true));
    let deployment = defaulted(&DeploymentRules, &workload(&json!({})));
    let mut annotated = deployment.clone();
    annotated.metadata.annotations = Some([("a".to_owned(), "b".to_owned())].into());
    assert_eq!(
        DeploymentRules.spec_changed(&annotated, &deployment),
        Some(true)
    );
    assert_eq!(
        DeploymentRules.spec_changed(&deployment, &deployment),
        Some(false)
    );
}

#[test]
fn a_status_never_counts_backwards() {
    let given = |status: Value| {
        let mut given = workload(&json!({}));
        given["status"] = status;
        defaulted(&DeploymentRules, &given)
    };
    let (new, old) = (
        given(json!({"replicas": 2, "availableReplicas": 2, "readyReplicas": 1})),
        given(json!({"collisionCount": 3})),
    );
    let errors = DeploymentRules.validate_status_update(&new, &old);
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "status.availableReplicas: Invalid value: 2: cannot be greater than readyReplicas",
            "status.collisionCount: Invalid value: 0: cannot be decremented",
        ]
    );
}

#[test]
fn a_status_counts_within_its_replicas() {
    let mut given = workload(&json!({}));
    given["status"] = json!({"replicas": 1, "readyReplicas": 2, "unavailableReplicas": -1});
    let deployment = defaulted(&DeploymentRules, &given);
    let errors = DeploymentRules.validate_status_update(&deployment, &deployment);
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
            "status.unavailableReplicas: Invalid value: -1: must be greater than or equal to 0",
        ]
    );
    assert_eq!(
        DeploymentRules.cells(&deployment)[1..],
        [
            Cell::text("2/1"),
            Cell::integer(0),
            Cell::integer(0),
            Cell::Since(None),
            Cell::text("m"),
            Cell::text("i:1"),
            Cell::text("app=w"),
        ]
    );
}

#[test]
fn a_negative_number_of_replicas_is_less_than_none() {
    let mut given = workload(&json!({}));
    given["status"] = json!({"replicas": -1});
    let deployment = defaulted(&DeploymentRules, &given);
    let errors = DeploymentRules.validate_status_update(&deployment, &deployment);
    let fields: Vec<_> = errors.iter().map(|e| e.field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "status.replicas",
            "status.updatedReplicas",
            "status.readyReplicas",
            "status.availableReplicas",
        ]
    );
}
