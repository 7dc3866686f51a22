//! The selection of plugins by flags.

use portcullis_admission::Selection;
use portcullis_admission::plugins::{SelectionError, known};

const NONE: [&str; 0] = [];

fn select(enable: &[&str], disable: &[&str]) -> Result<Vec<&'static str>, SelectionError> {
    Selection::from_flags(enable, disable).map(|s| s.names())
}

#[test]
fn the_default_set_is_upstreams_in_its_order() {
    assert_eq!(
        select(&[], &[]).unwrap(),
        [
            "NamespaceLifecycle",
            "LimitRanger",
            "ServiceAccount",
            "TaintNodesByCondition",
            "PodSecurity",
            "Priority",
            "DefaultTolerationSeconds",
            "DefaultStorageClass",
            "StorageObjectInUseProtection",
            "PersistentVolumeClaimResize",
            "RuntimeClass",
            "CertificateApproval",
            "CertificateSigning",
            "CertificateSubjectRestriction",
            "DefaultIngressClass",
            "MutatingAdmissionPolicy",
            "MutatingAdmissionWebhook",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionWebhook",
            "ResourceQuota",
        ]
    );
}

#[test]
fn the_plugins_of_the_book_run_in_upstreams_order() {
    let book = [
        "PodSecurityPolicy",
        "DefaultTolerationSeconds",
        "ResourceQuota",
        "DefaultStorageClass",
        "PersistentVolumeLabel",
        "ServiceAccount",
        "LimitRanger",
        "NamespaceLifecycle",
    ];
    let others: Vec<_> = known().into_iter().filter(|n| !book.contains(n)).collect();
    assert_eq!(
        select(&book, &others).unwrap(),
        [
            "NamespaceLifecycle",
            "LimitRanger",
            "ServiceAccount",
            "PodSecurityPolicy",
            "DefaultTolerationSeconds",
            "PersistentVolumeLabel",
            "DefaultStorageClass",
            "ResourceQuota",
        ]
    );
}

#[test]
fn pod_security_policy_is_off_by_default_and_defaults_can_be_disabled() {
    let default = Selection::from_flags(&NONE, &NONE).unwrap();
    assert!(!default.contains("PodSecurityPolicy"));
    let book = Selection::from_flags(&["PodSecurityPolicy"], &["ServiceAccount"]).unwrap();
    assert!(book.contains("PodSecurityPolicy") && !book.contains("ServiceAccount"));
}

#[test]
fn an_unknown_name_is_rejected_and_the_known_names_are_listed() {
    let error = select(&["PodSecurityPolicies"], &[])
        .unwrap_err()
        .to_string();
    let text = r#"--enable-admission-plugins: unknown plugin "PodSecurityPolicies", expected one of AlwaysAdmit, NamespaceAutoProvision, NamespaceLifecycle, "#;
    assert!(error.starts_with(text), "{error}");
    assert!(error.ends_with("ResourceQuota, AlwaysDeny"), "{error}");
    let error = select(&[], &["X"]).unwrap_err().to_string();
    assert!(error.starts_with(r#"--disable-admission-plugins: unknown plugin "X", expected"#));
}

#[test]
fn a_name_both_enabled_and_disabled_is_rejected() {
    let error = select(&["Priority"], &["Priority"]).unwrap_err();
    assert_eq!(
        error.to_string(),
        r#"["Priority"] in --enable-admission-plugins and --disable-admission-plugins overlapped"#
    );
}

#[test]
fn plugins_without_effect_have_a_reason() {
    let selection = Selection::from_flags(&["PersistentVolumeLabel"], &NONE).unwrap();
    let idle = selection.without_effect();
    let reason = "no cloud provider labels volumes here";
    assert!(
        idle.contains(&("PersistentVolumeLabel", reason)),
        "{idle:?}"
    );
    assert!(idle.iter().all(|(name, _)| *name != "Priority"));
}
