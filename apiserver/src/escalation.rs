//! Nobody grants more than they have: RBAC's rule about writers of roles and bindings.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use portcullis_api::encode::TypeMeta;
use portcullis_api::{Object, Status};
use portcullis_rbac::{Authorizer, Escalation, Index, Refusal, Unresolved};

use crate::registry::{Guard, Scope, table};

/// Holds writers of roles and bindings to what they have themselves.
pub struct EscalationGuard {
    index: Arc<Index>,
    authorizer: Arc<dyn Authorizer>,
}

impl EscalationGuard {
    /// Judges by the rules in `index`; `authorizer` knows who is trusted with more.
    pub fn new(index: Arc<Index>, authorizer: Arc<dyn Authorizer>) -> Self {
        Self { index, authorizer }
    }
}

impl Guard for EscalationGuard {
    fn check(
        &self,
        scope: &Scope<'_>,
        object: &dyn Object,
        old: Option<&dyn Object>,
    ) -> Result<(), Status> {
        let escalation = Escalation {
            index: &self.index,
            authorizer: self.authorizer.as_ref(),
            user: scope.user,
            namespace: scope.namespace,
        };
        if old.is_some_and(|old| is_for_collection(object, old)) {
            return Ok(());
        }
        let checked = if let Some(role) = object.as_kind::<Role>() {
            escalation.role(scope.name, role.rules.as_deref().unwrap_or_default())
        } else if let Some(role) = object.as_kind::<ClusterRole>() {
            escalation.cluster_role(
                scope.name,
                role,
                old.and_then(|o| o.as_kind::<ClusterRole>()),
            )
        } else if let Some(binding) = object.as_kind::<RoleBinding>() {
            escalation.binding(&binding.role_ref)
        } else if let Some(binding) = object.as_kind::<ClusterRoleBinding>() {
            escalation.binding(&binding.role_ref)
        } else {
            return Ok(());
        };
        match checked {
            Ok(()) => Ok(()),
            // validation says it better
            Err(Refusal::NoRole(Unresolved::Kind(_))) => Ok(()),
            Err(refusal) => Err(answer(scope, &refusal)),
        }
    }
}

/// Whether a change touches only what lets the garbage collector do its work (upstream:
/// `IsOnlyMutatingGCFields`): that grants nobody anything.
fn is_for_collection(object: &dyn Object, old: &dyn Object) -> bool {
    let mut object = object.boxed_clone();
    let (meta, old_meta) = (object.metadata_mut(), old.metadata());
    meta.owner_references.clone_from(&old_meta.owner_references);
    meta.finalizers.clone_from(&old_meta.finalizers);
    meta.managed_fields.clone_from(&old_meta.managed_fields);
    meta.resource_version.clone_from(&old_meta.resource_version);
    let type_meta = TypeMeta {
        api_version: "",
        kind: "",
    };
    object.encode(type_meta) == old.encode(type_meta)
}

fn answer(scope: &Scope<'_>, refusal: &Refusal) -> Status {
    match refusal {
        Refusal::Escalates(why) => {
            Status::forbidden(scope.resource.group_resource(), scope.name, why)
        }
        Refusal::NoRole(unresolved) => {
            let (resource, name) = match unresolved {
                Unresolved::Role(name) => (table::ROLES, name),
                Unresolved::ClusterRole(name) => (table::CLUSTER_ROLES, name),
                Unresolved::Kind(_) => return Status::bad_request(unresolved.to_string()),
            };
            Status::not_found(resource.group_resource(), name)
        }
    }
}
