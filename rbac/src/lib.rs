//! May they? RBAC over an index in memory.
//!
//! [`Authorizer`] is the seam: [`RbacAuthorizer`] decides by roles and bindings, others always
//! allow or deny, and a [`Union`] asks several in order. Decisions need no I/O: whoever owns the
//! index feeds it.

use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;
use portcullis_api::UserInfo;

mod aggregate;
pub mod aggregation;
mod always;
mod authorizer;
mod binding;
mod bindings;
pub mod bootstrap;
mod compact;
pub mod escalation;
mod index;
mod marks;
mod names;
pub mod reconcile;
mod roles;
mod rule;
mod rules_review;
pub mod trace;
mod union;
mod unresolved;

#[cfg(test)]
mod testing;

pub use always::{AlwaysAllow, AlwaysDeny, Privileged};
pub use authorizer::RbacAuthorizer;
pub use escalation::{Escalation, Refusal};
pub use index::{Index, Resolved};
pub use names::{NameSet, Names};
pub use rule::allows;
pub use trace::Step;
pub use union::Union;
pub use unresolved::Unresolved;

/// What somebody wants to do.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// Who.
    pub user: &'a UserInfo,
    /// Such as `list`; lower-case HTTP methods for paths.
    pub verb: &'a str,
    /// With what.
    pub target: Target<'a>,
}

/// What a request is about.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// An object, or a collection of them.
    Resource(ResourceTarget<'a>),
    /// A path outside the API groups, such as `/healthz`.
    Path(&'a str),
}

impl<'a> Target<'a> {
    /// The namespace whose bindings count, empty if only the cluster's do.
    pub const fn namespace(&self) -> &'a str {
        match self {
            Self::Resource(target) => target.namespace,
            Self::Path(_) => "",
        }
    }
}

/// An object, or a collection of them; what is not set is empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceTarget<'a> {
    /// The API group, empty for core.
    pub group: &'a str,
    /// The plural resource name.
    pub resource: &'a str,
    /// Such as `status`.
    pub subresource: &'a str,
    /// The namespace, empty for cluster-scoped resources and for all namespaces.
    pub namespace: &'a str,
    /// The object's name, empty for collections.
    pub name: &'a str,
}

/// What an authorizer says, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Yes.
    Allow {
        /// Such as `RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "b" to User "c"`.
        reason: String,
    },
    /// No, whatever others say.
    Deny {
        /// Why.
        reason: String,
    },
    /// Others may know; if none does, it is no.
    NoOpinion {
        /// Why, such as a role that is missing; mostly empty.
        reason: String,
    },
}

impl Decision {
    /// Whether this is a yes.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow { .. })
    }
}

/// Decides whether somebody may do something.
pub trait Authorizer: Send + Sync + 'static {
    /// Its name for people, as `--authorization-mode` has it.
    fn name(&self) -> &'static str;

    /// Decides.
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision;

    /// The names to which the user may do it, whatever name the attributes have: those for which
    /// [`authorize`](Self::authorize) would allow it.
    fn names(&self, attributes: &Attributes<'_>) -> Names;

    /// How that decision comes about: who is asked, in order, up to the one who decides.
    fn trace(&self, attributes: &Attributes<'_>) -> Vec<Step> {
        vec![Step {
            authorizer: self.name(),
            decision: self.authorize(attributes),
            considered: Vec::new(),
        }]
    }

    /// All that a user may do in a namespace, as far as this authorizer can list it (upstream:
    /// `authorizer.RuleResolver`).
    fn rules(&self, _user: &UserInfo, _namespace: &str) -> SubjectRulesReviewStatus {
        SubjectRulesReviewStatus::default()
    }
}
