//! `AppArmor` profiles, in annotations of the policy (upstream:
//! `podsecuritypolicy/apparmor/strategy.go`).

use std::collections::BTreeSet;

use portcullis_api::FieldError;
use portcullis_api::field_error::go_quote;

use super::findings::Findings;
use super::pod_view::ContainerView;
use super::profiles::{APP_ARMOR_CONTAINER, Annotations, annotation, annotation_path};

const DEFAULT: &str = "apparmor.security.beta.kubernetes.io/defaultProfileName";
const ALLOWED: &str = "apparmor.security.beta.kubernetes.io/allowedProfileNames";

/// The `AppArmor` profiles that containers may have; any, unless the policy lists some.
#[derive(Debug)]
pub(super) struct AppArmorRule {
    default: Option<String>,
    allowed: Option<Allowed>,
}

#[derive(Debug)]
struct Allowed {
    names: BTreeSet<String>,
    text: String,
}

impl AppArmorRule {
    pub(super) fn compile(annotations: Option<&Annotations>) -> Self {
        let default = annotation(annotations, DEFAULT).filter(|d| !d.is_empty());
        let allowed = annotation(annotations, ALLOWED).map(|text| Allowed {
            names: text.split(',').map(str::to_owned).collect(),
            text: text.to_owned(),
        });
        Self {
            default: default.map(str::to_owned),
            allowed,
        }
    }

    /// The default profile for a container that has none.
    pub(super) fn default_profile(&self, container: &ContainerView<'_>) -> Option<&str> {
        let default = self.default.as_deref();
        default.filter(|_| profile(container).is_none())
    }

    /// Checks the profile of a container: its own, or the default.
    pub(super) fn validate(
        &self,
        container: &ContainerView<'_>,
        default: Option<&str>,
        findings: &mut Findings,
    ) {
        let Some(allowed) = &self.allowed else { return };
        let profile = profile(container).or(default);
        if profile.is_some_and(|profile| allowed.names.contains(profile)) {
            return;
        }
        findings.add(|| {
            let why = match profile {
                None => "AppArmor profile must be set".to_owned(),
                Some(profile) => {
                    let allowed = go_quote(&allowed.text);
                    format!("{profile} is not an allowed profile. Allowed values: {allowed}")
                }
            };
            let key = format!("{APP_ARMOR_CONTAINER}{}", container.name);
            FieldError::forbidden(&annotation_path(&key), why)
        });
    }
}

/// An empty profile counts as unset.
fn profile<'v>(container: &'v ContainerView<'_>) -> Option<&'v str> {
    container.app_armor.as_deref().filter(|p| !p.is_empty())
}
