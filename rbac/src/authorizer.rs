//! The RBAC authorizer.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;
use portcullis_api::UserInfo;

use crate::aggregate::aggregate;
use crate::index::Index;
use crate::rule::{allowed_names, allows};
use crate::trace::considered;
use crate::word_filter::WordFilter;
use crate::{Attributes, Authorizer, Decision, NameSet, Names, Step, rules_review};

/// Allows requests that a rule of one of the user's bindings allows, and has no opinion on others
/// (upstream: `plugin/pkg/auth/authorizer/rbac`).
#[derive(Clone, Debug)]
pub struct RbacAuthorizer {
    index: Arc<Index>,
}

impl RbacAuthorizer {
    /// Decides by the current content of `index`.
    pub const fn new(index: Arc<Index>) -> Self {
        Self { index }
    }
}

#[async_trait]
impl Authorizer for RbacAuthorizer {
    fn name(&self) -> &'static str {
        "RBAC"
    }

    async fn trace(&self, attributes: &Attributes<'_>) -> Vec<Step> {
        vec![Step {
            considered: considered(&self.index, attributes),
            ..Step::new(self.name(), self.authorize(attributes))
        }]
    }

    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        let mut allowed = None;
        let mut errors = Vec::new();
        let (namespace, filter) = (
            attributes.target.namespace(),
            WordFilter::of_request(attributes),
        );
        self.index
            .visit(attributes.user, namespace, |binding, rules| {
                let rules = rules.map(|rules| rules.candidates(filter));
                match rules.map(|mut rules| rules.any(|rule| allows(rule, attributes))) {
                    Ok(true) => {
                        allowed = Some(format!("RBAC: allowed by {binding}"));
                        return ControlFlow::Break(());
                    }
                    Ok(false) => {}
                    Err(error) => errors.push(error),
                }
                ControlFlow::Continue(())
            });
        match (allowed, aggregate(&errors)) {
            (Some(reason), _) => Decision::Allow { reason },
            (None, Some(errors)) => Decision::NoOpinion {
                reason: format!("RBAC: {errors}"),
            },
            (None, None) => Decision::NoOpinion {
                reason: String::new(),
            },
        }
    }

    fn names(&self, attributes: &Attributes<'_>) -> Names {
        let (mut all, mut these) = (false, HashSet::new());
        let (namespace, filter) = (
            attributes.target.namespace(),
            WordFilter::of_request(attributes),
        );
        self.index.visit(attributes.user, namespace, |_, rules| {
            let rules = rules.iter().flat_map(|rules| rules.candidates(filter));
            for names in rules.filter_map(|rule| allowed_names(rule, attributes)) {
                if names.is_empty() {
                    all = true;
                    return ControlFlow::Break(());
                }
                these.extend(names.iter().cloned());
            }
            ControlFlow::Continue(())
        });
        Names::allow(if all {
            NameSet::All
        } else {
            NameSet::These(these)
        })
    }

    fn rules(&self, user: &UserInfo, namespace: &str) -> SubjectRulesReviewStatus {
        rules_review::status(self.index.rules_for(user, namespace))
    }
}

#[cfg(test)]
mod tests;
