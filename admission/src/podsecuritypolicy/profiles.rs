//! Seccomp and `AppArmor` profiles of pods and containers, and where policies name theirs.
//!
//! Policies know them as annotations. Pods have had fields for them since (1.19, 1.30), which a
//! policy of old must not overlook: where the annotation is missing the field counts.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{AppArmorProfile, SeccompProfile};
use portcullis_api::Path;

/// The annotation of a pod that names its seccomp profile.
pub(super) const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
/// The same of a container, followed by its name.
pub(super) const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
/// The annotation that names a container's `AppArmor` profile, followed by its name.
pub(super) const APP_ARMOR_CONTAINER: &str = "container.apparmor.security.beta.kubernetes.io/";

/// A pod's or a policy's annotations.
pub(super) type Annotations = BTreeMap<String, String>;

/// The seccomp profile in the annotation `key`, or in the field.
pub(super) fn seccomp<'p>(
    annotation: Option<&'p str>,
    field: Option<&'p SeccompProfile>,
) -> Option<Cow<'p, str>> {
    let named = |f: &SeccompProfile| name_of(&f.type_, f.localhost_profile.as_deref());
    annotation
        .map(Cow::Borrowed)
        .or_else(|| field.map(named).map(Cow::Owned))
}

/// The `AppArmor` profile in the annotation, or in the field.
pub(super) fn app_armor<'p>(
    annotation: Option<&'p str>,
    field: Option<&'p AppArmorProfile>,
) -> Option<Cow<'p, str>> {
    let named = |f: &AppArmorProfile| name_of(&f.type_, f.localhost_profile.as_deref());
    annotation
        .map(Cow::Borrowed)
        .or_else(|| field.map(named).map(Cow::Owned))
}

/// A profile of the fields by the name it has in annotations.
fn name_of(kind: &str, localhost_profile: Option<&str>) -> String {
    match kind {
        "RuntimeDefault" => "runtime/default".to_owned(),
        "Unconfined" => "unconfined".to_owned(),
        "Localhost" => format!("localhost/{}", localhost_profile.unwrap_or_default()),
        other => other.to_owned(),
    }
}

/// An annotation, if it is there; it may be empty.
pub(super) fn annotation<'a>(annotations: Option<&'a Annotations>, key: &str) -> Option<&'a str> {
    annotations?.get(key).map(String::as_str)
}

/// The annotation of a container, its name being the end of the key.
pub(super) fn container_annotation<'a>(
    annotations: Option<&'a Annotations>,
    prefix: &str,
    container: &str,
) -> Option<&'a str> {
    let annotations = annotations.filter(|a| !a.is_empty())?;
    annotation(Some(annotations), &format!("{prefix}{container}"))
}

/// `pod.metadata.annotations[key]`
pub(super) fn annotation_path(key: &str) -> Path {
    Path::new("pod")
        .child("metadata")
        .child("annotations")
        .key(key)
}
