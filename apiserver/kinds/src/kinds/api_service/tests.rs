use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::mistakes;

fn service(change: &Value) -> Value {
    let mut service = json!({"metadata": {"name": "v1.example.org"}, "spec": {
        "group": "example.org", "version": "v1", "groupPriorityMinimum": 1000, "versionPriority": 15,
        "service": {"namespace": "a", "name": "b", "port": 443}}});
    let spec = service["spec"].as_object_mut().unwrap();
    for (field, value) in change.as_object().unwrap() {
        spec.insert(field.clone(), value.clone());
    }
    service
}

#[test]
fn errors_have_upstreams_texts() {
    let port = "spec.service.port: Invalid value: 0: port is not valid: must be between 1 and 65535, inclusive";
    for (change, texts) in [
        (json!({}), vec![]),
        (
            json!({"group": "example.com"}),
            vec![
                "metadata.name: Invalid value: \"v1.example.org\": must be `spec.version+\".\"+spec.group`: \"v1.example.com\"",
            ],
        ),
        (
            json!({"groupPriorityMinimum": 20001, "versionPriority": 0}),
            vec![
                "spec.groupPriorityMinimum: Invalid value: 20001: must be positive and less than 20000",
                "spec.versionPriority: Invalid value: 0: must be positive and less than 1000",
            ],
        ),
        (
            json!({"service": {"port": 0}}),
            vec![
                "spec.service.namespace: Required value",
                "spec.service.name: Required value",
                port,
            ],
        ),
        (
            json!({"caBundle": "YQ==", "insecureSkipTLSVerify": true}),
            vec![
                "spec.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present",
            ],
        ),
        (
            json!({"service": null, "caBundle": "YQ==", "insecureSkipTLSVerify": true}),
            vec![
                "spec.caBundle: Invalid value: \"1 bytes\": local APIServices may not have a caBundle",
                "spec.insecureSkipTLSVerify: Invalid value: true: local APIServices may not have insecureSkipTLSVerify",
            ],
        ),
    ] {
        let service = service(&change);
        assert_eq!(mistakes(&ApiServiceStrategy, &service), texts, "{change}");
    }
}

#[test]
fn a_local_service_is_available_from_the_start() {
    let mut local: APIService = serde_json::from_value(service(&json!({"service": null}))).unwrap();
    ApiServiceStrategy.prepare_for_create(&mut local);
    assert!(is_local(&local) && is_available(&local));
    let mut remote: APIService = serde_json::from_value(service(&json!({}))).unwrap();
    set_available(&mut remote, &Availability::PASSED);
    ApiServiceStrategy.prepare_for_create(&mut remote);
    assert_eq!(remote.status, None, "only the server says so");
}

#[test]
fn rows_show_service_and_availability() {
    let mut remote: APIService = serde_json::from_value(service(&json!({}))).unwrap();
    let cells = |service: &APIService| ApiServiceStrategy.cells(service)[1..3].to_vec();
    let texts = |a: &str, b: &str| vec![Cell::text(a), Cell::text(b)];
    assert_eq!(cells(&remote), texts("a/b", "Unknown"));
    set_available(&mut remote, &Availability::PASSED);
    assert_eq!(cells(&remote), texts("a/b", "True"));
    let gone = Availability::no("ServiceNotFound", "it is not there".into());
    set_available(&mut remote, &gone);
    assert_eq!(cells(&remote), texts("a/b", "False (ServiceNotFound)"));
    let conditions = remote.status.unwrap().conditions.unwrap();
    assert_eq!(conditions.len(), 1, "there is one condition of a type");
}
