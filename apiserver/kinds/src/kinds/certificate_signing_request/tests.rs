use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

use super::*;
use crate::kinds::testing::{defaulted, mistakes, prepared};

const RULES: &CertificateSigningRequestStrategy = &CertificateSigningRequestStrategy;

fn pem() -> String {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["a.b".to_owned()]).unwrap();
    params.serialize_request(&key).unwrap().pem().unwrap()
}

fn request(extra: &Value) -> Value {
    let mut spec = json!({"request": STANDARD.encode(pem()), "signerName": "a.b/c", "usages": ["client auth"]});
    for (key, value) in extra.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"metadata": {"name": "r"}, "spec": spec})
}

fn condition(kind: &str) -> Value {
    json!({"type": kind, "status": "True"})
}

/// The request with changed conditions.
fn with_conditions(made: &CertificateSigningRequest, kinds: &[&str]) -> CertificateSigningRequest {
    let conditions: Vec<_> = kinds.iter().map(|k| condition(k)).collect();
    let mut changed = made.clone();
    let status = json!({"spec": {}, "status": {"conditions": conditions}});
    changed.status = defaulted(RULES, &status).status;
    changed
}

fn texts(errors: &ErrorList) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn the_requester_is_the_user() {
    let user = UserInfo {
        name: "u".into(),
        groups: vec!["g".into()],
        ..UserInfo::default()
    };
    let mut made = prepared(
        RULES,
        &request(&json!({"username": "root", "uid": "0", "groups": ["x"]})),
    );
    RULES.set_requester(&mut made, &user);
    let spec = &made.spec;
    assert_eq!(
        (spec.username.as_deref(), &spec.uid, &spec.groups),
        (Some("u"), &None, &Some(vec!["g".to_owned()]))
    );
}

#[test]
fn a_request_is_signed_and_has_usages() {
    for (extra, wrong) in [
        (json!({}), vec![]),
        (json!({"usages": []}), vec!["spec.usages"]),
        (
            json!({"usages": ["x", "x"]}),
            vec!["spec.usages[0]", "spec.usages[1]", "spec.usages[1]"],
        ),
        (json!({"signerName": ""}), vec!["spec.signerName"]),
        (json!({"signerName": "a/b"}), vec!["spec.signerName"]),
        (json!({"signerName": "A.b/c/d"}), vec!["spec.signerName"]),
        (json!({"signerName": LEGACY}), vec!["spec.signerName"]),
        (
            json!({"expirationSeconds": 599}),
            vec!["spec.expirationSeconds"],
        ),
        (
            json!({"request": STANDARD.encode("x")}),
            vec!["spec.request"],
        ),
        (
            json!({"request": STANDARD.encode(pem().replacen("MI", "NI", 1))}),
            vec!["spec.request"],
        ),
    ] {
        let found = mistakes(RULES, &request(&extra));
        let fields: Vec<_> = found
            .iter()
            .map(|m| m.split(": ").next().unwrap())
            .collect();
        assert_eq!(fields, wrong, "{found:?}");
    }
}

const LEGACY: &str = "kubernetes.io/legacy-unknown";

#[test]
fn decisions_are_final_and_made_through_approval() {
    let made = prepared(RULES, &request(&json!({})));
    // not by an update of the object
    let mut changed = with_conditions(&made, &["Approved"]);
    changed.spec.signer_name = "d.e/f".into();
    RULES.prepare_for_update(&mut changed, &made);
    assert_eq!((&changed.spec, &changed.status), (&made.spec, &made.status));
    // nor of its status
    let mut changed = with_conditions(&made, &["Approved"]);
    RULES.prepare_status_update(&mut changed, &made);
    assert!(conditions(&changed).is_empty());
    let mut approved = with_conditions(&made, &["Approved"]);
    RULES.prepare_subresource("approval", &mut approved, &made);
    assert_eq!(
        texts(&RULES.validate_subresource("approval", &approved, &made)),
        Vec::<String>::new()
    );
    assert!(conditions(&approved)[0].last_update_time.is_some());
    let denied = with_conditions(&made, &["Approved", "Denied"]);
    assert_eq!(
        texts(&RULES.validate_subresource("approval", &denied, &approved)),
        [
            "status.conditions[1].type: Invalid value: \"Denied\": Approved and Denied conditions are mutually exclusive"
        ]
    );
    let undecided = with_conditions(&made, &[]);
    assert_eq!(
        texts(&RULES.validate_subresource("approval", &undecided, &approved)),
        ["status.conditions: Forbidden: updates may not remove a condition of type \"Approved\""]
    );
    // a signer may add a failure, and the decision stays
    let mut failed = with_conditions(&made, &["Failed", "Approved"]);
    RULES.prepare_status_update(&mut failed, &approved);
    assert!(RULES.validate_status_update(&failed, &approved).is_empty());
    assert_eq!(conditions(&failed)[1], conditions(&approved)[0]);
}

#[test]
fn a_certificate_is_valid_and_immutable() {
    let made = prepared(RULES, &request(&json!({})));
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![])
        .unwrap()
        .self_signed(&key)
        .unwrap()
        .pem();
    let with = |pem: &str| {
        let mut request = made.clone();
        request.status.as_mut().unwrap().certificate = Some(k8s_openapi::ByteString(pem.into()));
        request
    };
    let issued = with(&certificate);
    assert!(RULES.validate_status_update(&issued, &made).is_empty());
    assert_eq!(RULES.validate_status_update(&with("x"), &made).len(), 1);
    assert_eq!(RULES.validate_status_update(&with(&pem()), &made).len(), 1);
    let again = with(&format!("{certificate}{certificate}"));
    assert_eq!(
        texts(&RULES.validate_status_update(&again, &issued)),
        ["status.certificate: Forbidden: updates may not modify existing certificate content"]
    );
}

#[test]
fn a_row_shows_the_state_of_the_request() {
    let made = prepared(RULES, &request(&json!({"expirationSeconds": 3600})));
    assert_eq!(RULES.cells(&made)[5], Cell::text("Pending"));
    let denied = with_conditions(&made, &["Denied", "Failed"]);
    assert_eq!(RULES.cells(&denied)[5], Cell::text("Denied,Failed"));
    assert_eq!(RULES.cells(&made)[2], Cell::text("a.b/c"));
}
