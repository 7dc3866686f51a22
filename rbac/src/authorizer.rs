//! Decisions by roles and bindings.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;
use portcullis_api::UserInfo;

use crate::aggregate::aggregate;
use crate::index::Index;
use crate::marks::Marks;
use crate::rule::{allowed_names, allows};
use crate::trace::considered;
use crate::{Attributes, Authorizer, Decision, NameSet, Names, Step, rules_review};

/// Allows what a rule of one of the user's bindings allows, and has no opinion on the rest
/// (upstream: `plugin/pkg/auth/authorizer/rbac`).
#[derive(Clone, Debug)]
pub struct RbacAuthorizer {
    index: Arc<Index>,
}

impl RbacAuthorizer {
    /// Decides by what is in the index at that moment.
    pub const fn new(index: Arc<Index>) -> Self {
        Self { index }
    }
}

impl Authorizer for RbacAuthorizer {
    fn name(&self) -> &'static str {
        "RBAC"
    }

    fn trace(&self, attributes: &Attributes<'_>) -> Vec<Step> {
        vec![Step {
            authorizer: self.name(),
            decision: self.authorize(attributes),
            considered: considered(&self.index, attributes),
        }]
    }

    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        let mut allowed = None;
        let mut errors = Vec::new();
        let (namespace, marks) = (attributes.target.namespace(), Marks::of_request(attributes));
        self.index
            .visit(attributes.user, namespace, |grant, rules| {
                let rules = rules.map(|rules| rules.that_may_allow(marks));
                match rules.map(|mut rules| rules.any(|rule| allows(rule, attributes))) {
                    Ok(true) => {
                        allowed = Some(format!("RBAC: allowed by {grant}"));
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
        let (namespace, marks) = (attributes.target.namespace(), Marks::of_request(attributes));
        self.index.visit(attributes.user, namespace, |_, rules| {
            let rules = rules.iter().flat_map(|rules| rules.that_may_allow(marks));
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
