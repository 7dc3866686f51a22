//! `RoleBinding` and `ClusterRoleBinding`, in the form that decisions use.

use std::fmt;

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef, Subject};
use portcullis_api::field_error::go_quote;

/// The kind of the role that a binding refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RoleKind {
    Role,
    ClusterRole,
    Other(String),
}

impl RoleKind {
    pub(crate) fn of(kind: &str) -> Self {
        match kind {
            "Role" => Self::Role,
            "ClusterRole" => Self::ClusterRole,
            other => Self::Other(other.to_owned()),
        }
    }

    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Role => "Role",
            Self::ClusterRole => "ClusterRole",
            Self::Other(kind) => kind,
        }
    }
}

/// The parts of a binding that decisions use.
#[derive(Debug)]
pub(crate) struct Binding {
    /// Empty for a `ClusterRoleBinding`.
    pub(crate) namespace: String,
    pub(crate) name: String,
    pub(crate) role_kind: RoleKind,
    pub(crate) role_name: String,
    pub(crate) subjects: Vec<Subject>,
}

impl Binding {
    pub(crate) fn namespaced(binding: &RoleBinding) -> Self {
        let metadata = &binding.metadata;
        Self {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            ..Self::of(
                metadata.name.as_deref(),
                &binding.role_ref,
                binding.subjects.as_deref(),
            )
        }
    }

    pub(crate) fn cluster(binding: &ClusterRoleBinding) -> Self {
        let name = binding.metadata.name.as_deref();
        Self::of(name, &binding.role_ref, binding.subjects.as_deref())
    }

    fn of(name: Option<&str>, role: &RoleRef, subjects: Option<&[Subject]>) -> Self {
        Self {
            namespace: String::new(),
            name: name.unwrap_or_default().to_owned(),
            role_kind: RoleKind::of(&role.kind),
            role_name: role.name.clone(),
            subjects: subjects.unwrap_or_default().to_vec(),
        }
    }

    /// The key of each subject. Subjects of unknown kinds and service accounts without a namespace
    /// are skipped, as they match no user.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (usize, SubjectKey)> + '_ {
        self.subjects
            .iter()
            .enumerate()
            .filter_map(|(index, subject)| {
                let name = &subject.name;
                let key = match subject.kind.as_str() {
                    "User" => SubjectKey::User(name.clone()),
                    "Group" => SubjectKey::Group(name.clone()),
                    "ServiceAccount" => match self.account_namespace(subject) {
                        "" => return None,
                        namespace => {
                            SubjectKey::User(format!("system:serviceaccount:{namespace}:{name}"))
                        }
                    },
                    _ => return None,
                };
                Some((index, key))
            })
    }

    /// The namespace of a service account: by default the binding's.
    fn account_namespace<'a>(&'a self, account: &'a Subject) -> &'a str {
        account
            .namespace
            .as_deref()
            .filter(|n| !n.is_empty())
            .unwrap_or(&self.namespace)
    }
}

/// The name by which a user's bindings are found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SubjectKey {
    User(String),
    Group(String),
}

/// A binding that applies to a user, and the index of the subject that matches.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ApplicableBinding<'a> {
    pub(crate) binding: &'a Binding,
    pub(crate) subject: usize,
}

/// Formats as `RoleBinding "a/ns" of Role "b" to User "c"` (upstream: `roleBindingDescriber`).
impl fmt::Display for ApplicableBinding<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Binding {
            namespace,
            name,
            role_kind,
            role_name,
            subjects,
        } = self.binding;
        if namespace.is_empty() {
            write!(f, "ClusterRoleBinding {}", go_quote(name))?;
        } else {
            write!(
                f,
                "RoleBinding {}",
                go_quote(&format!("{name}/{namespace}"))
            )?;
        }
        write!(f, " of {} {}", role_kind.as_str(), go_quote(role_name))?;
        let Some(subject) = subjects.get(self.subject) else {
            return Ok(());
        };
        let subject_name = match subject.kind.as_str() {
            "ServiceAccount" => {
                format!(
                    "{}/{}",
                    subject.name,
                    self.binding.account_namespace(subject)
                )
            }
            _ => subject.name.clone(),
        };
        write!(f, " to {} {}", subject.kind, go_quote(&subject_name))
    }
}
