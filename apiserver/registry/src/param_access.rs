//! Access to parameters: no user makes policies read what the user may not read.
//!
//! Upstream: `pkg/registry/admissionregistration/validatingadmissionpolicy/authz.go`, and
//! `…/validatingadmissionpolicybinding/authz.go`.

use std::sync::Arc;

use k8s_openapi::api::admissionregistration::v1::{
    MutatingAdmissionPolicy, MutatingAdmissionPolicyBinding, ParamKind, ParamRef,
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};
use portcullis_admission::lookup::Lookup;
use portcullis_api::{FieldError, Object, Path, Status, UserInfo};
use portcullis_kinds::table;
use portcullis_rbac::{Attributes, Authorizer, Decision, ResourceTarget, Target};

use crate::catalogues::CurrentCatalogue;
use crate::guard::Guard;
use crate::scope::Scope;

/// Limits writers of policies and bindings to parameters that they may read.
pub struct ParamAccess {
    /// Decides who may read what.
    pub authorizer: Arc<dyn Authorizer>,
    /// Finds the resources of kinds.
    pub catalogues: Arc<CurrentCatalogue>,
    /// The policies that bindings name.
    pub validating: Arc<dyn Lookup<ValidatingAdmissionPolicy>>,
    /// The mutating policies that bindings name.
    pub mutating: Arc<dyn Lookup<MutatingAdmissionPolicy>>,
}

/// The permission to check, with `*` for all.
struct Wanted<'a> {
    namespace: &'a str,
    name: &'a str,
}

impl ParamAccess {
    fn may_read(&self, user: &UserInfo, kind: Option<&ParamKind>, wanted: &Wanted<'_>) -> bool {
        // `*` for what is not known
        let (mut group, mut resource) = ("*".to_owned(), "*".to_owned());
        let mut version = "*";
        if let Some(kind) = kind {
            let api_version = kind.api_version.as_deref().unwrap_or_default();
            let (of, named) = api_version.split_once('/').unwrap_or(("", api_version));
            of.clone_into(&mut group);
            version = named;
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
                version,
                resource: &resource,
                subresource: "",
                namespace: wanted.namespace,
                name: wanted.name,
            }),
        });
        matches!(decision, Decision::Allow { .. })
    }

    /// The kind of a policy's parameters.
    fn kind(
        &self,
        scope: &Scope<'_>,
        policy: &dyn Object,
        wanted: Option<ParamKind>,
        old: Option<&ParamKind>,
    ) -> Result<(), Status> {
        let Some(wanted) = wanted else { return Ok(()) };
        let all = Wanted {
            namespace: "*",
            name: "*",
        };
        let is_same = old == Some(&wanted);
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

    /// The parameters that a binding refers to, whose kind its policy has.
    fn reference(
        &self,
        scope: &Scope<'_>,
        binding: &dyn Object,
        wanted: Option<Reference>,
        old: Option<&Reference>,
        kind: impl FnOnce(&str) -> Option<ParamKind>,
    ) -> Result<(), Status> {
        let Some(wanted) = wanted else { return Ok(()) };
        let is_same = old == Some(&wanted);
        let (reference, policy) = wanted;
        let one = Wanted {
            namespace: reference.namespace.as_deref().unwrap_or_default(),
            name: reference.name.as_deref().unwrap_or_default(),
        };
        if is_same || self.may_read(scope.user, kind(&policy).as_ref(), &one) {
            return Ok(());
        }
        let detail = format!(
            "user {} does not have \"get\" permission on the object referenced by paramRef",
            go_user(scope.user)
        );
        Err(refused(scope, binding, "paramRef", detail))
    }
}

/// A reference, and the name of the policy.
type Reference = (ParamRef, String);

fn kind_of(policy: &dyn Object) -> Option<ParamKind> {
    if let Some(policy) = policy.as_kind::<ValidatingAdmissionPolicy>() {
        return policy.spec.as_ref()?.param_kind.clone();
    }
    let policy = policy.as_kind::<MutatingAdmissionPolicy>()?;
    policy.spec.as_ref()?.param_kind.clone()
}

fn reference_of(binding: &dyn Object) -> Option<Reference> {
    if let Some(binding) = binding.as_kind::<ValidatingAdmissionPolicyBinding>() {
        let spec = &binding.spec;
        return Some((spec.param_ref.clone()?, spec.policy_name.clone()));
    }
    let binding = binding.as_kind::<MutatingAdmissionPolicyBinding>()?;
    let spec = binding.spec.as_ref()?;
    let policy = spec.policy_name.clone().unwrap_or_default();
    Some((spec.param_ref.clone()?, policy))
}

impl Guard for ParamAccess {
    fn check(
        &self,
        scope: &Scope<'_>,
        object: &dyn Object,
        old: Option<&dyn Object>,
    ) -> Result<(), Status> {
        let group = table::VALIDATING_ADMISSION_POLICIES.group;
        if scope.resource.group != group || !scope.subresource.is_empty() {
            return Ok(());
        }
        let old_kind = old.and_then(kind_of);
        self.kind(scope, object, kind_of(object), old_kind.as_ref())?;
        let (wanted, old) = (reference_of(object), old.and_then(reference_of));
        let mutates = object.as_kind::<MutatingAdmissionPolicyBinding>().is_some();
        self.reference(
            scope,
            object,
            wanted,
            old.as_ref(),
            |policy| match mutates {
                true => kind_of(&*self.mutating.get("", policy)?),
                false => kind_of(&*self.validating.get("", policy)?),
            },
        )
    }
}

fn refused(scope: &Scope<'_>, object: &dyn Object, field: &str, detail: String) -> Status {
    let name = object.metadata().name.as_deref().unwrap_or_default();
    let path = Path::new("spec").child(field);
    let error = FieldError::forbidden(&path, detail);
    Status::invalid(scope.resource.group_kind(), name, &[error])
}

/// A user in Go's print format.
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
