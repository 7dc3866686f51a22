//! `AppArmor` and seccomp profiles in annotations (upstream:
//! `pkg/security/apparmor/validate.go`, `pkg/apis/core/validation/validation.go`).

use portcullis_api::{ErrorList, FieldError, Path};

/// The error of an `AppArmor` profile's name; an empty one is valid.
pub fn apparmor_profile_error(profile: &str) -> Option<String> {
    match profile {
        "" | "runtime/default" | "unconfined" => None,
        other if other.starts_with("localhost/") => None,
        other => Some(format!("invalid AppArmor profile name: {other:?}")),
    }
}

/// The name of a seccomp profile.
pub fn validate_seccomp_profile(profile: &str, path: &Path, errors: &mut ErrorList) {
    match profile {
        "runtime/default" | "docker/default" | "unconfined" => {}
        other => match other.strip_prefix("localhost/") {
            Some(local) => validate_descending_path(local, path, errors),
            None => {
                let detail = "must be a valid seccomp profile";
                errors.push(FieldError::invalid(path, profile, detail));
            }
        },
    }
}

/// A relative path that stays below its start.
pub fn validate_descending_path(local: &str, path: &Path, errors: &mut ErrorList) {
    if local.starts_with('/') {
        errors.push(FieldError::invalid(path, local, "must be a relative path"));
    }
    validate_no_backsteps(local, path, errors);
}

/// A path without `..`.
pub fn validate_no_backsteps(local: &str, path: &Path, errors: &mut ErrorList) {
    if local.split('/').any(|step| step == "..") {
        errors.push(FieldError::invalid(path, local, "must not contain '..'"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn profiles_are_known_names_or_local_paths() {
        for (profile, wrong) in [
            ("runtime/default", false),
            ("docker/default", false),
            ("unconfined", false),
            ("localhost/a/b", false),
            ("localhost//a", true),
            ("localhost/../a", true),
            ("docker", true),
            ("", true),
        ] {
            let mut errors = ErrorList::new();
            validate_seccomp_profile(profile, &Path::new("p"), &mut errors);
            assert_eq!(!errors.is_empty(), wrong, "{profile}");
        }
        assert_eq!(apparmor_profile_error("localhost/x"), None);
        assert_eq!(
            apparmor_profile_error("x").as_deref(),
            Some("invalid AppArmor profile name: \"x\"")
        );
    }
}
