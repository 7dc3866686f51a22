use serde_json::json;

use super::*;
use crate::kinds::testing::{defaulted, mistakes, update_mistakes};

#[test]
fn text_becomes_data_and_the_type_opaque() {
    let object = json!({"data": {"a": "eA==", "b": "eA=="}, "stringData": {"b": "y"}});
    let secret = defaulted(&SecretStrategy, &object);
    let data = secret.data.unwrap();
    assert_eq!((&*data["a"].0, &*data["b"].0), (&b"x"[..], &b"y"[..]));
    assert_eq!(secret.string_data, None);
    assert_eq!(secret.type_.as_deref(), Some("Opaque"));
}

#[test]
fn types_require_keys() {
    for (object, texts) in [
        (
            json!({"type": "kubernetes.io/tls", "stringData": {"tls.crt": ""}}),
            vec!["data[tls.key]: Required value"],
        ),
        (
            json!({"type": "kubernetes.io/basic-auth", "stringData": {"password": ""}}),
            vec![],
        ),
        (
            json!({"type": "kubernetes.io/basic-auth"}),
            vec![
                "data[%s][username]: Required value",
                "data[%s][password]: Required value",
            ],
        ),
        (
            json!({"type": "kubernetes.io/ssh-auth", "stringData": {"ssh-privatekey": ""}}),
            vec!["data[%s][ssh-privatekey]: Required value"],
        ),
        (
            json!({"type": "kubernetes.io/dockercfg"}),
            vec!["data[.dockercfg]: Required value"],
        ),
        (
            json!({"type": "kubernetes.io/dockerconfigjson", "stringData": {".dockerconfigjson": "{}"}}),
            vec![],
        ),
        (
            json!({"type": "kubernetes.io/service-account-token"}),
            vec!["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
        ),
        (json!({"type": "example.com/own"}), vec![]),
    ] {
        assert_eq!(mistakes(&SecretStrategy, &object), texts, "{object}");
    }
    let broken = json!({"type": "kubernetes.io/dockercfg", "stringData": {".dockercfg": "[]"}});
    let texts = mistakes(&SecretStrategy, &broken);
    let start = "data[.dockercfg]: Invalid value: \"<secret contents redacted>\": ";
    assert!(texts.len() == 1 && texts[0].starts_with(start), "{texts:?}");
}

#[test]
fn the_type_never_changes() {
    let old = json!({"type": "a/b"});
    assert_eq!(
        update_mistakes(&SecretStrategy, &json!({"type": "a/c"}), &old),
        ["type: Invalid value: \"a/c\": field is immutable"]
    );
    assert!(update_mistakes(&SecretStrategy, &old, &old).is_empty());
}

#[test]
fn an_immutable_secret_cannot_change() {
    let old = json!({"immutable": true, "stringData": {"a": "x"}});
    let new = json!({"stringData": {"a": "y"}});
    assert_eq!(
        update_mistakes(&SecretStrategy, &new, &old),
        [
            "immutable: Forbidden: field is immutable when `immutable` is set",
            "data: Forbidden: field is immutable when `immutable` is set",
        ]
    );
}
