//! `ResourceQuota`: what may be consumed only where a quota covers it.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/plugin/resourcequota/apis/resourcequota`.

use k8s_openapi::api::core::v1::ScopedResourceSelectorRequirement;
use portcullis_api::{ErrorList, FieldError, GroupResource, Path};
use serde::Deserialize;
use serde_json::Value;

use super::{checked, fields};

const VERSIONS: [(&str, &str); 3] = [
    ("apiserver.config.k8s.io/v1", "ResourceQuotaConfiguration"),
    ("resourcequota.admission.k8s.io/v1beta1", "Configuration"),
    ("resourcequota.admission.k8s.io/v1alpha1", "Configuration"),
];

/// A resource that may be consumed only where a quota covers it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct LimitedResource {
    api_group: String,
    resource: String,
    /// Parts of the names, in quotas, of what is limited.
    match_contains: Vec<String>,
    /// Scopes of objects that are limited.
    pub(crate) match_scopes: Vec<ScopedResourceSelectorRequirement>,
}

impl LimitedResource {
    /// Whether it limits a resource.
    pub(crate) fn is_of(&self, resource: GroupResource<'_>) -> bool {
        self.api_group == resource.group && self.resource == resource.resource
    }

    /// Whether it limits what quotas have under this name.
    pub(crate) fn limits(&self, name: &str) -> bool {
        self.match_contains
            .iter()
            .any(|part| name.contains(part.as_str()))
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    limited_resources: Vec<LimitedResource>,
}

/// Reads a `ResourceQuotaConfiguration` (upstream: `ValidateConfiguration`).
pub(super) fn read(document: Value) -> Result<Vec<LimitedResource>, String> {
    let Document { limited_resources } = fields(document, &VERSIONS)?;
    let mut errors = ErrorList::new();
    let path = Path::new("limitedResources");
    for (at, limited) in limited_resources.iter().enumerate() {
        if limited.resource.is_empty() {
            let at = path.index(at).child("resource");
            errors.push(FieldError::required(&at, ""));
        }
    }
    checked(limited_resources, &errors)
}
