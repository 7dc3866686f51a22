use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{defaulted, mistakes, prepared};

/// A minimal policy with these additional fields.
fn policy(extra: &Value) -> Value {
    let mut spec = json!({
        "seLinux": {"rule": "RunAsAny"},
        "runAsUser": {"rule": "RunAsAny"},
        "fsGroup": {"rule": "RunAsAny"},
        "supplementalGroups": {"rule": "RunAsAny"},
    });
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"spec": spec})
}

#[test]
fn escalation_is_allowed_unless_denied() {
    for (given, allowed) in [
        (json!({}), true),
        (json!({"allowPrivilegeEscalation": null}), true),
        (json!({"allowPrivilegeEscalation": false}), false),
    ] {
        let policy = defaulted(&PodSecurityPolicyStrategy, &policy(&given));
        let spec = policy.spec.unwrap();
        assert_eq!(spec.allow_privilege_escalation, Some(allowed), "{given}");
    }
}

#[test]
fn proc_mounts_are_not_stored() {
    let given = policy(&json!({"allowedProcMountTypes": ["Unmasked"]}));
    let stored = prepared(&PodSecurityPolicyStrategy, &given);
    assert_eq!(stored.spec.unwrap().allowed_proc_mount_types, None);
}

#[test]
fn rules_and_ranges_are_validated() {
    let groups = "supported values: \"MayRunAs\", \"MustRunAs\", \"RunAsAny\"";
    for (given, texts) in [
        (json!({}), vec![]),
        (
            json!({"runAsUser": {"rule": "MustRunAs", "ranges": [{"min": 2, "max": -1}]}}),
            vec![
                "spec.runAsUser.ranges[0].max: Invalid value: -1: max cannot be negative".into(),
                "spec.runAsUser.ranges[0].min: Invalid value: 2: min cannot be greater than max"
                    .into(),
            ],
        ),
        (
            json!({"fsGroup": {"rule": "X"}, "supplementalGroups": {}}),
            vec![
                format!("spec.supplementalGroups.rule: Unsupported value: \"\": {groups}"),
                format!("spec.fsGroup.rule: Unsupported value: \"X\": {groups}"),
            ],
        ),
        (
            json!({"runAsGroup": {"rule": "MustRunAs"}}),
            vec![
                "spec.runAsGroup.ranges: Invalid value: []policy.IDRange(nil): must provide at least one range".into(),
            ],
        ),
        (
            json!({"runAsGroup": {"rule": "RunAsAny", "ranges": [{"min": 1, "max": 2}]}}),
            vec![
                "spec.runAsGroup.ranges: Invalid value: []policy.IDRange{policy.IDRange{Min:1, Max:2}}: Ranges must be empty".into(),
            ],
        ),
        (
            json!({"defaultAllowPrivilegeEscalation": true, "allowPrivilegeEscalation": false}),
            vec![
                "spec.defaultAllowPrivilegeEscalation: Invalid value: true: Cannot set DefaultAllowPrivilegeEscalation to true without also setting AllowPrivilegeEscalation to true".into(),
            ],
        ),
    ] {
        assert_eq!(mistakes(&PodSecurityPolicyStrategy, &policy(&given)), texts, "{given}");
    }
}

