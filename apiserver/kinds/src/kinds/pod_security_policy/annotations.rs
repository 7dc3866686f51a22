//! The annotations of a policy for `AppArmor` and seccomp profiles.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{ErrorList, FieldError, Path};

use crate::validation::profiles::{apparmor_profile_error, validate_seccomp_profile};

const APPARMOR: &str = "apparmor.security.beta.kubernetes.io";
const SECCOMP: &str = "seccomp.security.alpha.kubernetes.io";

/// The default profile and the allowed profiles must be well-formed.
pub(super) fn validate_annotations(meta: &ObjectMeta, errors: &mut ErrorList) {
    let path = Path::new("metadata").child("annotations");
    let annotation = |prefix: &str, name: &str| {
        let key = format!("{prefix}/{name}");
        let value = meta.annotations.as_ref().and_then(|a| a.get(&key));
        value.map(|v| (path.key(&key), v.as_str()))
    };
    if let Some((path, profile)) = annotation(APPARMOR, "defaultProfileName") {
        check_apparmor(profile, &path, errors);
    }
    if let Some((path, profiles)) = annotation(APPARMOR, "allowedProfileNames") {
        for profile in profiles.split(',') {
            check_apparmor(profile, &path, errors);
        }
    }
    if let Some((path, profile)) = annotation(SECCOMP, "defaultProfileName") {
        validate_seccomp_profile(profile, &path, errors);
    }
    if let Some((path, profiles)) = annotation(SECCOMP, "allowedProfileNames") {
        for profile in profiles.split(',').filter(|p| *p != "*") {
            validate_seccomp_profile(profile, &path, errors);
        }
    }
}

fn check_apparmor(profile: &str, path: &Path, errors: &mut ErrorList) {
    if let Some(sentence) = apparmor_profile_error(profile) {
        errors.push(FieldError::invalid(path, profile, sentence));
    }
}
