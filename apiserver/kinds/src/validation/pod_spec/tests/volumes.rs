use serde_json::json;

use super::*;

fn check_volumes(cases: Vec<(Value, Vec<&str>)>) {
    let cases = cases.into_iter().map(|(mut volume, texts)| {
        volume["name"] = json!("v");
        (json!({"volumes": [volume]}), texts)
    });
    for (given, texts) in cases {
        let texts: Vec<_> = texts
            .iter()
            .map(|t| format!("spec.volumes[0].{t}"))
            .collect();
        assert_eq!(mistakes(&spec(&given)), texts, "{given}");
    }
}

#[test]
fn a_volume_has_a_unique_name_and_one_type() {
    check_specs(vec![
        (
            json!({"volumes": [{"name": "v"}, {"name": "v"}, {}]}),
            vec![
                "volumes[1].name: Duplicate value: \"v\"",
                "volumes[2].name: Required value",
            ],
        ),
        (
            json!({"volumes": [{"name": "v", "emptyDir": {"sizeLimit": "-1"}, "hostPath": {"path": "/"}}]}),
            vec![
                "volumes[0].emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity",
                "volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
            ],
        ),
    ]);
}

#[test]
fn of_two_types_the_first_in_upstreams_order_counts() {
    let forbidden = "Forbidden: may not specify more than 1 volume type";
    for (given, field) in [
        (
            json!({"configMap": {"name": "c"}, "secret": {"secretName": "s"}}),
            "configMap",
        ),
        (
            json!({"configMap": {"name": "c"}, "persistentVolumeClaim": {"claimName": "c"}}),
            "configMap",
        ),
        (
            json!({"downwardAPI": {}, "secret": {"secretName": "s"}}),
            "downwarAPI",
        ),
        (
            json!({"cephfs": {"monitors": ["m"]}, "nfs": {"server": "s", "path": "/"}}),
            "cephFS",
        ),
    ] {
        check_volumes(vec![(given, vec![&format!("{field}: {forbidden}")])]);
    }
}

