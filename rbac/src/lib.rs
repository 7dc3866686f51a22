//! Authorization: RBAC over an index in memory.
//!
//! [`Authorizer`] is the common trait: [`RbacAuthorizer`] decides by roles and bindings, others
//! have fixed decisions, and a [`Union`] tries several in order. These need no I/O; the owner
//! of the index keeps it up to date. [`Authorizer::waits`] is true for one that has to call a webhook.

use async_trait::async_trait;
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
mod names;
mod node;
pub mod reconcile;
mod roles;
mod rule;
mod rules_review;
pub mod trace;
mod union;
mod unresolved;
mod word_filter;

#[cfg(test)]
mod testing;

pub use always::{AlwaysAllow, AlwaysDeny, Privileged};
pub use authorizer::RbacAuthorizer;
pub use escalation::{Escalation, EscalationError};
pub use index::{Index, Resolved};
pub use names::{NameSet, Names};
pub use node::{Graph, NodeAuthorizer};
pub use rule::allows;
pub use trace::Step;
pub use union::Union;
pub use unresolved::Unresolved;

/// The attributes of a request that authorizers decide on.
#[derive(Clone, Copy, Debug)]
pub struct Attributes<'a> {
    /// The user who sends the request.
    pub user: &'a UserInfo,
    /// Such as `list`; for paths the lower-case HTTP method.
    pub verb: &'a str,
    /// The resource or path.
    pub target: Target<'a>,
}

/// The target of a request.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// An object, or a collection of them.
    Resource(ResourceTarget<'a>),
    /// A path outside the API groups, such as `/healthz`.
    Path(&'a str),
}

impl<'a> Target<'a> {
    /// The namespace whose bindings apply; empty if only `ClusterRoleBinding`s do.
    pub const fn namespace(&self) -> &'a str {
        match self {
            Self::Resource(target) => target.namespace,
            Self::Path(_) => "",
        }
    }
}

/// An object or a collection. Fields that do not apply are empty.
#[derive(Clone, Copy, Debug, Default)]
pub struct ResourceTarget<'a> {
    /// The API group, empty for core.
    pub group: &'a str,
    /// The version of the group; empty if it does not matter. No rule depends on it.
    pub version: &'a str,
    /// The plural resource name.
    pub resource: &'a str,
    /// Such as `status`.
    pub subresource: &'a str,
    /// The namespace, empty for cluster-scoped resources and for all namespaces.
    pub namespace: &'a str,
    /// The object's name, empty for collections.
    pub name: &'a str,
}

/// An authorizer's decision and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The request is allowed.
    Allow {
        /// Such as `RBAC: allowed by ClusterRoleBinding "a" of ClusterRole "b" to User "c"`.
        reason: String,
    },
    /// The request is denied, regardless of other authorizers.
    Deny {
        /// The reason.
        reason: String,
    },
    /// Other authorizers decide; if none allows it, the request is denied.
    NoOpinion {
        /// The reason, such as a missing role; usually empty.
        reason: String,
    },
}

impl Decision {
    /// Whether the request is allowed.
    pub const fn is_allowed(&self) -> bool {
        matches!(self, Self::Allow { .. })
    }
}

/// A decision, and the error that occurred on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// Why a webhook returned no decision, or an unclear one.
    pub error: Option<String>,
}

impl From<Decision> for Decided {
    fn from(decision: Decision) -> Self {
        Self {
            decision,
            error: None,
        }
    }
}

/// Decides whether requests are allowed.
#[async_trait]
pub trait Authorizer: Send + Sync + 'static {
    /// The name shown to users, as in `--authorization-mode`.
    fn name(&self) -> &'static str;

    /// Decides on a request.
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision;

    /// Whether a decision may call a webhook. Then [`decide`](Self::decide) waits for it, and
    /// [`authorize`](Self::authorize) blocks its thread.
    fn waits(&self) -> bool {
        false
    }

    /// Decides on a request, as [`authorize`](Self::authorize).
    async fn decide(&self, attributes: &Attributes<'_>) -> Decided {
        self.authorize(attributes).into()
    }

    /// Whether [`names`](Self::names) returns all names; otherwise each name has to be checked.
    fn lists_names(&self) -> bool {
        true
    }

    /// The object names for which [`authorize`](Self::authorize) would allow the request,
    /// regardless of the name in `attributes`.
    fn names(&self, attributes: &Attributes<'_>) -> Names;

    /// The steps of the decision: the authorizers tried, in order, up to the one that decides.
    async fn trace(&self, attributes: &Attributes<'_>) -> Vec<Step> {
        let Decided { decision, error } = self.decide(attributes).await;
        vec![Step {
            error,
            ..Step::new(self.name(), decision)
        }]
    }

    /// The rules that apply to a user in a namespace, as far as this authorizer can list them
    /// (upstream: `authorizer.RuleResolver`).
    fn rules(&self, _user: &UserInfo, _namespace: &str) -> SubjectRulesReviewStatus {
        SubjectRulesReviewStatus::default()
    }
}
