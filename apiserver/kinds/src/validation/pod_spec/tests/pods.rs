use serde_json::json;

use super::*;

#[test]
fn policies_names_and_deadlines() {
    let label = name::dns1123_label("a.b").remove(0);
    check_specs(vec![
        (
            json!({"restartPolicy": "Maybe", "dnsPolicy": "Weird"}),
            vec![
                "restartPolicy: Unsupported value: \"Maybe\": supported values: \"Always\", \"OnFailure\", \"Never\"",
                "dnsPolicy: Unsupported value: \"Weird\": supported values: \"ClusterFirstWithHostNet\", \"ClusterFirst\", \"Default\", \"None\"",
            ],
        ),
        (
            json!({"subdomain": "a.b", "activeDeadlineSeconds": 0}),
            vec![
                "activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
                &format!("subdomain: Invalid value: \"a.b\": {label}"),
            ],
        ),
        (
            json!({"preemptionPolicy": ""}),
            vec!["preemptionPolicy: Required value"],
        ),
        (
            json!({"preemptionPolicy": "Odd", "overhead": {"bogus": "1"}}),
            vec![
                "preemptionPolicy: Unsupported value: \"Odd\": supported values: \"PreemptLowerPriority\", \"Never\"",
                "overhead.limits[bogus]: Invalid value: \"bogus\": must be a standard resource type or fully qualified",
                "overhead.limits[bogus]: Invalid value: \"bogus\": must be a standard resource for containers",
            ],
        ),
    ]);
}

#[test]
fn contexts_of_pods() {
    check_specs(vec![
        (
            json!({"securityContext": {"fsGroup": -1, "supplementalGroups": [0, -1], "fsGroupChangePolicy": "Odd"}}),
            vec![
                "securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                "securityContext.supplementalGroups[1]: Invalid value: -1: must be between 0 and 2147483647, inclusive",
                "securityContext.fsGroupChangePolicy: Unsupported value: \"Odd\": supported values: \"Always\", \"OnRootMismatch\"",
            ],
        ),
        (
            json!({"securityContext": {"sysctls": [{"name": "a.b", "value": ""}, {"name": "a.b", "value": ""}, {"name": "A", "value": ""}]}}),
            vec![
                "securityContext.sysctls[1].name: Duplicate value: \"a.b\"",
                "securityContext.sysctls[2].name: Invalid value: \"A\": must have at most 253 characters and match regex ([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?",
            ],
        ),
        (
            json!({"hostPID": true, "shareProcessNamespace": true}),
            vec![
                "securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled",
            ],
        ),
    ]);
    let mut given = container(&json!({"ports": [{"containerPort": 80, "hostPort": 81}]}));
    given["hostNetwork"] = json!(true);
    assert_eq!(
        mistakes(&given),
        [
            "spec.containers[0].ports[0].containerPort: Invalid value: 80: must match `hostPort` when `hostNetwork` is true"
        ]
    );
}

#[test]
fn affinities() {
    let required = "requiredDuringSchedulingIgnoredDuringExecution";
    let preferred = "preferredDuringSchedulingIgnoredDuringExecution";
    check_specs(vec![
        (
            json!({"affinity": {"nodeAffinity": {required: {"nodeSelectorTerms": []}}}}),
            vec![
                "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
            ],
        ),
        (
            json!({"affinity": {"nodeAffinity": {preferred: [{"weight": 0, "preference": {
                "matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1", "2"]}],
                "matchFields": [{"key": "spec.x", "operator": "Exists"}]}}]}}}),
            vec![
                "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100",
                "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchExpressions[0].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
                "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchFields[0].operator: Invalid value: \"Exists\": not a valid selector operator",
                "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].preference.matchFields[0].key: Invalid value: \"spec.x\": not a valid field selector key",
            ],
        ),
        (
            json!({"affinity": {"podAntiAffinity": {required: [{"topologyKey": "a",
                "labelSelector": {"matchExpressions": [{"key": "k", "operator": "Nope"}]}}]}}}),
            vec![
                "affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].matchExpressions.matchExpressions[0].operator: Invalid value: \"Nope\": not a valid selector operator",
            ],
        ),
    ]);
}

