use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{defaulted, mistakes, prepared, update_mistakes, written};

const RULES: &IngressStrategy = &IngressStrategy;

fn ingress(spec: &Value) -> Value {
    json!({"metadata": {"name": "i"}, "spec": spec})
}

/// An ingress with one path.
fn of_path(path: &Value) -> Value {
    let mut whole = json!({"path": "/", "pathType": "Prefix", "backend": {"service": {"name": "s", "port": {"number": 80}}}});
    for (key, value) in path.as_object().unwrap() {
        whole[key] = value.clone();
    }
    ingress(&json!({"rules": [{"host": "a.b", "http": {"paths": [whole]}}]}))
}

#[test]
fn an_ingress_has_rules_or_a_backend() {
    assert_eq!(
        mistakes(RULES, &ingress(&json!({}))),
        [
            "spec: Invalid value: []networking.IngressRule(nil): either `defaultBackend` or `rules` must be specified"
        ]
    );
    assert_eq!(
        mistakes(RULES, &ingress(&json!({"defaultBackend": {}}))),
        ["spec.defaultBackend: Invalid value: \"\": resource or service backend is required"]
    );
    let resource =
        json!({"defaultBackend": {"resource": {"apiGroup": "a.b", "kind": "K", "name": "n"}}});
    assert!(mistakes(RULES, &ingress(&resource)).is_empty());
}

#[test]
fn paths_are_plain_and_have_a_backend() {
    let service = |service: Value| json!({"backend": {"service": service}});
    let at = "spec.rules[0].http.paths[0]";
    for (path, wrong) in [
        (json!({}), vec![]),
        (
            json!({"pathType": null}),
            vec![".pathType: Required value: pathType must be specified"],
        ),
        (
            json!({"pathType": "Any"}),
            vec![
                ".pathType: Unsupported value: \"Any\": supported values: \"Exact\", \"ImplementationSpecific\", \"Prefix\"",
            ],
        ),
        (
            json!({"path": "a"}),
            vec![".path: Invalid value: \"a\": must be an absolute path"],
        ),
        (
            json!({"path": "/a//b/.."}),
            vec![
                ".path: Invalid value: \"/a//b/..\": must not contain '//'",
                ".path: Invalid value: \"/a//b/..\": cannot end with '/..'",
            ],
        ),
        (
            json!({"path": null, "pathType": "ImplementationSpecific"}),
            vec![],
        ),
        (
            service(json!({"name": "", "port": {"name": "http"}})),
            vec![".backend.service.name: Required value"],
        ),
        (
            service(json!({"name": "s"})),
            vec![".backend: Required value: port name or number is required"],
        ),
        (
            service(json!({"name": "s", "port": {"number": 80, "name": "http"}})),
            vec![".backend: Invalid value: \"\": cannot set both port name & port number"],
        ),
        (
            service(json!({"name": "s", "port": {"number": 70000}})),
            vec![
                ".backend.service.port.number: Invalid value: 70000: must be between 1 and 65535, inclusive",
            ],
        ),
    ] {
        let wrong: Vec<_> = wrong.iter().map(|w| format!("{at}{w}")).collect();
        assert_eq!(mistakes(RULES, &of_path(&path)), wrong, "{path}");
    }
}

#[test]
fn hosts_are_domain_names() {
    for (host, count) in [("a.b", 0), ("*.a.b", 0), ("*", 1), ("1.2.3.4", 1), ("A", 1)] {
        let rules = json!({"rules": [{"host": host}]});
        assert_eq!(mistakes(RULES, &ingress(&rules)).len(), count, "{host}");
    }
    let tls = json!({"defaultBackend": {"service": {"name": "s", "port": {"number": 1}}},
        "tls": [{"hosts": ["A"], "secretName": "-"}], "ingressClassName": "-"});
    let found = mistakes(RULES, &ingress(&tls));
    let fields: Vec<_> = found
        .iter()
        .map(|m| m.split(": ").next().unwrap())
        .collect();
    assert_eq!(
        fields,
        [
            "spec.tls[0].hosts[0]",
            "spec.tls[0].secretName",
            "spec.ingressClassName"
        ]
    );
    // invalid values of the old object are tolerated
    assert_eq!(
        update_mistakes(RULES, &ingress(&tls), &ingress(&tls)).len(),
        2
    );
}

#[test]
fn annotation_and_field_must_not_both_be_set() {
    let mut given = of_path(&json!({}));
    given["spec"]["ingressClassName"] = json!("a");
    given["metadata"]["annotations"] = json!({CLASS_ANNOTATION: "b"});
    assert_eq!(mistakes(RULES, &given).len(), 1);
    assert!(update_mistakes(RULES, &given, &given).is_empty());
}

#[test]
fn the_status_is_set_through_the_subresource() {
    let status = json!({"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}, {"hostname": "1.2.3.4"}, {"ip": "x"}]}});
    let mut given = of_path(&json!({}));
    given["status"] = status;
    let made = prepared(RULES, &given);
    assert_eq!(written(&made)["status"], json!({"loadBalancer": {}}));
    let mut changed = defaulted(RULES, &given);
    changed.spec = None;
    RULES.prepare_status_update(&mut changed, &made);
    assert_eq!(changed.spec, made.spec);
    assert_eq!(RULES.validate_status_update(&changed, &made).len(), 2);
}

#[test]
fn a_row_shows_some_hosts_and_all_addresses() {
    let rules: Vec<_> = ["a", "b", "c", "d", "e"]
        .iter()
        .map(|h| json!({"host": h}))
        .collect();
    let mut given = ingress(&json!({"rules": rules, "tls": [{}], "ingressClassName": "c"}));
    given["status"] = json!({"loadBalancer": {"ingress": [{"ip": "2.2.2.2"}, {"hostname": "h"}, {"ip": "1.1.1.1"}]}});
    let cells = RULES.cells(&defaulted(RULES, &given));
    let texts = [
        "i",
        "c",
        "a,b,c + 2 more...",
        "1.1.1.1,2.2.2.2,h",
        "80, 443",
    ]
    .map(Cell::text);
    assert_eq!(cells[..5], texts);
    let cells = RULES.cells(&defaulted(RULES, &ingress(&json!({}))));
    assert_eq!(cells[1..5], ["<none>", "*", "", "80"].map(Cell::text));
}
