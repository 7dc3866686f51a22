use serde_json::json;

use super::*;

#[test]
fn names_images_and_policies() {
    let label = name::dns1123_label("a.b").remove(0);
    check_containers(vec![
        (json!({}), vec![]),
        (json!({"name": ""}), vec!["name: Required value"]),
        (
            json!({"name": "a.b"}),
            vec![&format!("name: Invalid value: \"a.b\": {label}")],
        ),
        (json!({"image": ""}), vec!["image: Required value"]),
        (
            json!({"terminationMessagePolicy": "Nope", "imagePullPolicy": "Sometimes"}),
            vec![
                "terminationMessagePolicy: Invalid value: \"Nope\": must be 'File' or 'FallbackToLogsOnError'",
                "imagePullPolicy: Unsupported value: \"Sometimes\": supported values: \"Always\", \"IfNotPresent\", \"Never\"",
            ],
        ),
    ]);
    assert_eq!(mistakes(&json!({})), ["spec.containers: Required value"]);
}

#[test]
fn names_are_unique_among_all_containers() {
    check_specs(vec![
        (
            json!({"initContainers": [{"name": "m", "image": "i"}]}),
            vec!["initContainers[0].name: Duplicate value: \"m\""],
        ),
        (
            json!({"ephemeralContainers": [
            {"name": "m", "image": "i", "targetContainerName": "x", "ports": [{"containerPort": 1}]}]}),
            vec![
                "ephemeralContainers[0].targetContainerName: Not found: \"x\"",
                "ephemeralContainers[0].name: Duplicate value: \"m\"",
                "ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
            ],
        ),
        (
            // two of the init containers: reported by both checks
            json!({"initContainers": [{"name": "a", "image": "i"}, {"name": "a", "image": "i"}]}),
            vec![
                "initContainers[1].name: Duplicate value: \"a\"",
                "initContainers[1].name: Duplicate value: \"a\"",
            ],
        ),
        (
            json!({"initContainers": [{"name": "a", "image": "i", "livenessProbe": {}}]}),
            vec![
                "initContainers[0].livenessProbe: Required value: must specify a handler type",
                "initContainers[0].livenessProbe: Invalid value: core.Probe{}: must not be set for init containers",
            ],
        ),
        (
            json!({"ephemeralContainers": [{"image": "i"}, {"name": "e", "image": " i"}, {"name": "f"}]}),
            vec![
                "ephemeralContainers[0]: Required value: ephemeralContainer requires a name",
                "ephemeralContainers[1][0].image: Invalid value: \" i\": must not have leading or trailing whitespace",
                "ephemeralContainers[2][0].image: Required value",
            ],
        ),
    ]);
}

#[test]
fn ports_have_numbers_names_and_host_ports() {
    check_containers(vec![
        (
            json!({"ports": [{}]}),
            vec!["ports[0].containerPort: Required value"],
        ),
        (
            json!({"ports": [{"containerPort": -2, "protocol": "ICMP", "hostPort": 70000}]}),
            vec![
                "ports[0].containerPort: Invalid value: -2: must be between 1 and 65535, inclusive",
                "ports[0].hostPort: Invalid value: 70000: must be between 1 and 65535, inclusive",
                "ports[0].protocol: Unsupported value: \"ICMP\": supported values: \"SCTP\", \"TCP\", \"UDP\"",
            ],
        ),
        (
            json!({"ports": [{"containerPort": 1, "name": "p"}, {"containerPort": 2, "name": "p"}]}),
            vec!["ports[1].name: Duplicate value: \"p\""],
        ),
        (
            json!({"ports": [{"containerPort": 1, "hostPort": 80}, {"containerPort": 2, "hostPort": 80}]}),
            vec!["ports[1].hostPort: Duplicate value: \"TCP//80\""],
        ),
    ]);
}