#[test]
fn tolerations_and_spreading() {
    check_specs(vec![
        (
            json!({"tolerations": [{"operator": "Equal"}, {"key": "a", "operator": "Exists", "value": "b"},
                {"key": "a", "effect": "Bad", "tolerationSeconds": 1}]}),
            vec![
                "tolerations[0].operator: Invalid value: \"Equal\": operator must be Exists when `key` is empty, which means \"match all values and all keys\"",
                "tolerations[1].operator: Invalid value: core.Toleration{Key:\"a\", Operator:\"Exists\", Value:\"b\", Effect:\"\", TolerationSeconds:(*int64)(nil)}: value must be empty when `operator` is 'Exists'",
                "tolerations[2].effect: Invalid value: \"Bad\": effect must be 'NoExecute' when `tolerationSeconds` is set",
                "tolerations[2].effect: Unsupported value: \"Bad\": supported values: \"NoSchedule\", \"PreferNoSchedule\", \"NoExecute\"",
            ],
        ),
        (
            json!({"topologySpreadConstraints": [
                {"maxSkew": 0, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway", "minDomains": 1},
                {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway"}]}),
            vec![
                "topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
                "topologySpreadConstraints[0].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
                "topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: \"{a, ScheduleAnyway}\"",
            ],
        ),
    ]);
}

#[test]
fn dns_settings_and_aliases_are_validated() {
    check_specs(vec![
        (
            json!({"dnsPolicy": "None"}),
            vec!["dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
        ),
        (
            json!({"dnsPolicy": "None", "dnsConfig": {"options": [{}]}}),
            vec![
                "dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
            ],
        ),
        (
            json!({"dnsConfig": {"nameservers": ["x"], "searches": ["a.", "b", "c", "d", "e", "f", "g"]}}),
            vec![
                "dnsConfig.nameservers[0]: Invalid value: \"x\": must be valid IP address",
                "dnsConfig.searches: Invalid value: []string{\"a.\", \"b\", \"c\", \"d\", \"e\", \"f\", \"g\"}: must not have more than 6 search paths",
            ],
        ),
        (
            json!({"hostAliases": [{"ip": "x", "hostnames": ["a.b"]}]}),
            vec!["hostAliases.ip: Invalid value: \"x\": must be valid IP address"],
        ),
    ]);
}

#[test]
fn fields_of_other_operating_systems_are_rejected() {
    check_specs(vec![
        (
            json!({"os": {"name": "plan9"}}),
            vec!["os: Unsupported value: \"plan9\": supported values: \"linux\", \"windows\""],
        ),
        (
            json!({"os": {"name": "linux"}, "securityContext": {"windowsOptions": {"runAsUserName": ""}}}),
            vec![
                "securityContext.windowsOptions.runAsUserName: Invalid value: \"\": runAsUserName cannot be an empty string",
                "securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
            ],
        ),
        (
            json!({"os": {"name": "windows"}, "hostPID": true, "securityContext": {"fsGroup": 1}}),
            vec![
                "hostPID: Forbidden: cannot be set for a windows pod",
                "securityContext.fsGroup: Forbidden: cannot be set for a windows pod",
            ],
        ),
    ]);
}

#[test]
fn windows_users_and_processes_of_the_node() {
    let pod = |options: &Value| {
        json!({"containers": [{"name": "a", "image": "i"},
            {"name": "b", "image": "i", "securityContext": {"windowsOptions": options}}]})
    };
    for (options, texts) in [
        (json!({"runAsUserName": "ContainerAdministrator"}), vec![]),
        (json!({"runAsUserName": "EXAMPLE\\user name"}), vec![]),
        (
            json!({"runAsUserName": "a.b..c\\.."}),
            vec![
                "runAsUserName's Domain doesn't match the NetBios nor the DNS format",
                "runAsUserName's User cannot contain only periods or spaces",
            ],
        ),
        (
            json!({"runAsUserName": "EXAMPLE\\a*"}),
            vec![
                "runAsUserName's User cannot contain the following characters: \"/\\:;|=,+*?<>@[]",
            ],
        ),
        (
            json!({"hostProcess": true}),
            vec![
                "If pod contains any hostProcess containers then all containers must be HostProcess containers",
                "hostNetwork must be true if pod contains any hostProcess containers",
            ],
        ),
    ] {
        let found = mistakes(&pod(&options));
        assert_eq!(found.len(), texts.len(), "{options}: {found:?}");
        for (found, text) in found.iter().zip(texts) {
            assert!(found.ends_with(text), "{found}");
        }
    }
}
