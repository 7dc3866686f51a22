//! Policies against requests.

use http::Method;
use serde_json::{Value, json};

use super::*;
use crate::request::Query;

fn policy(rules: &Value) -> Policy {
    read(&json!({"rules": rules})).unwrap()
}

fn read(fields: &Value) -> Result<Policy, PolicyError> {
    let mut document = json!({"apiVersion": "audit.k8s.io/v1", "kind": "Policy"});
    let fields = fields.as_object().unwrap().clone();
    document.as_object_mut().unwrap().extend(fields);
    Policy::read(document)
}

fn request(method: &str, url: &str) -> RequestInfo {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    RequestInfo::parse(&method, path, &Query::new(query))
}

fn alice() -> UserInfo {
    UserInfo {
        name: "alice".into(),
        groups: vec!["devs".into(), "system:authenticated".into()],
        ..UserInfo::default()
    }
}

#[test]
fn a_rule_matches_what_all_its_fields_match() {
    let pods = "/api/v1/namespaces/default/pods";
    let pod = "/api/v1/namespaces/default/pods/web";
    let log = "/api/v1/namespaces/default/pods/web/log";
    for (rule, method, url, matches) in [
        (json!({}), "GET", pods, true),
        (json!({"users": ["alice"]}), "GET", pods, true),
        (json!({"users": ["bob"]}), "GET", pods, false),
        (json!({"userGroups": ["ops", "devs"]}), "GET", pods, true),
        (json!({"userGroups": ["ops"]}), "GET", pods, false),
        (json!({"verbs": ["list"]}), "GET", pods, true),
        (json!({"verbs": ["get"]}), "GET", pods, false),
        (json!({"verbs": ["get"]}), "GET", "/healthz", true),
        (json!({"namespaces": ["default"]}), "GET", pods, true),
        (json!({"namespaces": [""]}), "GET", pods, false),
        (json!({"namespaces": [""]}), "GET", "/api/v1/nodes", true),
        (json!({"namespaces": [""]}), "GET", "/healthz", false),
        (
            json!({"nonResourceURLs": ["/healthz*"]}),
            "GET",
            "/healthz/x",
            true,
        ),
        (
            json!({"nonResourceURLs": ["/healthz"]}),
            "GET",
            "/healthz/x",
            false,
        ),
        (json!({"nonResourceURLs": ["*"]}), "GET", "/version", true),
        (json!({"nonResourceURLs": ["*"]}), "GET", pods, false),
    ] {
        let mut rule = rule;
        rule["level"] = "Metadata".into();
        let verdict = policy(&json!([rule])).verdict(&request(method, url), Some(&alice()));
        assert_eq!(verdict.level == Level::Metadata, matches, "{rule} {url}");
    }
    for (resources, url, matches) in [
        (json!({}), pods, true),
        (json!({"group": "apps"}), pods, false),
        (json!({"group": "*"}), pods, true),
        (json!({"resources": ["pods"]}), pod, true),
        (json!({"resources": ["pods"]}), log, false),
        (json!({"resources": ["pods/log"]}), log, true),
        (json!({"resources": ["pods/*"]}), log, true),
        (json!({"resources": ["pods/*"]}), pod, true),
        (json!({"resources": ["*/log"]}), log, true),
        (json!({"resources": ["*/log"]}), pod, false),
        (json!({"resources": ["*"]}), log, true),
        (json!({"resources": ["secrets"]}), pod, false),
        (
            json!({"resources": ["pods"], "resourceNames": ["web"]}),
            pod,
            true,
        ),
        (
            json!({"resources": ["pods"], "resourceNames": ["web"]}),
            pods,
            false,
        ),
        (json!({"resources": ["pods"]}), "/healthz", false),
    ] {
        let rules = json!([{"level": "Metadata", "resources": [resources]}]);
        let verdict = policy(&rules).verdict(&request("GET", url), Some(&alice()));
        assert_eq!(verdict.level == Level::Metadata, matches, "{rules} {url}");
    }
}

