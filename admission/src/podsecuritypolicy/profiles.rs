//! Seccomp and `AppArmor` profiles of pods and containers.
//!
//! Policies were written for annotations. Fields replaced them in 1.19 and 1.30; so that an old
//! policy still applies, the field counts if the annotation is missing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{AppArmorProfile, SeccompProfile};
use portcullis_api::Path;

/// The annotation of a pod's seccomp profile.
pub(super) const SECCOMP_POD: &str = "seccomp.security.alpha.kubernetes.io/pod";
/// The annotation of a container's seccomp profile, followed by the container's name.
pub(super) const SECCOMP_CONTAINER: &str = "container.seccomp.security.alpha.kubernetes.io/";
/// The annotation of a container's `AppArmor` profile, followed by the container's name.
pub(super) const APP_ARMOR_CONTAINER: &str = "container.apparmor.security.beta.kubernetes.io/";

pub(super) type Annotations = BTreeMap<String, String>;

/// The seccomp profile of the annotation, or else of the field.
pub(super) fn seccomp<'p>(
    annotation: Option<&'p str>,
    field: Option<&'p SeccompProfile>,
) -> Option<Cow<'p, str>> {
    let named = |f: &SeccompProfile| name_of(&f.type_, f.localhost_profile.as_deref());
    annotation
        .map(Cow::Borrowed)
        .or_else(|| field.map(named).map(Cow::Owned))
}

/// The `AppArmor` profile of the annotation, or else of the field.
pub(super) fn app_armor<'p>(
    annotation: Option<&'p str>,
    field: Option<&'p AppArmorProfile>,
) -> Option<Cow<'p, str>> {
    let named = |f: &AppArmorProfile| name_of(&f.type_, f.localhost_profile.as_deref());
    annotation
        .map(Cow::Borrowed)
        .or_else(|| field.map(named).map(Cow::Owned))
}

/// The name that a profile of a field has in annotations.
fn name_of(kind: &str, localhost_profile: Option<&str>) -> String {
    match kind {
        "RuntimeDefault" => "runtime/default".to_owned(),
        "Unconfined" => "unconfined".to_owned(),
        "Localhost" => format!("localhost/{}", localhost_profile.unwrap_or_default()),
        other => other.to_owned(),
    }
}

/// An annotation's value, which may be empty; `None` if it is missing.
pub(super) fn annotation<'a>(annotations: Option<&'a Annotations>, key: &str) -> Option<&'a str> {
    annotations?.get(key).map(String::as_str)
}

/// The annotation of a container, whose key ends in the container's name.
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
