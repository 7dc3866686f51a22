//! `defaultAddCapabilities`, `requiredDropCapabilities`, `allowedCapabilities` (upstream:
//! `podsecuritypolicy/capabilities/capabilities.go`).

use std::borrow::Cow;
use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::Capabilities;
use portcullis_api::field_error::BadValue;
use portcullis_api::psp::PodSecurityPolicySpec;
use portcullis_api::{FieldError, Path};

use super::findings::Findings;
use super::pod_view::ContainerView;

/// The Linux capabilities that containers get, may add, and must drop.
#[derive(Debug)]
pub(super) struct CapabilityRule {
    default_add: Vec<String>,
    required_drop: Vec<String>,
    allowed: Vec<String>,
    allow_all: bool,
    /// The capabilities of containers that set none.
    for_unset: Option<Capabilities>,
}

impl CapabilityRule {
    pub(super) fn compile(spec: &PodSecurityPolicySpec) -> Self {
        let list = |list: &Option<Vec<String>>| list.clone().unwrap_or_default();
        let allowed = list(&spec.allowed_capabilities);
        let mut rule = Self {
            default_add: list(&spec.default_add_capabilities),
            required_drop: list(&spec.required_drop_capabilities),
            allow_all: allowed.iter().any(|c| c == "*"),
            allowed,
            for_unset: None,
        };
        rule.for_unset = rule.completed(&Capabilities::default());
        rule
    }

    fn is_empty(&self) -> bool {
        self.default_add.is_empty() && self.required_drop.is_empty()
    }

    /// The capabilities to set in a container; `None` if its own need no change.
    pub(super) fn default_capabilities(
        &self,
        own: Option<&Capabilities>,
    ) -> Option<Cow<'_, Capabilities>> {
        match own {
            None => self.for_unset.as_ref().map(Cow::Borrowed),
            Some(own) => self.completed(own).map(Cow::Owned),
        }
    }

    fn completed(&self, own: &Capabilities) -> Option<Capabilities> {
        if self.is_empty() {
            return None;
        }
        let (own_add, own_drop) = (set(own.add.as_deref()), set(own.drop.as_deref()));
        let wanted = self.default_add.iter().map(String::as_str);
        let mut add = own_add.clone();
        add.extend(wanted.filter(|c| !own_drop.contains(c)));
        let mut drop = own_drop.clone();
        drop.extend(self.required_drop.iter().map(String::as_str));
        if add.len() == own_add.len() && drop.len() == own_drop.len() {
            return None;
        }
        Some(Capabilities {
            add: list(&add),
            drop: list(&drop),
        })
    }

    /// Checks the effective capabilities of a container.
    pub(super) fn validate(
        &self,
        container: &ContainerView<'_>,
        capabilities: Option<&Capabilities>,
        findings: &mut Findings,
    ) {
        let path = || container.context_path().child("capabilities");
        let Some(capabilities) = capabilities else {
            if !self.is_empty() {
                let detail = "required capabilities are not set on the securityContext";
                findings.add(|| FieldError::invalid(&path(), BadValue::null(), detail));
            }
            return;
        };
        if self.allow_all {
            return;
        }
        for capability in capabilities.add.iter().flatten() {
            if !self.default_add.contains(capability) && !self.allowed.contains(capability) {
                // the field path of the book (chapter 13.3.3)
                findings.add(|| {
                    let path = Path::new("capabilities").child("add");
                    FieldError::invalid(&path, capability, "capability may not be added")
                });
            }
        }
        let dropped = capabilities.drop.as_deref();
        for capability in &self.required_drop {
            if !dropped.unwrap_or_default().contains(capability) {
                findings.add(|| {
                    let detail =
                        format!("{capability} is required to be dropped but was not found");
                    let value = super::go::capabilities(dropped);
                    FieldError::invalid(&path().child("drop"), value, detail)
                });
            }
        }
    }
}

fn set(list: Option<&[String]>) -> BTreeSet<&str> {
    list.unwrap_or_default()
        .iter()
        .map(String::as_str)
        .collect()
}

/// Sorted, as upstream sorts the lists that it changes.
fn list(set: &BTreeSet<&str>) -> Option<Vec<String>> {
    let list: Vec<_> = set.iter().map(|c| (*c).to_owned()).collect();
    (!list.is_empty()).then_some(list)
}
