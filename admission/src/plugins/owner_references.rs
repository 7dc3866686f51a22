//! `OwnerReferencesPermissionEnforcement`: changing the owner references of an object requires
//! permission to delete it; setting `blockOwnerDeletion` requires permission to update the owner's
//! finalizers.
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

    /// Requires permission to delete the object, except of the user who creates it.
    fn check_delete(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
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
        // upstream appends the authorizer's reason and error, which are usually empty and nil
        let why = "cannot set an ownerRef on a resource you can't delete: , <nil>";
        Err(attributes.forbidden(why))
    }

    /// Requires permission to block the deletion of an owner.
    fn check_blocking(
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
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        // a pod's status cannot change its owners, and old kubelets send garbled ones
        let is_pod_status = attributes.resource == PODS && attributes.subresource == "status";
        let owners = owners(attributes.object.as_deref());
        let old_owners = self::owners(attributes.old_object);
        if is_pod_status || owners == old_owners {
            return Ok(());
        }
        self.check_delete(attributes)?;
        let blocks = |owner: &&OwnerReference| owner.block_owner_deletion == Some(true);
        let blocked_before = |owner: &&OwnerReference| {
            // of several with the same UID, the last counts
            let old = old_owners.iter().rfind(|old| old.uid == owner.uid);
            old.is_some_and(|old| blocks(&old))
        };
        let mut blocking = owners
            .iter()
            .filter(|owner| blocks(owner) && !blocked_before(owner))
            .peekable();
        if blocking.peek().is_none() || self.allows(attributes, &ANYTHING) {
            return Ok(());
        }
        blocking.try_for_each(|owner| self.check_blocking(attributes, owner))
    }
}

/// Permission to block the deletion of any object, checked before the owner's resource is looked
/// up.
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
