//! Role bindings and cluster role bindings.

use std::marker::PhantomData;

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef, Subject};
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::{ErrorList, FieldError, Object, Path, name};

use super::GROUP;
use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::{invalid_each, list, one_of, required, text, twice};

/// The differences between the two kinds of bindings.
pub trait Binding: Object + Default {
    /// Whether the binding is namespaced, so that subjects may leave their namespace out.
    const NAMESPACED: bool;
    /// The kinds of roles it may refer to.
    const ROLES: &'static [&'static str];
    /// The columns of its Table.
    const COLUMNS: &'static [Column];

    /// The role, and the subjects.
    fn parts(&self) -> (&RoleRef, Option<&Vec<Subject>>);

    /// The same, mutable for defaults.
    fn parts_mut(&mut self) -> (&mut RoleRef, Option<&mut Vec<Subject>>);
}

impl Binding for RoleBinding {
    const NAMESPACED: bool = true;
    const ROLES: &'static [&'static str] = &["Role", "ClusterRole"];
    const COLUMNS: &'static [Column] = &columns(
        "RoleRef can reference a Role in the current namespace or a ClusterRole in the global namespace. If the RoleRef cannot be resolved, the Authorizer must return an error.",
    );

    fn parts(&self) -> (&RoleRef, Option<&Vec<Subject>>) {
        (&self.role_ref, self.subjects.as_ref())
    }

    fn parts_mut(&mut self) -> (&mut RoleRef, Option<&mut Vec<Subject>>) {
        (&mut self.role_ref, self.subjects.as_mut())
    }
}

impl Binding for ClusterRoleBinding {
    const NAMESPACED: bool = false;
    const ROLES: &'static [&'static str] = &["ClusterRole"];
    const COLUMNS: &'static [Column] = &columns(
        "RoleRef can only reference a ClusterRole in the global namespace. If the RoleRef cannot be resolved, the Authorizer must return an error.",
    );

    fn parts(&self) -> (&RoleRef, Option<&Vec<Subject>>) {
        (&self.role_ref, self.subjects.as_ref())
    }

    fn parts_mut(&mut self) -> (&mut RoleRef, Option<&mut Vec<Subject>>) {
        (&mut self.role_ref, self.subjects.as_mut())
    }
}

/// The rules of bindings of either kind.
pub struct BindingStrategy<B>(PhantomData<fn() -> B>);

/// The rules of role bindings.
pub static ROLE_BINDING_STRATEGY: BindingStrategy<RoleBinding> = BindingStrategy(PhantomData);

/// The rules of cluster role bindings.
pub static CLUSTER_ROLE_BINDING_STRATEGY: BindingStrategy<ClusterRoleBinding> =
    BindingStrategy(PhantomData);

impl<B: Binding> Strategy for BindingStrategy<B> {
    type Kind = B;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(2, 1)
    }

    fn default(&self, binding: &mut B) {
        let (role, subjects) = binding.parts_mut();
        default_groups(role, subjects);
    }

    fn validate(&self, binding: &B) -> ErrorList {
        let (role, subjects) = binding.parts();
        let mut errors = ErrorList::new();
        validate_role_ref(role, B::ROLES, &mut errors);
        validate_subjects(subjects, B::NAMESPACED, &mut errors);
        errors
    }

    fn validate_update(&self, binding: &B, old: &B) -> ErrorList {
        let mut errors = twice(self.validate(binding));
        same_role_ref(binding.parts().0, old.parts().0, &mut errors);
        errors
    }

    fn validate_name(&self, value: &str) -> Vec<String> {
        name::path_segment(value)
    }

    fn columns(&self) -> &'static [Column] {
        B::COLUMNS
    }

    fn cells(&self, binding: &B) -> Vec<Cell> {
        let (role, subjects) = binding.parts();
        let [users, groups, accounts] = subject_cells(subjects);
        vec![
            Cell::name(binding),
            role_cell(role),
            Cell::age(binding),
            users,
            groups,
            accounts,
        ]
    }
}

