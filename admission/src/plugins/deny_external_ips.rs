//! `DenyServiceExternalIPs`: services may keep their external IPs, not gain any.
//!
//! Upstream: `plugin/pkg/admission/network/denyserviceexternalips/admission.go`.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Service;
use portcullis_api::{GroupResource, Status};

use crate::{Attributes, Operation, ValidatingPlugin};

const SERVICES: GroupResource<'static> = GroupResource {
    group: "",
    resource: "services",
};

/// The plugin.
#[derive(Debug)]
pub(crate) struct DenyServiceExternalIps;

#[async_trait]
impl ValidatingPlugin for DenyServiceExternalIps {
    fn name(&self) -> &'static str {
        "DenyServiceExternalIPs"
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != SERVICES || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let old = attributes.old_object.and_then(|old| old.as_kind());
        let had = external_ips(old);
        let wanted = external_ips(Some(attributes.typed()?));
        if wanted.iter().all(|ip| had.contains(ip)) {
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
