//! Who makes a request, as decided once by authentication.

use std::collections::BTreeMap;

/// An authenticated identity (upstream: `k8s.io/apiserver/pkg/authentication/user`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// The name RBAC subjects refer to.
    pub name: String,
    /// A stable id, empty when the authenticator knows none.
    pub uid: String,
    /// The groups the user is in.
    pub groups: Vec<String>,
    /// Further facts the authenticator knows, such as the pod a token is bound to.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// Members may do everything, before any rule is looked at.
    pub const SYSTEM_MASTERS: &str = "system:masters";
    /// Everybody who proved an identity.
    pub const AUTHENTICATED: &str = "system:authenticated";
    /// Everybody who did not.
    pub const UNAUTHENTICATED: &str = "system:unauthenticated";
    /// The name of somebody who proved no identity.
    pub const ANONYMOUS: &str = "system:anonymous";

    /// Whether the user is in `group`.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    /// The identity of a service account, in the groups every service account is in.
    pub fn service_account(namespace: &str, name: &str) -> Self {
        Self {
            name: format!("system:serviceaccount:{namespace}:{name}"),
            groups: vec![
                "system:serviceaccounts".into(),
                format!("system:serviceaccounts:{namespace}"),
                Self::AUTHENTICATED.into(),
            ],
            ..Self::default()
        }
    }
}
