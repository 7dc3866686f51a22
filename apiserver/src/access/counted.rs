//! Authorizers whose decisions are counted.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;
use portcullis_api::UserInfo;
use portcullis_rbac::{Attributes, Authorizer, Decided, Decision, Names, Step};
use prometheus::IntCounter;

use super::metrics::AuthorizationMetrics;

/// Decides as another authorizer, and counts what it decides.
pub struct Counted {
    inner: Arc<dyn Authorizer>,
    allowed: IntCounter,
    denied: IntCounter,
}

impl Counted {
    /// Counts the decisions of an authorizer under a name; its type is what `--authorization-mode` calls
    /// it.
    pub fn new(inner: Arc<dyn Authorizer>, name: &str, metrics: &AuthorizationMetrics) -> Self {
        let [allowed, denied] = metrics.of(inner.name(), name);
        Self {
            inner,
            allowed,
            denied,
        }
    }

    fn count(&self, decision: &Decision) {
        match decision {
            Decision::Allow { .. } => self.allowed.inc(),
            Decision::Deny { .. } => self.denied.inc(),
            Decision::NoOpinion { .. } => {}
        }
    }
}

#[async_trait]
impl Authorizer for Counted {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        let decision = self.inner.authorize(attributes);
        self.count(&decision);
        decision
    }

    fn waits(&self) -> bool {
        self.inner.waits()
    }

    async fn decide(&self, attributes: &Attributes<'_>) -> Decided {
        let decided = self.inner.decide(attributes).await;
        self.count(&decided.decision);
        decided
    }

    fn lists_names(&self) -> bool {
        self.inner.lists_names()
    }

    fn names(&self, attributes: &Attributes<'_>) -> Names {
        self.inner.names(attributes)
    }

    async fn trace(&self, attributes: &Attributes<'_>) -> Vec<Step> {
        self.inner.trace(attributes).await
    }

    fn rules(&self, user: &UserInfo, namespace: &str) -> SubjectRulesReviewStatus {
        self.inner.rules(user, namespace)
    }
}