#[test]
fn lists_keep_upstreams_odd_paths() {
    for (given, texts) in [
        (
            json!({"requiredDropCapabilities": ["A"], "allowedCapabilities": ["*"]}),
            vec![
                "requiredDropCapabilities: Invalid value: []core.Capability{\"A\"}: must be empty when all capabilities are allowed by a wildcard",
            ],
        ),
        (
            json!({"requiredDropCapabilities": ["A"], "defaultAddCapabilities": ["A"]}),
            vec![
                "defaultAddCapabilities: Invalid value: \"A\": capability is listed in defaultAddCapabilities and requiredDropCapabilities",
            ],
        ),
        (
            json!({"allowedFlexVolumes": [{"driver": ""}]}),
            vec![
                "spec.allowedFlexVolumes.allowedFlexVolumes[0].driver: Required value: must specify a driver",
            ],
        ),
        (
            json!({"allowedHostPaths": [{"pathPrefix": "/a/../b"}, {}, {}]}),
            vec![
                "spec.allowedHostPaths[0]: Invalid value: \"/a/../b\": must not contain '..'",
                "spec.allowedHostPaths[1]: Required value: is required",
            ],
        ),
        (
            json!({"allowedUnsafeSysctls": ["kernel.*", ""], "forbiddenSysctls": ["kernel.shm"]}),
            vec![
                "spec.allowedUnsafeSysctls[1]: Invalid value: \"\": empty sysctl not allowed",
                "spec.forbiddenSysctls[0]: Invalid value: \"kernel.shm\": sysctl overlaps with kernel.*",
            ],
        ),
        (
            json!({"forbiddenSysctls": ["*", "a"]}),
            vec![
                "spec.forbiddenSysctls.items: Forbidden: if '*' is present, must not specify other sysctls",
            ],
        ),
        (
            json!({"runtimeClass": {"allowedRuntimeClassNames": ["a", "a"], "defaultRuntimeClassName": "b"}}),
            vec![
                "spec.runtimeClass.allowedRuntimeClassNames[1]: Duplicate value: \"a\"",
                "spec.runtimeClass.allowedRuntimeClassNames: Required value: default \"b\" must be allowed",
            ],
        ),
    ] {
        assert_eq!(
            mistakes(&PodSecurityPolicyStrategy, &policy(&given)),
            texts,
            "{given}"
        );
    }
}

#[test]
fn sysctls_are_segments_and_may_end_in_a_star() {
    for (sysctl, fine) in [
        ("kernel.shm_rmid_forced", true),
        ("net.ipv4.*", true),
        ("net.ip*", true),
        ("*", true),
        ("net.*.x", false),
        ("Net.x", false),
        ("net..x", false),
        ("net.-x", false),
        ("net.x-", false),
    ] {
        let given = json!({"forbiddenSysctls": [sysctl]});
        let texts = mistakes(&PodSecurityPolicyStrategy, &policy(&given));
        assert_eq!(texts.is_empty(), fine, "{sysctl} {texts:?}");
    }
}

#[test]
fn profiles_in_annotations_are_checked() {
    let mut object = policy(&json!({}));
    object["metadata"]["annotations"] = json!({
        "seccomp.security.alpha.kubernetes.io/allowedProfileNames": "*,docker/default,odd",
        "apparmor.security.beta.kubernetes.io/defaultProfileName": "odd",
    });
    assert_eq!(
        mistakes(&PodSecurityPolicyStrategy, &object),
        [
            "metadata.annotations[apparmor.security.beta.kubernetes.io/defaultProfileName]: Invalid value: \"odd\": invalid AppArmor profile name: \"odd\"",
            "metadata.annotations[seccomp.security.alpha.kubernetes.io/allowedProfileNames]: Invalid value: \"odd\": must be a valid seccomp profile",
        ]
    );
}

#[test]
fn rows_show_plain_lists() {
    let given = json!({"allowedCapabilities": ["NET_ADMIN", "KILL"], "readOnlyRootFilesystem": true,
        "volumes": ["emptyDir", "secret"]});
    let policy = defaulted(&PodSecurityPolicyStrategy, &policy(&given));
    assert_eq!(
        PodSecurityPolicyStrategy.cells(&policy)[1..],
        [
            Cell::text("false"),
            Cell::text("NET_ADMIN,KILL"),
            Cell::text("RunAsAny"),
            Cell::text("RunAsAny"),
            Cell::text("RunAsAny"),
            Cell::text("RunAsAny"),
            Cell::Value(json!(true)),
            Cell::text("emptyDir,secret"),
        ]
    );
}
