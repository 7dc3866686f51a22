//! The user who sends a request, as established by authentication.

use std::collections::BTreeMap;

/// A user (upstream: `k8s.io/apiserver/pkg/authentication/user`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UserInfo {
    /// The name that RBAC subjects refer to.
    pub name: String,
    /// A stable id; empty if the authenticator has none.
    pub uid: String,
    /// The groups of which the user is a member.
    pub groups: Vec<String>,
    /// Further attributes, such as the pod to which a token is bound.
    pub extra: BTreeMap<String, Vec<String>>,
}

impl UserInfo {
    /// The group whose members may do everything, whatever the rules grant.
    pub const SYSTEM_MASTERS: &str = "system:masters";
    /// The group of all users who authenticated.
    pub const AUTHENTICATED: &str = "system:authenticated";
    /// The group of all users who did not authenticate.
    pub const UNAUTHENTICATED: &str = "system:unauthenticated";
    /// The group of all kubelets.
    pub const NODES: &str = "system:nodes";
    /// The name of a user who did not authenticate.
    pub const ANONYMOUS: &str = "system:anonymous";

    /// Whether the user is a member of `group`.
    pub fn is_in(&self, group: &str) -> bool {
        self.groups.iter().any(|g| g == group)
    }

    /// The node of a kubelet, from its user name and group; `None` for other users (upstream:
    /// `pkg/auth/nodeidentifier`).
    pub fn node(&self) -> Option<&str> {
        let node = self.name.strip_prefix("system:node:")?;
        self.is_in(Self::NODES).then_some(node)
    }

    /// The user of a service account, with the groups of all service accounts.
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
