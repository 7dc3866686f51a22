//! `DenyServiceExternalIPs`: services may keep their external IPs, but add none.
//!
//! Upstream: `plugin/pkg/admission/network/denyserviceexternalips/admission.go`.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Service;
use portcullis_api::{GroupResource, Status};

use crate::{Attributes, ValidatingPlugin};

const SERVICES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "services",
};

#[derive(Debug)]
pub(crate) struct DenyServiceExternalIps;

#[async_trait]
impl ValidatingPlugin for DenyServiceExternalIps {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != SERVICES || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let old = attributes.old_object.and_then(|old| old.as_kind());
        let old = external_ips(old);
        let new = external_ips(Some(attributes.typed()?));
        if new.iter().all(|ip| old.contains(ip)) {
            return Ok(());
        }
        Err(attributes.forbidden("Use of external IPs is denied by admission control"))
    }
}

fn external_ips(service: Option<&Service>) -> &[String] {
    let spec = service.and_then(|s| s.spec.as_ref());
    spec.and_then(|s| s.external_ips.as_deref())
        .unwrap_or_default()
}