const fn columns(role: &'static str) -> [Column; 6] {
    [
        Column::NAME,
        Column::text("Role", role),
        Column::AGE,
        Column::text("Users", "Users in the roleBinding").wide(),
        Column::text("Groups", "Groups in the roleBinding").wide(),
        Column::text("ServiceAccounts", "ServiceAccounts in the roleBinding").wide(),
    ]
}

fn role_cell(role: &RoleRef) -> Cell {
    Cell::text(format!("{}/{}", role.kind, role.name))
}

fn subject_cells(subjects: Option<&Vec<Subject>>) -> [Cell; 3] {
    ["User", "Group", "ServiceAccount"].map(|kind| {
        let names: Vec<_> = list(subjects)
            .iter()
            .filter(|s| s.kind == kind)
            .map(|s| match kind {
                "ServiceAccount" => format!("{}/{}", text(s.namespace.as_ref()), s.name),
                _ => s.name.clone(),
            })
            .collect();
        Cell::text(names.join(", "))
    })
}

/// Roles, users and groups have the RBAC group; service accounts the core group (upstream:
/// `pkg/apis/rbac/v1/defaults.go`).
fn default_groups(role: &mut RoleRef, subjects: Option<&mut Vec<Subject>>) {
    if text(role.api_group.as_ref()).is_empty() {
        role.api_group = Some(GROUP.into());
    }
    for subject in subjects.into_iter().flatten() {
        if text(subject.api_group.as_ref()).is_empty()
            && matches!(subject.kind.as_str(), "User" | "Group")
        {
            subject.api_group = Some(GROUP.into());
        }
    }
}

fn validate_role_ref(role: &RoleRef, kinds: &[&str], errors: &mut ErrorList) {
    let path = Path::new("roleRef");
    let group = text(role.api_group.as_ref());
    one_of(group, &[GROUP], &path.child("apiGroup"), errors);
    one_of(&role.kind, kinds, &path.child("kind"), errors);
    let path = path.child("name");
    required(Some(&role.name), &path, errors);
    invalid_each(&path, &role.name, name::path_segment(&role.name), errors);
}

fn validate_subjects(subjects: Option<&Vec<Subject>>, namespaced: bool, errors: &mut ErrorList) {
    for (i, subject) in list(subjects).iter().enumerate() {
        let path = Path::new("subjects").index(i);
        validate_subject(subject, namespaced, &path, errors);
    }
}

fn validate_subject(subject: &Subject, namespaced: bool, path: &Path, errors: &mut ErrorList) {
    let name_path = path.child("name");
    required(Some(&subject.name), &name_path, errors);
    let group = text(subject.api_group.as_ref());
    match subject.kind.as_str() {
        "ServiceAccount" => {
            if !subject.name.is_empty() {
                let sentences = name::dns1123_subdomain(&subject.name);
                invalid_each(&name_path, &subject.name, sentences, errors);
            }
            one_of(group, &[""], &path.child("apiGroup"), errors);
            if !namespaced {
                let namespace = subject.namespace.as_deref();
                required(namespace, &path.child("namespace"), errors);
            }
        }
        "User" | "Group" => one_of(group, &[GROUP], &path.child("apiGroup"), errors),
        kind => one_of(
            kind,
            &["ServiceAccount", "User", "Group"],
            &path.child("kind"),
            errors,
        ),
    }
}

/// A user who may edit a binding must not be able to grant another role by it.
fn same_role_ref(new: &RoleRef, old: &RoleRef, errors: &mut ErrorList) {
    if new != old {
        let value = format!(
            "rbac.RoleRef{{APIGroup:{}, Kind:{}, Name:{}}}",
            go_quote(text(new.api_group.as_ref())),
            go_quote(&new.kind),
            go_quote(&new.name)
        );
        errors.push(FieldError::invalid(
            &Path::new("roleRef"),
            BadValue::go(value),
            "cannot change roleRef",
        ));
    }
}
