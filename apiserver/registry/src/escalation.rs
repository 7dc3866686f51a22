//! Privilege escalation: no user grants more than the user has, RBAC's rule about writers of roles and
//! bindings.

use std::sync::Arc;

use k8s_openapi::api::rbac::v1::{ClusterRole, ClusterRoleBinding, Role, RoleBinding};
use portcullis_api::object::only_gc_fields_differ;
use portcullis_api::{Object, Status};
use portcullis_rbac::{Authorizer, Escalation, EscalationError, Index, Unresolved};

use crate::guard::Guard;
use crate::scope::Scope;
use portcullis_kinds::table;

/// Limits writers of roles and bindings to their own permissions.
pub struct EscalationGuard {
    index: Arc<Index>,
    authorizer: Arc<dyn Authorizer>,
}

impl EscalationGuard {
    /// Uses the rules in `index`; `authorizer` decides about `escalate` and `bind`.
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
        if scope.resource.group != table::ROLES.group {
            return Ok(());
        }
        let escalation = Escalation {
            index: &self.index,
            authorizer: self.authorizer.as_ref(),
            user: scope.user,
            namespace: scope.namespace,
        };
        if old.is_some_and(|old| only_gc_fields_differ(object, old)) {
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
            return Err(Status::internal("roles and bindings of an unexpected type"));
        };
        match checked {
            Ok(()) => Ok(()),
            // validation has a better message
            Err(EscalationError::NoRole(Unresolved::Kind(_))) => Ok(()),
            Err(refusal) => Err(answer(scope, object, &refusal)),
        }
    }
}

fn answer(scope: &Scope<'_>, object: &dyn Object, refusal: &EscalationError) -> Status {
    match refusal {
        EscalationError::Escalates(why) => {
            let name = object.metadata().name.as_deref().unwrap_or_default();
            Status::forbidden(scope.group_resource(), name, why)
        }
        EscalationError::NoRole(unresolved) => {
            let (resource, name) = match unresolved {
                Unresolved::Role(name) => (table::ROLES, name),
                Unresolved::ClusterRole(name) => (table::CLUSTER_ROLES, name),
                Unresolved::Kind(_) => return Status::bad_request(unresolved.to_string()),
            };
            Status::not_found(resource.group_resource(), name)
        }
    }
}
