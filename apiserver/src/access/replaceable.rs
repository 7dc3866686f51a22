//! An authorizer that can be replaced while requests are served.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;
use parking_lot::RwLock;
use portcullis_api::UserInfo;
use portcullis_rbac::{Attributes, Authorizer, Decided, Decision, Names, Step};

/// Decides as the authorizer in force when it is asked.
pub struct Replaceable(RwLock<Arc<dyn Authorizer>>);

impl Replaceable {
    /// An authorizer to begin with.
    pub fn new(first: Arc<dyn Authorizer>) -> Self {
        Self(RwLock::new(first))
    }

    /// Replaces the authorizer, for decisions that have not begun.
    pub fn replace(&self, next: Arc<dyn Authorizer>) {
        *self.0.write() = next;
    }

    fn current(&self) -> Arc<dyn Authorizer> {
        self.0.read().clone()
    }
}

#[async_trait]
impl Authorizer for Replaceable {
    fn name(&self) -> &'static str {
        self.current().name()
    }

    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        self.current().authorize(attributes)
    }

    fn waits(&self) -> bool {
        self.current().waits()
    }

    async fn decide(&self, attributes: &Attributes<'_>) -> Decided {
        self.current().decide(attributes).await
    }

    fn lists_names(&self) -> bool {
        self.current().lists_names()
    }

    fn names(&self, attributes: &Attributes<'_>) -> Names {
        self.current().names(attributes)
    }

    async fn trace(&self, attributes: &Attributes<'_>) -> Vec<Step> {
        self.current().trace(attributes).await
    }

    fn rules(&self, user: &UserInfo, namespace: &str) -> SubjectRulesReviewStatus {
        self.current().rules(user, namespace)
    }
}
