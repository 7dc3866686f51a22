//! `OwnerReferencesPermissionEnforcement`: who says that an object goes with another must be allowed
//! to delete it, and who has the other wait for it must be allowed to hold that one up.
//!
//! Upstream: `plugin/pkg/admission/gc/gc_admission.go`.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use portcullis_api::field_error::go_quote;
use portcullis_api::{GroupResource, Object, Status};

use crate::attributes::PODS;
use crate::lookup::ResourceOf;
use crate::permissions::{Permission, Permissions};
use crate::{Attributes, Operation, ValidatingPlugin};

/// The plugin.
pub(crate) struct OwnerReferences {
    permissions: Arc<dyn Permissions>,
    resource_of: ResourceOf,
}

impl OwnerReferences {
    pub(crate) fn new(permissions: &Arc<dyn Permissions>, resource_of: ResourceOf) -> Self {
        Self {
            permissions: Arc::clone(permissions),
            resource_of,
        }
    }

    fn allows(&self, attributes: &Attributes<'_>, permission: &Permission<'_>) -> bool {
        self.permissions
            .allow(attributes.user, permission)
            .is_some()
    }

    /// Whether the user may delete the object; whoever makes one could as well leave it.
    fn judge_change(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let permission = Permission {
            verb: "delete",
            resource: attributes.resource,
            subresource: attributes.subresource,
            namespace: attributes.namespace,
            name: attributes.name,
        };
        if attributes.operation == Operation::Create || self.allows(attributes, &permission) {
            return Ok(());
        }
        // upstream appends the authorizer's reason and error, which mostly read so
        let why = "cannot set an ownerRef on a resource you can't delete: , <nil>";
        Err(attributes.forbidden(why))
    }

    /// Whether the user may have this owner wait.
    fn judge_blocking(
        &self,
        attributes: &Attributes<'_>,
        owner: &OwnerReference,
    ) -> Result<(), Status> {
        let (version, kind) = (&owner.api_version, &owner.kind);
        let Some(found) = (self.resource_of)(version, kind) else {
            let (quoted, in_version) = (go_quote(kind), go_quote(version));
            return Err(attributes.forbidden(&format!(
                "cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion {version} Kind {kind}: no matches for kind {quoted} in version {in_version}"
            )));
        };
        let permission = Permission {
            verb: "update",
            resource: found.resource,
            subresource: "finalizers",
            namespace: if found.is_namespaced {
                attributes.namespace
            } else {
                ""
            },
            name: &owner.name,
        };
        if self.allows(attributes, &permission) {
            return Ok(());
        }
        let why = "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>";
        Err(attributes.forbidden(why))
    }
}

#[async_trait]
impl ValidatingPlugin for OwnerReferences {
    fn name(&self) -> &'static str {
        "OwnerReferencesPermissionEnforcement"
    }

    fn handles(&self, operation: Operation) -> bool {
        matches!(operation, Operation::Create | Operation::Update)
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        // a pod's status cannot change its owners, and old kubelets garble them
        let is_pod_status = attributes.resource == PODS && attributes.subresource == "status";
        let owners = owners(attributes.object.as_deref());
        let before = owners_before(attributes);
        if is_pod_status || owners == before {
            return Ok(());
        }
        self.judge_change(attributes)?;
        let blocks = |owner: &&OwnerReference| owner.block_owner_deletion == Some(true);
        let blocked = |owner: &&OwnerReference| {
            // of several with one uid, the last counts
            let known = before.iter().rfind(|known| known.uid == owner.uid);
            known.is_some_and(|known| blocks(&known))
        };
        let mut blocking = owners
            .iter()
            .filter(|owner| blocks(owner) && !blocked(owner))
            .peekable();
        if blocking.peek().is_none() || self.allows(attributes, &ANYTHING) {
            return Ok(());
        }
        blocking.try_for_each(|owner| self.judge_blocking(attributes, owner))
    }
}

/// To hold up whatever there is, which settles it without looking for the owner's resource.
const ANYTHING: Permission<'static> = Permission {
    verb: "update",
    resource: GroupResource {
        group: "*",
        resource: "*",
    },
    subresource: "finalizers",
    namespace: "",
    name: "*",
};

fn owners(object: Option<&dyn Object>) -> &[OwnerReference] {
    let owners = object.and_then(|object| object.metadata().owner_references.as_deref());
    owners.unwrap_or_default()
}

fn owners_before<'o>(attributes: &'o Attributes<'_>) -> &'o [OwnerReference] {
    owners(attributes.old_object)
}
