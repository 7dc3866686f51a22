use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{defaulted, mistakes, update_mistakes, written};

fn volume(spec: &Value) -> Value {
    let mut object = json!({"spec": {
        "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/x"},
    }});
    object["spec"]
        .as_object_mut()
        .unwrap()
        .extend(spec.as_object().unwrap().clone());
    object
}

#[test]
fn defaults() {
    let object = defaulted(
        &PersistentVolumeStrategy,
        &json!({"spec": {"capacity": {"storage": "0.5"}, "rbd": {"monitors": ["m"], "image": "i"}}}),
    );
    assert_eq!(
        written(&object.spec),
        json!({"capacity": {"storage": "500m"}, "persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem",
            "rbd": {"monitors": ["m"], "image": "i", "pool": "rbd", "user": "admin", "keyring": "/etc/ceph/keyring"}})
    );
    assert_eq!(written(&object.status), json!({"phase": "Pending"}));
}

#[test]
fn a_volume_has_one_source_and_a_capacity() {
    for (spec, texts) in [
        (json!({}), vec![]),
        (
            json!({"hostPath": null}),
            vec!["spec: Required value: must specify a volume type"],
        ),
        (
            json!({"nfs": {"server": "s", "path": "/p"}}),
            vec!["spec.nfs: Forbidden: may not specify more than 1 volume type"],
        ),
        (
            json!({"capacity": {"cpu": "-1"}, "accessModes": []}),
            vec![
                "spec.accessModes: Required value",
                "spec.capacity: Unsupported value: core.ResourceList{\"cpu\":\"-1\"}: supported values: \"storage\"",
                "spec.capacity[cpu]: Invalid value: -1: must be a valid resource quantity",
                "spec.capacity[cpu]: Invalid value: \"-1\": must be greater than zero",
            ],
        ),
        (
            json!({"hostPath": {"path": "/./"}, "persistentVolumeReclaimPolicy": "Recycle"}),
            vec![
                "spec.persistentVolumeReclaimPolicy: Forbidden: may not be 'recycle' for a hostPath mount of '/'",
            ],
        ),
        (
            json!({"hostPath": null, "local": {"path": "/a/.."}}),
            vec![
                "spec.local.path: Invalid value: \"/a/..\": must not contain '..'",
                "spec.nodeAffinity: Required value: Local volume requires node affinity",
            ],
        ),
        (
            json!({"hostPath": null, "nodeAffinity": {}, "csi": {"driver": "", "volumeHandle": "", "nodePublishSecretRef": {"name": "n"}}}),
            vec![
                "spec.nodeAffinity.required: Required value: must specify required node constraints",
                "spec.csi.driver: Required value",
                "spec.csi.driver: Invalid value: \"\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
                "spec.csi.volumeHandle: Required value",
                "spec.csi.nodePublishSecretRef .namespace: Required value",
            ],
        ),
        (
            // the second is neither rejected nor validated further, except for a flex volume
            json!({"flexVolume": {"driver": ""}, "storageos": {"secretRef": {"name": "a"}}}),
            vec![
                "spec.flexVolume.driver: Required value",
                "spec.storageos: Forbidden: may not specify more than 1 volume type",
            ],
        ),
        (
            json!({"hostPath": null, "cinder": {"volumeID": "", "secretRef": {"name": "a"}}}),
            vec![
                "spec.cinder.volumeID: Required value",
                "spec.cinder.secretRef.namespace: Required value",
            ],
        ),
        (
            json!({"accessModes": ["ReadWriteOncePod", "ReadWriteOnce"], "volumeMode": "Odd"}),
            vec![
                "spec.accessModes: Forbidden: may not use ReadWriteOncePod with other access modes",
                "spec.volumeMode: Unsupported value: \"Odd\": supported values: \"Block\", \"Filesystem\"",
            ],
        ),
    ] {
        assert_eq!(
            mistakes(&PersistentVolumeStrategy, &volume(&spec)),
            texts,
            "{spec}"
        );
    }
}

#[test]
fn the_source_of_a_volume_is_immutable() {
    let affinity = |zone: &str| {
        json!({"required": {"nodeSelectorTerms": [{"matchExpressions": [
        {"key": "zone", "operator": "In", "values": [zone]}]}]}})
    };
    let old = volume(&json!({"nodeAffinity": affinity("a")}));
    for (spec, texts) in [
        (
            json!({"nodeAffinity": affinity("a"), "storageClassName": "b", "claimRef": {"name": "c"}}),
            vec![],
        ),
        (
            json!({"nodeAffinity": affinity("b"), "volumeMode": "Block", "hostPath": {"path": "/y"}}),
            vec![
                "spec.persistentvolumesource: Forbidden: spec.persistentvolumesource is immutable after creation",
                "volumeMode: Invalid value: \"Block\": field is immutable",
                "nodeAffinity: Invalid value: core.VolumeNodeAffinity{}: field is immutable",
            ],
        ),
    ] {
        assert_eq!(
            update_mistakes(&PersistentVolumeStrategy, &volume(&spec), &old),
            texts
        );
    }
}

#[test]
fn rows_show_the_claim() {
    let mut object =
        volume(&json!({"claimRef": {"namespace": "n", "name": "c"}, "storageClassName": "s"}));
    object["status"] = json!({"phase": "Bound"});
    let mut row = PersistentVolumeStrategy.cells(&defaulted(&PersistentVolumeStrategy, &object));
    row.remove(8);
    assert_eq!(
        row[1..],
        [
            "1Gi",
            "RWO",
            "Retain",
            "Bound",
            "n/c",
            "s",
            "",
            "Filesystem"
        ]
        .map(Cell::text)
    );
}