#[test]
fn common_types() {
    check_volumes(vec![
        (
            json!({"hostPath": {}}),
            vec!["hostPath.path: Required value"],
        ),
        (
            json!({"hostPath": {"path": "/a/../b", "type": "Nope"}}),
            vec![
                "hostPath.path: Invalid value: \"/a/../b\": must not contain '..'",
                "hostPath.type: Unsupported value: \"Nope\": supported values: \"\", \"BlockDevice\", \"CharDevice\", \"Directory\", \"DirectoryOrCreate\", \"File\", \"FileOrCreate\", \"Socket\"",
            ],
        ),
        (
            json!({"secret": {"defaultMode": 1000, "items": [{"key": "k", "path": "..x"}]}}),
            vec![
                "secret.secretName: Required value",
                "secret.defaultMode: Invalid value: 1000: must be a number between 0 and 0777 (octal), both inclusive",
                "secret.items[0].path: Invalid value: \"..x\": must not start with '..'",
            ],
        ),
        (
            json!({"configMap": {"items": [{"path": "/a"}]}}),
            vec![
                "configMap.name: Required value",
                "configMap.items[0].key: Required value",
                "configMap.items[0].path: Invalid value: \"/a\": must be a relative path",
            ],
        ),
        (
            json!({"downwardAPI": {"items": [{"path": "p"}, {"path": "q", "fieldRef": {"fieldPath": "spec.nodeName"}}]}}),
            vec![
                "downwardAPI: Required value: one of fieldRef and resourceFieldRef is required",
                "downwardAPI.fieldRef.fieldPath: Unsupported value: \"spec.nodeName\": supported values: \"metadata.annotations\", \"metadata.labels\", \"metadata.name\", \"metadata.namespace\", \"metadata.uid\"",
            ],
        ),
        (
            json!({"persistentVolumeClaim": {}}),
            vec!["persistentVolumeClaim.claimName: Required value"],
        ),
        (
            json!({"flexVolume": {"options": {"a.k8s.io/b": "c"}}}),
            vec![
                "flexVolume.driver: Required value",
                "flexVolume.options[a.k8s.io/b]: Invalid value: \"a.k8s.io/b\": kubernetes.io and k8s.io namespaces are reserved",
            ],
        ),
        (
            json!({"ephemeral": {"volumeClaimTemplate": {"metadata": {"name": "n", "labels": {"a": "b"}},
                "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}}}}),
            vec![
                "ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set for an ephemeral volume",
            ],
        ),
        (
            json!({"csi": {"driver": "d", "nodePublishSecretRef": {"name": "_"}}}),
            vec![
                "csi.name: Invalid value: \"_\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
            ],
        ),
        (
            json!({"ephemeral": {"volumeClaimTemplate": {"spec": {"accessModes": ["Odd"]}}}}),
            vec![
                "ephemeral.volumeClaimTemplate.spec.accessModes: Unsupported value: \"Odd\": supported values: \"ReadOnlyMany\", \"ReadWriteMany\", \"ReadWriteOnce\", \"ReadWriteOncePod\"",
                "ephemeral.volumeClaimTemplate.spec.resources[storage]: Required value",
            ],
        ),
    ]);
}

#[test]
fn network_types() {
    check_volumes(vec![
        (
            json!({"nfs": {"path": "rel"}}),
            vec![
                "nfs.server: Required value",
                "nfs.path: Invalid value: \"rel\": must be an absolute path",
            ],
        ),
        (
            json!({"gcePersistentDisk": {"pdName": "d", "partition": 256}}),
            vec![
                "persistentDisk.partition: Invalid value: 256: must be between 1 and 255, inclusive",
            ],
        ),
        (
            json!({"iscsi": {"targetPortal": "p", "iqn": "x", "lun": 256, "chapAuthSession": true}}),
            vec![
                "iscsi.iqn: Invalid value: \"x\": must be valid format starting with iqn, eui, or naa",
                "iscsi.lun: Invalid value: 256: must be between 0 and 255, inclusive",
                "iscsi.secretRef: Required value",
            ],
        ),
        (
            json!({"iscsi": {"targetPortal": "a-portal-of-more-than-sixty-four-letters-is-a-rare-thing-to-see:3260",
                "iqn": "iqn.2001-4.com.example:disk", "lun": 0, "initiatorName": "naa.0"}}),
            vec![
                "iscsi.iqn: Invalid value: \"iqn.2001-4.com.example:disk\": must be valid format",
                "iscsi.initiatorname: Invalid value: \"naa.0\": must be valid format",
                "name: Invalid value: \"v\": Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.",
            ],
        ),
        (
            json!({"iscsi": {"targetPortal": "p", "iqn": "iqn.2001-04.com.example:disk", "lun": 0,
                "initiatorName": "eui.0123456789abcdef"}}),
            vec![],
        ),
        (
            json!({"gitRepo": {"repository": "r", "directory": "..d"}}),
            vec![],
        ),
        (
            json!({"azureDisk": {"diskName": "d", "diskURI": ""}}),
            vec![
                "azureDisk.diskURI: Required value",
                "azureDisk.diskURI: Unsupported value: \"\": supported values: \"https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd\"",
            ],
        ),
        (
            json!({"fc": {"targetWWNs": ["a"], "wwids": ["b"]}}),
            vec![
                "fc.targetWWNs: Invalid value: []string{\"a\"}: targetWWNs and wwids can not be specified simultaneously",
                "fc.lun: Required value: lun is required if targetWWNs is specified",
            ],
        ),
        (
            json!({"azureDisk": {"diskName": "d", "diskURI": "u", "kind": "Odd"}}),
            vec![
                "azureDisk.kind: Unsupported value: \"Odd\": supported values: \"Dedicated\", \"Managed\", \"Shared\"",
                "azureDisk.diskURI: Unsupported value: \"u\": supported values: \"https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd\"",
            ],
        ),
        (
            json!({"quobyte": {"registry": "a:1,b", "volume": "v"}}),
            vec![
                "quobyte.registry: Invalid value: \"a:1,b\": must be a host:port pair or multiple pairs separated by commas",
            ],
        ),
        (
            json!({"flocker": {"datasetName": "a/b"}}),
            vec!["flocker.datasetName: Invalid value: \"a/b\": must not contain '/'"],
        ),
    ]);
}

#[test]
fn projections_do_not_collide() {
    check_volumes(vec![
        (
            json!({"projected": {"sources": [
                {"secret": {"name": "a", "items": [{"key": "k", "path": "p"}]}},
                {"configMap": {"name": "b", "items": [{"key": "k", "path": "p"}]}}]}}),
            vec!["projected: Invalid value: \"b\": conflicting duplicate paths"],
        ),
        (
            json!({"projected": {"sources": [
                {"secret": {"name": "a"}, "configMap": {"name": "b"}},
                {"serviceAccountToken": {"expirationSeconds": 5}}]}}),
            vec![
                "projected.sources[0]: Forbidden: may not specify more than 1 volume type",
                "projected.sources[1].serviceAccountToken.expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes",
                "projected.path: Required value",
            ],
        ),
    ]);
}

#[test]
fn mounts_refer_to_valid_volumes() {
    let volumes = json!([{"name": "v"}, {"name": "bad", "nfs": {}}, {"name": "c", "persistentVolumeClaim": {"claimName": "c"}}]);
    for (mount, texts) in [
        (
            json!([{"name": "v", "mountPath": "/a", "subPath": "x/y"}]),
            vec![],
        ),
        (
            json!([{"name": "bad", "mountPath": "/a"}, {"name": "v", "mountPath": "/a", "mountPropagation": "Bidirectional"}]),
            vec![
                "volumeMounts[0].name: Not found: \"bad\"",
                "volumeMounts[1].mountPath: Invalid value: \"/a\": must be unique",
                "volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers",
            ],
        ),
        (
            json!([{"name": "v", "mountPath": "/a", "subPath": "/x", "subPathExpr": "../y"}]),
            vec![
                "volumeMounts.subPath: Invalid value: \"/x\": must be a relative path",
                "volumeMounts[0].subPathExpr: Invalid value: \"../y\": subPathExpr and subPath are mutually exclusive",
                "volumeMounts.subPathExpr: Invalid value: \"../y\": must not contain '..'",
            ],
        ),
    ] {
        let mut given = container(&json!({"volumeMounts": mount}));
        given["volumes"] = volumes.clone();
        let mut found = mistakes(&given);
        found.retain(|text| text.contains("containers[0]"));
        let texts: Vec<_> = texts
            .iter()
            .map(|t| format!("spec.containers[0].{t}"))
            .collect();
        assert_eq!(found, texts, "{given}");
    }
}

#[test]
fn devices_are_claims_and_not_mounted() {
    let mut given = container(&json!({
        "volumeDevices": [{"name": "c", "devicePath": "/a"}, {"name": "v", "devicePath": "/b/../c"}],
        "volumeMounts": [{"name": "c", "mountPath": "/m"}],
    }));
    given["volumes"] =
        json!([{"name": "v"}, {"name": "c", "persistentVolumeClaim": {"claimName": "c"}}]);
    let path = "spec.containers[0].volume";
    assert_eq!(
        mistakes(&given),
        [
            format!(
                "{path}Mounts[0].name: Invalid value: \"c\": must not already exist in volumeDevices"
            ),
            format!(
                "{path}Devices[0].name: Invalid value: \"c\": must not already exist in volumeMounts"
            ),
            format!(
                "{path}Devices[1].name: Invalid value: \"v\": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode"
            ),
            format!(
                "{path}Devices[1].devicePath: Invalid value: \"/b/../c\": can not contain backsteps ('..')"
            ),
        ]
    );
}