#[test]
fn variables_have_one_source() {
    check_containers(vec![
        (
            json!({"env": [{"name": "A", "value": "x", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]}),
            vec![
                "env[0].valueFrom: Invalid value: \"\": may not be specified when `value` is not empty",
            ],
        ),
        (
            json!({"env": [{"name": "A", "valueFrom": {}}]}),
            vec![
                "env[0].valueFrom: Invalid value: \"\": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`",
            ],
        ),
        (
            json!({"env": [{"name": "..a", "valueFrom": {"secretKeyRef": {"name": "s", "key": ""}}}]}),
            vec![
                "env[0].name: Invalid value: \"..a\": must not start with '..'",
                "env[0].valueFrom.secretKeyRef.key: Required value",
            ],
        ),
        (
            json!({"envFrom": [{}, {"configMapRef": {}, "secretRef": {"name": "s"}}]}),
            vec![
                "envFrom: Invalid value: \"\": must specify one of: `configMapRef` or `secretRef`",
                "envFrom[1].configMapRef.name: Required value",
                "envFrom: Invalid value: \"\": may not have more than one field specified at a time",
            ],
        ),
    ]);
}

#[test]
fn references_name_available_fields() {
    let field = |path: &str| json!({"env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": path}}}]});
    let path = "env[0].valueFrom.fieldRef.fieldPath";
    check_containers(vec![
        (field("status.podIPs"), vec![]),
        (field("metadata.annotations['A/b']"), vec![]),
        (field(""), vec![&format!("{path}: Required value")]),
        (
            field("metadata.nope"),
            vec![&format!(
                "{path}: Invalid value: \"metadata.nope\": error converting fieldPath: field label not supported: metadata.nope"
            )],
        ),
        (
            field("metadata.name['a']"),
            vec![&format!(
                "{path}: Invalid value: \"metadata.name['a']\": error converting fieldPath: field label does not support subscript: metadata.name['a']"
            )],
        ),
        (
            field("spec.restartPolicy"),
            vec![&format!(
                "{path}: Unsupported value: \"spec.restartPolicy\": supported values: \"metadata.name\", \"metadata.namespace\", \"metadata.uid\", \"spec.nodeName\", \"spec.serviceAccountName\", \"status.hostIP\", \"status.podIP\", \"status.podIPs\""
            )],
        ),
        (
            json!({"env": [{"name": "A", "valueFrom": {"resourceFieldRef": {"resource": "limits.cpu", "divisor": "2"}}}]}),
            vec![
                "env[0].valueFrom.resourceFieldRef.divisor: Invalid value: \"limits.cpu\": only divisor's values 1m and 1 are supported with the cpu resource",
            ],
        ),
    ]);
}

#[test]
fn probes_have_one_handler() {
    check_containers(vec![
        (
            json!({"livenessProbe": {"successThreshold": 2, "timeoutSeconds": -2}}),
            vec![
                "livenessProbe: Required value: must specify a handler type",
                "livenessProbe.timeoutSeconds: Invalid value: -2: must be greater than or equal to 0",
                "livenessProbe.successThreshold: Invalid value: 2: must be 1",
            ],
        ),
        (
            json!({"readinessProbe": {"exec": {}, "tcpSocket": {"port": 1}, "terminationGracePeriodSeconds": 5}}),
            vec![
                "readinessProbe.exec.command: Required value",
                "readinessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type",
                "readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes",
            ],
        ),
        (
            json!({"startupProbe": {"httpGet": {"port": 0, "scheme": "FTP", "httpHeaders": [{"name": "b d", "value": ""}]}}}),
            vec![
                "startupProbe.httpGet.port: Invalid value: 0: must be between 1 and 65535, inclusive",
                "startupProbe.httpGet.scheme: Unsupported value: \"FTP\": supported values: \"HTTP\", \"HTTPS\"",
                "startupProbe.httpGet.httpHeaders: Invalid value: \"b d\": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
            ],
        ),
        (
            json!({"lifecycle": {"preStop": {}}}),
            vec!["lifecycle.preStop: Required value: must specify a handler type"],
        ),
    ]);
    check_specs(vec![(
        json!({"initContainers": [{"name": "a", "image": "i", "livenessProbe": {"exec": {"command": ["x"]}}}]}),
        vec![
            "initContainers[0].livenessProbe: Invalid value: core.Probe{}: must not be set for init containers",
        ],
    )]);
}

