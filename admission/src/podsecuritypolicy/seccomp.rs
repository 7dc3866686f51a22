//! Seccomp profiles, in annotations of the policy (upstream:
//! `podsecuritypolicy/seccomp/strategy.go`).

use std::borrow::Cow;
use std::collections::BTreeSet;

use portcullis_api::FieldError;

use super::findings::Findings;
use super::pod_view::{ContainerView, PodView};
use super::profiles::{Annotations, SECCOMP_CONTAINER, SECCOMP_POD, annotation, annotation_path};

const DEFAULT: &str = "seccomp.security.alpha.kubernetes.io/defaultProfileName";
const ALLOWED: &str = "seccomp.security.alpha.kubernetes.io/allowedProfileNames";
/// The current and the deprecated name of the same profile.
const RUNTIME_DEFAULT: [&str; 2] = ["runtime/default", "docker/default"];

/// The seccomp profiles that a pod may have; none, unless the policy lists some.
#[derive(Debug)]
pub(super) struct SeccompRule {
    default: Option<String>,
    allowed: BTreeSet<String>,
    allowed_text: String,
    allow_any: bool,
}

impl SeccompRule {
    pub(super) fn compile(annotations: Option<&Annotations>) -> Self {
        let text = annotation(annotations, ALLOWED);
        let names = || text.into_iter().flat_map(|t| t.split(','));
        let named = names().filter(|n| *n != "*").map(str::to_owned);
        let mut allowed: BTreeSet<_> = named.collect();
        if RUNTIME_DEFAULT.iter().any(|n| allowed.contains(*n)) {
            allowed.extend(RUNTIME_DEFAULT.map(str::to_owned));
        }
        let default = annotation(annotations, DEFAULT).filter(|d| !d.is_empty());
        Self {
            default: default.map(str::to_owned),
            allowed,
            allowed_text: text.unwrap_or_default().to_owned(),
            allow_any: names().any(|n| n == "*"),
        }
    }

    /// The profile to annotate a pod with that has no annotation: that of its field, or else the
    /// policy's default. Containers inherit it.
    pub(super) fn default_profile(&self, pod: &PodView<'_>) -> Option<Cow<'_, str>> {
        match pod.seccomp.as_deref() {
            None => self.default.as_deref().map(Cow::Borrowed),
            Some(_) if pod.has_seccomp_annotation => None,
            Some(of_field) => Some(Cow::Owned(of_field.to_owned())),
        }
    }

    /// Checks the effective profile of a pod.
    pub(super) fn validate_pod(&self, profile: Option<&str>, findings: &mut Findings) {
        self.validate(profile, || SECCOMP_POD.to_owned(), findings);
    }

    /// Checks the effective profile of a container: its own, or its pod's.
    pub(super) fn validate_container(
        &self,
        container: &ContainerView<'_>,
        of_pod: Option<&str>,
        findings: &mut Findings,
    ) {
        let key = || format!("{SECCOMP_CONTAINER}{}", container.name);
        self.validate(container.seccomp.as_deref().or(of_pod), key, findings);
    }

    fn validate(&self, profile: Option<&str>, key: impl Fn() -> String, findings: &mut Findings) {
        let profile = profile.unwrap_or_default();
        let unset = self.allowed.is_empty() && profile.is_empty();
        if self.allow_any || self.allowed.contains(profile) || unset {
            return;
        }
        findings.add(|| {
            let allowed = &self.allowed_text;
            let why = if self.allowed.is_empty() {
                "seccomp may not be set".to_owned()
            } else {
                format!("{profile} is not an allowed seccomp profile. Valid values are {allowed}")
            };
            FieldError::forbidden(&annotation_path(&key()), why)
        });
    }
}
