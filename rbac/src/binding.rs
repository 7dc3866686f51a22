//! One binding, cluster-wide or in a namespace.

use std::fmt;

use k8s_openapi::api::rbac::v1::{ClusterRoleBinding, RoleBinding, RoleRef, Subject};
use portcullis_api::field_error::go_quote;

/// Which kind of role a binding refers to.
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

/// What a decision needs of a binding.
#[derive(Debug)]
pub(crate) struct Binding {
    /// Empty for a cluster binding.
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

    /// Each subject under the key by which its users are found. Subjects of other kinds are
    /// nobody, and so is a service account of no namespace.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (usize, Key)> + '_ {
        self.subjects
            .iter()
            .enumerate()
            .filter_map(|(index, subject)| {
                let name = &subject.name;
                let key = match subject.kind.as_str() {
                    "User" => Key::User(name.clone()),
                    "Group" => Key::Group(name.clone()),
                    "ServiceAccount" => match self.account_namespace(subject) {
                        "" => return None,
                        namespace => Key::User(format!("system:serviceaccount:{namespace}:{name}")),
                    },
                    _ => return None,
                };
                Some((index, key))
            })
    }

    /// A service account without a namespace is of the binding's own.
    fn account_namespace<'a>(&'a self, account: &'a Subject) -> &'a str {
        account
            .namespace
            .as_deref()
            .filter(|n| !n.is_empty())
            .unwrap_or(&self.namespace)
    }
}

/// What users are found by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    User(String),
    Group(String),
}

/// A binding that is for a user, and which of its subjects made it so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Grant<'a> {
    pub(crate) binding: &'a Binding,
    pub(crate) subject: usize,
}

/// Such as `RoleBinding "a/ns" of Role "b" to User "c"` (upstream: `roleBindingDescriber`).
impl fmt::Display for Grant<'_> {
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
        let whom = match subject.kind.as_str() {
            "ServiceAccount" => {
                format!(
                    "{}/{}",
                    subject.name,
                    self.binding.account_namespace(subject)
                )
            }
            _ => subject.name.clone(),
        };
        write!(f, " to {} {}", subject.kind, go_quote(&whom))
    }
}
