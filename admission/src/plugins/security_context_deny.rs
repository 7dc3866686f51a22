//! `SecurityContextDeny`: pods may not set users, groups or `SELinux` options.
//!
//! Upstream: `plugin/pkg/admission/securitycontext/scdeny/admission.go`, which ignores ephemeral
//! containers when they are added.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{PodSpec, SecurityContext};
use portcullis_api::Status;

use crate::{Attributes, ValidatingPlugin};

#[derive(Debug)]
pub(crate) struct SecurityContextDeny;

#[async_trait]
impl ValidatingPlugin for SecurityContextDeny {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        if !attributes.may_add_containers() {
            return Ok(());
        }
        let spec = attributes.pod()?.spec.as_ref();
        match spec.and_then(forbidden_field) {
            Some(field) => Err(attributes.forbidden(&format!("{field} is forbidden"))),
            None => Ok(()),
        }
    }
}

/// The first forbidden field that is set.
fn forbidden_field(spec: &PodSpec) -> Option<&'static str> {
    let of_pod = spec.security_context.as_ref().and_then(|context| {
        [
            (
                context.supplemental_groups.is_some(),
                "pod.Spec.SecurityContext.SupplementalGroups",
            ),
            (
                context.se_linux_options.is_some(),
                "pod.Spec.SecurityContext.SELinuxOptions",
            ),
            (
                context.run_as_user.is_some(),
                "pod.Spec.SecurityContext.RunAsUser",
            ),
            (
                context.fs_group.is_some(),
                "pod.Spec.SecurityContext.FSGroup",
            ),
        ]
        .into_iter()
        .find_map(|(set, field)| set.then_some(field))
    });
    let of_container = |context: &SecurityContext| {
        if context.se_linux_options.is_some() {
            Some("SecurityContext.SELinuxOptions")
        } else {
            let set = context.run_as_user.is_some();
            set.then_some("SecurityContext.RunAsUser")
        }
    };
    let init = spec.init_containers.iter().flatten();
    let regular = init.chain(&spec.containers).map(|c| &c.security_context);
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    let mut contexts = regular.chain(ephemeral.map(|c| &c.security_context));
    of_pod.or_else(|| contexts.find_map(|c| c.as_ref().and_then(of_container)))
}
