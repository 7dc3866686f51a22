//! `ValidatingAdmissionPolicy`: policies that check the object.
//!
//! Upstream: `policy/validating/dispatcher.go`.

use std::sync::Arc;

use async_trait::async_trait;
use portcullis_api::Status;

use super::evaluate::evaluate;
use super::invocations::{Finder, Invocations};
use super::outcome::{Annotations, Outcome};
use super::request::Request;
use super::traced;
use crate::lookups::Lookups;
use crate::metrics::conditions::{ConditionMetrics, Matched};
use crate::metrics::policies::PolicyMetrics;
use crate::policies::ValidatingPolicies;
use crate::policies::compiled::Policy;
use crate::policies::index::Bound;
use crate::{Attributes, ValidatingPlugin};

#[allow(
    missing_debug_implementations,
    reason = "the lookups do not implement it"
)]
pub(crate) struct ValidatingPolicyPlugin {
    policies: Arc<ValidatingPolicies>,
    finder: Finder,
    metrics: PolicyMetrics,
    conditions: ConditionMetrics,
}

impl ValidatingPolicyPlugin {
    pub(crate) fn new(lookups: &Lookups) -> Self {
        Self {
            policies: Arc::clone(&lookups.validating_policies),
            finder: Finder::new(lookups),
            metrics: lookups.metrics.validating.clone(),
            conditions: lookups.metrics.conditions.clone(),
        }
    }

    /// Evaluates a policy for each of its bindings.
    async fn policy<'p, 'v>(
        &self,
        bound: &'p Bound<Policy>,
        request: &mut Request<'_, 'v>,
        found: &mut Invocations<'p, 'v>,
        outcome: &mut Outcome<'p>,
    ) -> Result<(), Status> {
        let (policy, attributes) = (&bound.policy, request.attributes);
        let base = &policy.base;
        self.finder
            .find(base, &bound.bindings, request, found)
            .await?;
        let mut annotations = Annotations::default();
        for invocation in found.drain(..) {
            match invocation {
                Ok(invocation) => {
                    let input = &invocation.input;
                    let findings = evaluate(policy, input).await;
                    let matched = Matched::by_policy(&base.name, attributes.operation);
                    self.conditions.observe(&matched, &findings.conditions);
                    let binding = invocation.binding;
                    traced::found(attributes, base, binding, input.params(), &findings);
                    outcome.take(findings, base, binding, &mut annotations, attributes);
                }
                Err(wrong) => {
                    traced::misconfigured(attributes, base, wrong.binding, &wrong.message());
                    outcome.misconfigured(base, &wrong);
                }
            }
        }
        annotations.publish(base, attributes);
        Ok(())
    }
}

#[async_trait]
impl ValidatingPlugin for ValidatingPolicyPlugin {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let Some(versions) = attributes.versions else {
            return Ok(());
        };
        let bound = self.policies.0.current();
        let bound = traced::considered(&self.policies.0, &bound, attributes);
        if bound.is_empty() {
            return Ok(());
        }
        let mut request = Request::new(attributes, versions, &self.finder.permissions);
        let mut outcome = Outcome::counted_by(&self.metrics);
        // empty between policies, which share its space
        let mut found = Invocations::new();
        for policy in bound {
            self.policy(policy, &mut request, &mut found, &mut outcome)
                .await?;
        }
        outcome.conclude(attributes)
    }
}
