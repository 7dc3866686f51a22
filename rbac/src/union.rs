//! A union of authorizers.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;
use portcullis_api::UserInfo;

use crate::aggregate::aggregate;
use crate::{Attributes, Authorizer, Decided, Decision, Names, Step, rules_review};

/// Tries authorizers in order; the first with an opinion decides (upstream:
/// `pkg/authorization/union`).
pub struct Union {
    members: Vec<Arc<dyn Authorizer>>,
}

impl Union {
    /// Tries `members` in order.
    pub fn new(members: Vec<Arc<dyn Authorizer>>) -> Self {
        Self { members }
    }
}

impl fmt::Debug for Union {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Union")
            .field("members", &self.members.len())
            .finish()
    }
}

#[async_trait]
impl Authorizer for Union {
    fn name(&self) -> &'static str {
        "union"
    }

    async fn trace(&self, attributes: &Attributes<'_>) -> Vec<Step> {
        let mut steps = Vec::new();
        for member in &self.members {
            steps.extend(member.trace(attributes).await);
            let decided = steps.last().map(|step: &Step| &step.decision);
            if matches!(
                decided,
                Some(Decision::Allow { .. } | Decision::Deny { .. })
            ) {
                break;
            }
        }
        steps
    }

    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        let mut reasons = Vec::new();
        for member in &self.members {
            match member.authorize(attributes) {
                Decision::NoOpinion { reason } => reasons.push(reason),
                opinion @ (Decision::Allow { .. } | Decision::Deny { .. }) => return opinion,
            }
        }
        reasons.retain(|reason| !reason.is_empty());
        Decision::NoOpinion {
            reason: reasons.join("\n"),
        }
    }

    fn waits(&self) -> bool {
        self.members.iter().any(|member| member.waits())
    }

    async fn decide(&self, attributes: &Attributes<'_>) -> Decided {
        let (mut reasons, mut errors) = (Vec::new(), Vec::new());
        for member in &self.members {
            let Decided { decision, error } = if member.waits() {
                member.decide(attributes).await
            } else {
                member.authorize(attributes).into()
            };
            errors.extend(error);
            match decision {
                Decision::NoOpinion { reason } => reasons.push(reason),
                decision @ (Decision::Allow { .. } | Decision::Deny { .. }) => {
                    let error = aggregate(&errors);
                    return Decided { decision, error };
                }
            }
        }
        reasons.retain(|reason| !reason.is_empty());
        let reason = reasons.join("\n");
        Decided {
            decision: Decision::NoOpinion { reason },
            error: aggregate(&errors),
        }
    }

    fn lists_names(&self) -> bool {
        self.members.iter().all(|member| member.lists_names())
    }

    fn names(&self, attributes: &Attributes<'_>) -> Names {
        let mut names = Names::default();
        for member in &self.members {
            names = names.then(member.names(attributes));
            if names.is_final() {
                break;
            }
        }
        names
    }

    fn rules(&self, user: &UserInfo, namespace: &str) -> SubjectRulesReviewStatus {
        rules_review::join(
            self.members
                .iter()
                .map(|member| member.rules(user, namespace)),
        )
    }
}
