use serde_json::json;

use super::*;

fn read(plugin: &str, document: Value) -> Result<Configuration, String> {
    let mut configuration = Configuration::default();
    let read = configuration.read(plugin, document)?;
    assert!(read, "{plugin} has no configuration");
    Ok(configuration)
}

fn error(plugin: &str, document: Value) -> String {
    read(plugin, document).err().unwrap()
}

#[test]
fn pod_security_is_checked() {
    let document = |defaults: Value, exemptions: Value| {
        json!({"apiVersion": "pod-security.admission.config.k8s.io/v1",
            "kind": "PodSecurityConfiguration", "defaults": defaults, "exemptions": exemptions})
    };
    let found = document(
        json!({"enforce": "baseline", "enforce-version": "v1.25", "warn": "restricted"}),
        json!({"usernames": ["jane"], "namespaces": ["kube-system"], "runtimeClasses": ["kata"]}),
    );
    let found = read("PodSecurity", found).unwrap().pod_security;
    assert_eq!(found.policy.enforce.to_string(), "baseline:v1.25");
    assert_eq!(found.policy.audit.to_string(), "privileged:latest");
    assert_eq!(found.policy.warn.to_string(), "restricted:latest");
    assert_eq!(found.exempts("kube-system", "x"), Some("namespace"));
    assert_eq!(found.exempts("default", "jane"), Some("user"));
    assert_eq!(found.exempts("default", "joe"), None);
    for (defaults, exemptions, why) in [
        (
            json!({"enforce": "strict"}),
            json!({}),
            r#"defaults.enforce: Invalid value: "strict": must be one of privileged, baseline, restricted"#,
        ),
        (
            json!({"audit-version": "1.2"}),
            json!({}),
            r#"defaults.audit-version: Invalid value: "1.2": must be "latest" or "v1.x""#,
        ),
        (
            json!({}),
            json!({"usernames": ["", "a", "a"]}),
            r#"[exemptions.usernames[0]: Required value, exemptions.usernames[2]: Duplicate value: "a"]"#,
        ),
    ] {
        assert_eq!(error("PodSecurity", document(defaults, exemptions)), why);
    }
    let namespaces = error(
        "PodSecurity",
        document(json!({}), json!({"namespaces": ["A"]})),
    );
    let why = r#"exemptions.namespaces[0]: Invalid value: "A": a lowercase RFC 1123 label"#;
    assert!(namespaces.starts_with(why), "{namespaces}");
    let unknown = error("PodSecurity", document(json!({"enforced": "x"}), json!({})));
    assert!(unknown.starts_with("unknown field `enforced`"), "{unknown}");
    let kind = error("PodSecurity", json!({"apiVersion": "v1", "kind": "Pod"}));
    assert_eq!(kind, r#"no kind "Pod" is registered for version "v1""#);
}

#[test]
fn limits_of_events_are_checked() {
    let document = |limits: Value| {
        json!({"apiVersion": "eventratelimit.admission.k8s.io/v1alpha1", "kind": "Configuration",
            "limits": limits})
    };
    let found = read(
        "EventRateLimit",
        document(json!([{"type": "User", "qps": 1, "burst": 2}])),
    );
    let found = found.unwrap();
    assert!(found.suffices("EventRateLimit"));
    assert_eq!(found.event_limits[0].cache_size, 4096);
    assert!(!Configuration::default().suffices("EventRateLimit"));
    for (limits, why) in [
        (json!([]), r#"limits: Invalid value: "": must not be empty"#),
        (
            json!([{"type": "Cluster", "qps": 1, "burst": 1}]),
            r#"limits[0].type: Unsupported value: "Cluster": supported values: "Namespace", "Server", "SourceAndObject", "User""#,
        ),
        (
            json!([{"type": "Server", "qps": 0, "burst": -1}]),
            "[limits[0].burst: Invalid value: -1: must be positive, limits[0].qps: Invalid value: 0: must be positive]",
        ),
        (
            json!([{"type": "User", "qps": 1, "burst": 1, "cacheSize": -1}]),
            "limits[0].cacheSize: Invalid value: -1: must not be negative",
        ),
        (
            json!([{"type": "User", "qps": 1, "burst": 1, "cacheSize": 2_000_000}]),
            "limits[0].cacheSize: Invalid value: 2000000: must not be greater than 1048576",
        ),
    ] {
        assert_eq!(error("EventRateLimit", document(limits)), why);
    }
}

#[test]
fn selectors_and_limited_resources_are_checked() {
    let selectors = json!({"podNodeSelectorPluginConfig": {
        "clusterDefaultNodeSelector": "disk=ssd", "a": "zone=x,disk=ssd", "b": ""}});
    let found = read("PodNodeSelector", selectors).unwrap().node_selectors;
    assert_eq!(found.default_selector()["disk"], "ssd");
    assert_eq!(found.allowed("a").unwrap().len(), 2);
    assert!(found.allowed("b").is_none() && found.allowed("c").is_none());
    let broken = json!({"podNodeSelectorPluginConfig": {"a": "zone"}});
    let why = r#"podNodeSelectorPluginConfig[a]: Invalid value: "zone": invalid selector: [zone]"#;
    assert_eq!(error("PodNodeSelector", broken), why);
    let document = |limited: Value| {
        json!({"apiVersion": "apiserver.config.k8s.io/v1", "kind": "ResourceQuotaConfiguration",
            "limitedResources": limited})
    };
    let pods = json!([{"resource": "pods", "matchScopes": [
        {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}]);
    let found = read("ResourceQuota", document(pods)).unwrap();
    assert_eq!(found.limited_resources[0].match_scopes.len(), 1);
    let nameless = error("ResourceQuota", document(json!([{"apiGroup": "apps"}])));
    assert_eq!(nameless, "limitedResources[0].resource: Required value");
    let mut configuration = Configuration::default();
    assert_eq!(configuration.read("LimitRanger", json!({})), Ok(false));
}