#[test]
fn resources_are_known_and_requests_within_limits() {
    check_containers(vec![
        (
            json!({"resources": {"limits": {"cpu": "2"}, "requests": {"cpu": "3", "memory": "-1"}}}),
            vec![
                "resources.requests: Invalid value: \"3\": must be less than or equal to cpu limit",
                "resources.requests[memory]: Invalid value: \"-1\": must be greater than or equal to 0",
            ],
        ),
        (
            json!({"resources": {"limits": {"bogus": "1"}}}),
            vec![
                "resources.limits[bogus]: Invalid value: \"bogus\": must be a standard resource type or fully qualified",
                "resources.limits[bogus]: Invalid value: \"bogus\": must be a standard resource for containers",
            ],
        ),
        (
            json!({"resources": {"requests": {"example.com/gpu": "500m"}}}),
            vec![
                "resources.requests[example.com/gpu]: Invalid value: \"500m\": must be an integer",
                "resources.limits: Required value: Limit must be set for non overcommitable resources",
            ],
        ),
        (
            json!({"resources": {"limits": {"example.com/gpu": "2"}, "requests": {"example.com/gpu": "1"}}}),
            vec![
                "resources.requests: Invalid value: \"1\": must be equal to example.com/gpu limit",
            ],
        ),
        (
            json!({"resources": {"limits": {"hugepages-2Mi": "3Mi"}}}),
            vec![
                "resources.limits[hugepages-2Mi]: Invalid value: \"3Mi\": 3Mi is not positive integer multiple of hugepages-2Mi",
                "resources: Forbidden: HugePages require cpu or memory",
            ],
        ),
    ]);
}

#[test]
fn contexts_do_not_contradict_themselves() {
    check_containers(vec![
        (
            json!({"securityContext": {"runAsUser": -2, "procMount": "Odd"}}),
            vec![
                "securityContext.runAsUser: Invalid value: -2: must be between 0 and 2147483647, inclusive",
                "securityContext.procMount: Unsupported value: \"Odd\": supported values: \"Default\", \"Unmasked\"",
            ],
        ),
        (
            json!({"securityContext": {"allowPrivilegeEscalation": false, "privileged": true,
                "capabilities": {"add": ["CAP_SYS_ADMIN", "SYS_ADMIN"]}}}),
            vec![
                "securityContext: Invalid value: core.SecurityContext{}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true",
                "securityContext: Invalid value: core.SecurityContext{}: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN",
            ],
        ),
        (
            json!({"securityContext": {"seccompProfile": {"type": "Localhost"}}}),
            vec![
                "securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost",
            ],
        ),
        (
            json!({"securityContext": {"seccompProfile": {"type": "", "localhostProfile": "x"}}}),
            vec![
                "securityContext.seccompProfile.type: Required value: type is required when seccompProfile is set",
                "securityContext.seccompProfile.localhostProfile: Invalid value: \"x\": can only be set when seccomp type is Localhost",
            ],
        ),
    ]);
}

#[test]
fn variables_refer_to_valid_names() {
    let subdomain = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
    for (given, texts) in [
        (
            json!({"env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"key": "k"}}},
                {"name": "B", "valueFrom": {"secretKeyRef": {"name": "A_B", "key": "k"}}}]}),
            vec![
                format!("env[0].valueFrom.configMapKeyRef.name: Invalid value: \"\": {subdomain}"),
                format!("env[1].valueFrom.secretKeyRef.name: Invalid value: \"A_B\": {subdomain}"),
            ],
        ),
        (
            json!({"envFrom": [{"configMapRef": {"name": "a-"}}, {"secretRef": {"name": "_"}}, {"secretRef": {}}]}),
            vec![
                format!("envFrom[1].secretRef.name: Invalid value: \"_\": {subdomain}"),
                "envFrom[2].secretRef.name: Required value".into(),
            ],
        ),
        (
            json!({"env": [{"name": "A", "valueFrom": {"resourceFieldRef":
                {"resource": "limits.hugepages-2Mi", "divisor": "3"}}}]}),
            vec![
                "env[0].valueFrom.resourceFieldRef.divisor: Invalid value: \"limits.hugepages-2Mi\": only divisor's values 1, 1k, 1M, 1G, 1T, 1P, 1E, 1Ki, 1Mi, 1Gi, 1Ti, 1Pi, 1Ei are supported with the hugepages resource".into(),
            ],
        ),
    ] {
        let texts = texts.iter().map(String::as_str).collect();
        check_containers(vec![(given, texts)]);
    }
}
