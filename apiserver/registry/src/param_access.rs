//! Nobody makes policies read what they may not read themselves.
//!
//! Upstream: `pkg/registry/admissionregistration/validatingadmissionpolicy/authz.go`, and
//! `…/validatingadmissionpolicybinding/authz.go`.

use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::{
    ParamKind, ParamRef, ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use portcullis_admission::lookup::Lookup;
use portcullis_api::{FieldError, Object, Path, Status, UserInfo};
use portcullis_kinds::table;
use portcullis_rbac::{Attributes, Authorizer, Decision, ResourceTarget, Target};

use crate::catalogues::Catalogues;
use crate::guard::Guard;
use crate::scope::Scope;

/// Holds writers of policies and bindings to parameters that they may read.
pub struct ParamAccess {
    /// Knows who may read what.
    pub authorizer: Arc<dyn Authorizer>,
    /// Knows the resources of kinds.
    pub catalogues: Arc<Catalogues>,
    /// The policies that bindings name.
    pub policies: Arc<dyn Lookup<ValidatingAdmissionPolicy>>,
}

/// What is asked for, by `*` for all.
struct Wanted<'a> {
    namespace: &'a str,
    name: &'a str,
}

impl ParamAccess {
    fn may_read(&self, user: &UserInfo, kind: Option<&ParamKind>, wanted: &Wanted<'_>) -> bool {
        // all of what is not known
        let (mut group, mut resource) = ("*".to_owned(), "*".to_owned());
        if let Some(kind) = kind {
            let api_version = kind.api_version.as_deref().unwrap_or_default();
            let (of, _) = api_version.split_once('/').unwrap_or(("", api_version));
            of.clone_into(&mut group);
            let catalogue = self.catalogues.current();
            let name = kind.kind.as_deref().unwrap_or_default();
            if let Some(row) = catalogue.find_kind(api_version, name) {
                row.plural.clone_into(&mut resource);
            }
        }
        let decision = self.authorizer.authorize(&Attributes {
            user,
            verb: "get",
            target: Target::Resource(ResourceTarget {
                group: &group,
                resource: &resource,
                subresource: "",
                namespace: wanted.namespace,
                name: wanted.name,
            }),
        });
        matches!(decision, Decision::Allow { .. })
    }

    fn policy(
        &self,
        scope: &Scope<'_>,
        policy: &ValidatingAdmissionPolicy,
        old: Option<&ValidatingAdmissionPolicy>,
    ) -> Result<(), Status> {
        let kind = |policy: &ValidatingAdmissionPolicy| {
            let spec = policy.spec.as_ref();
            spec.and_then(|spec| spec.param_kind.clone())
        };
        let Some(wanted) = kind(policy) else {
            return Ok(());
        };
        let is_same = old.and_then(kind).as_ref() == Some(&wanted);
        let all = Wanted {
            namespace: "*",
            name: "*",
        };
        if is_same || self.may_read(scope.user, Some(&wanted), &all) {
            return Ok(());
        }
        let detail = format!(
            "user {} must have \"get\" permission on all objects of the referenced paramKind (kind={}, apiVersion={})",
            go_user(scope.user),
            wanted.kind.as_deref().unwrap_or_default(),
            wanted.api_version.as_deref().unwrap_or_default(),
        );
        Err(refused(scope, policy, "paramKind", detail))
    }

    fn binding(
        &self,
        scope: &Scope<'_>,
        binding: &ValidatingAdmissionPolicyBinding,
        old: Option<&ValidatingAdmissionPolicyBinding>,
    ) -> Result<(), Status> {
        let reference = |binding: &ValidatingAdmissionPolicyBinding| -> Option<(ParamRef, String)> {
            let spec = &binding.spec;
            Some((spec.param_ref.clone()?, spec.policy_name.clone()))
        };
        let Some(wanted) = reference(binding) else {
            return Ok(());
        };
        let is_same = old.and_then(reference).as_ref() == Some(&wanted);
        let (reference, policy) = wanted;
        let policy = self.policies.get("", &policy);
        let spec = policy.as_ref().and_then(|policy| policy.spec.as_ref());
        let kind = spec.and_then(|spec| spec.param_kind.as_ref());
        let one = Wanted {
            namespace: reference.namespace.as_deref().unwrap_or_default(),
            name: reference.name.as_deref().unwrap_or_default(),
        };
        if is_same || self.may_read(scope.user, kind, &one) {
            return Ok(());
        }
        let detail = format!(
            "user {} does not have \"get\" permission on the object referenced by paramRef",
            go_user(scope.user)
        );
        Err(refused(scope, binding, "paramRef", detail))
    }
}

impl Guard for ParamAccess {
    fn check(
        &self,
        scope: &Scope<'_>,
        object: &dyn Object,
        old: Option<&dyn Object>,
    ) -> Result<(), Status> {
        if scope.resource.group != table::VALIDATING_ADMISSION_POLICIES.group
            || !scope.subresource.is_empty()
        {
            return Ok(());
        }
        if let Some(policy) = object.as_kind() {
            return self.policy(scope, policy, old.and_then(|old| old.as_kind()));
        }
        match object.as_kind() {
            Some(binding) => self.binding(scope, binding, old.and_then(|old| old.as_kind())),
            None => Ok(()),
        }
    }
}

fn refused(scope: &Scope<'_>, object: &dyn Object, field: &str, detail: String) -> Status {
    let name = object.metadata().name.as_deref().unwrap_or_default();
    let path = Path::new("spec").child(field);
    let error = FieldError::forbidden(&path, detail);
    Status::invalid(scope.resource.group_kind(), name, &[error])
}

/// A user as Go prints one.
fn go_user(user: &UserInfo) -> String {
    let extra = user.extra.iter();
    let extra = extra.map(|(key, values)| format!("{key}:[{}]", values.join(" ")));
    let extra: Vec<_> = extra.collect();
    format!(
        "&{{{} {} [{}] map[{}]}}",
        user.name,
        user.uid,
        user.groups.join(" "),
        extra.join(" ")
    )
}