#[test]
fn the_first_rule_that_matches_decides() {
    let policy = read(&json!({
        "omitStages": ["RequestReceived"],
        "omitManagedFields": true,
        "rules": [
            {"level": "None", "users": ["bob"]},
            {"level": "Request", "verbs": ["list"], "omitStages": ["Panic"], "omitManagedFields": false},
            {"level": "RequestResponse", "users": ["alice"]},
        ],
    }))
    .unwrap();
    let verdict = |method, url, user| policy.verdict(&request(method, url), user);
    let alice = alice();
    let listed = verdict("GET", "/api/v1/pods", Some(&alice));
    assert_eq!(listed.level, Level::Request);
    assert!(!listed.without_managed_fields);
    let omitted = |stage| listed.omitted.contains(stage);
    assert!(omitted(Stage::RequestReceived) && omitted(Stage::Panic));
    assert!(!omitted(Stage::ResponseStarted) && !omitted(Stage::ResponseComplete));
    let read = verdict("GET", "/api/v1/namespaces/a/pods/b", Some(&alice));
    assert_eq!(read.level, Level::RequestResponse);
    assert!(read.without_managed_fields && !read.omitted.contains(Stage::Panic));
    let of_nobody = verdict("GET", "/version", None);
    assert_eq!(of_nobody.level, Level::None);
}

#[test]
fn mistakes_are_reported_with_upstreams_texts() {
    for (fields, why) in [
        (json!({}), "loaded illegal policy with 0 rules"),
        (json!({"rules": [{}]}), "rules[0].level: Required value"),
        (
            json!({"rules": [{"level": "Some"}]}),
            r#"rules[0].level: Unsupported value: "Some": supported values: "None", "Metadata", "Request", "RequestResponse""#,
        ),
        (
            json!({"rules": [{"level": "None", "nonResourceURLs": ["x", "/a*b"]}]}),
            r#"[rules[0].nonResourceURLs[0]: Invalid value: "x": non-resource URL rules must begin with a '/' character, rules[0].nonResourceURLs[1]: Invalid value: "/a*b": non-resource URL wildcards '*' must be the final character of the rule]"#,
        ),
        (
            json!({"rules": [{"level": "None", "nonResourceURLs": ["/x"], "namespaces": ["a"]}]}),
            r#"rules[0].nonResourceURLs: Invalid value: []string{"/x"}: rules cannot apply to both regular resources and non-resource URLs"#,
        ),
        (
            json!({"rules": [{"level": "None", "resources": [{"group": "apps/v1"}]}]}),
            r#"rules[0].resources.group: Invalid value: "apps/v1": a lowercase RFC 1123 subdomain"#,
        ),
        (
            json!({"rules": [{"level": "None", "resources": [{"resourceNames": ["a"]}]}]}),
            r#"rules[0].resources.resourceNames: Invalid value: []string{"a"}: using resourceNames requires at least one resource"#,
        ),
        (
            json!({"rules": [{"level": "None", "omitStages": ["End"]}]}),
            r#"rules[0].omitStages[0]: Invalid value: "End": allowed stages are RequestReceived,ResponseStarted,ResponseComplete,Panic"#,
        ),
        (
            json!({"apiVersion": "audit.k8s.io/v1beta1"}),
            r#"failed decoding: no kind "Policy" is registered for version "audit.k8s.io/v1beta1""#,
        ),
        (
            json!({"kind": null}),
            "failed decoding: Object 'Kind' is missing",
        ),
        (json!({"rules": "all"}), "failed decoding: invalid type"),
    ] {
        let error = read(&fields).unwrap_err().to_string();
        assert!(error.starts_with(why), "{error}");
    }
    let nulls = json!({"rules": [{"level": "Metadata", "users": null}], "omitStages": null});
    assert!(read(&nulls).is_ok());
}
