//! `MutatingAdmissionPolicy`: policies that change the object, one after the other.
//!
//! Upstream: `policy/mutating/dispatcher.go`, and `policy/generic/policy_dispatcher.go`.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use portcullis_api::Status;
use portcullis_api::status::{Cause, Details};
use serde_json::Value;

use super::change::{apply, describe, unmet};
use super::invocations::{Finder, Invocation, Invocations};
use super::request::Request;
use super::traced;
use crate::expressions::input::{Input, or_null};
use crate::lookups::Lookups;
use crate::matching::documents::{encode, variable};
use crate::metrics::conditions::{ConditionMetrics, Matched};
use crate::metrics::policies::{Checked, ErrorType, PolicyMetrics};
use crate::policies::MutatingPolicies;
use crate::policies::base::Base;
use crate::policies::binding::Binding;
use crate::policies::index::Bound;
use crate::policies::mutating::MutatingPolicy;
use crate::versions::{Served, Versions};
use crate::{Attributes, MutatingPlugin};

const NAME: &str = "MutatingAdmissionPolicy";
/// The reason of errors of evaluations; errors of configurations have that of any denial.
const INVALID: &str = "Invalid";

#[allow(
    missing_debug_implementations,
    reason = "the lookups do not implement it"
)]
pub(crate) struct MutatingPolicyPlugin {
    policies: Arc<MutatingPolicies>,
    finder: Finder,
    metrics: PolicyMetrics,
    conditions: ConditionMetrics,
}

/// Why a request is denied.
struct Refusal {
    message: String,
    reason: &'static str,
}

/// Errors of policies that are not ignored.
#[derive(Default)]
struct Refusals(Vec<Refusal>);

impl Refusals {
    fn add(&mut self, policy: &Base, binding: Option<&Binding>, why: &str, reason: &'static str) {
        if policy.fails_open {
            return;
        }
        let name = &policy.name;
        let message = match binding {
            Some(binding) => format!(
                "policy '{name}' with binding '{}' denied request: {why}",
                binding.name
            ),
            None => format!("policy {name:?} denied request: {why}"),
        };
        self.0.push(Refusal { message, reason });
    }

    /// The result for the request.
    fn conclude(self, attributes: &Attributes<'_>) -> Result<(), Status> {
        let Some(Refusal { message, reason }) = self.0.first() else {
            return Ok(());
        };
        let mut status = attributes.forbidden("");
        status.message.clone_from(message);
        let details = status.details.take();
        let mut details = details.map_or_else(Details::default, |details| *details);
        details.causes = self
            .0
            .iter()
            .map(|refusal| Cause {
                message: refusal.message.clone(),
                ..Cause::default()
            })
            .collect();
        let status = status.with_details(details);
        Err(match *reason {
            "" => status,
            reason => status.with_reason(reason),
        })
    }
}

impl MutatingPolicyPlugin {
    pub(crate) fn new(lookups: &Lookups) -> Self {
        Self {
            policies: Arc::clone(&lookups.mutating_policies),
            finder: Finder::new(lookups),
            metrics: lookups.metrics.mutating.clone(),
            conditions: lookups.metrics.conditions.clone(),
        }
    }

    /// Evaluates a policy for each of its bindings, and changes the object.
    async fn policy(
        &self,
        bound: &Bound<MutatingPolicy>,
        attributes: &mut Attributes<'_>,
        versions: &dyn Versions,
        refusals: &mut Refusals,
    ) -> Result<(), Status> {
        let base = &bound.policy.base;
        let mut found = Invocations::new();
        let mut request = Request::new(attributes, versions, &self.finder.permissions);
        self.finder
            .find(base, &bound.bindings, &mut request, &mut found)
            .await?;
        drop(request);
        for invocation in found {
            match invocation {
                Ok(invocation) => {
                    let policy = &bound.policy;
                    self.run(policy, invocation, attributes, versions, refusals)
                        .await?;
                }
                Err(wrong) => {
                    traced::misconfigured(attributes, base, wrong.binding, &wrong.message());
                    refusals.add(base, wrong.binding, &wrong.message(), "");
                }
            }
        }
        Ok(())
    }

    /// Evaluates the mutations of a policy, and applies each to what those before it made.
    async fn run(
        &self,
        policy: &Arc<MutatingPolicy>,
        invocation: Invocation<'_, '_>,
        attributes: &mut Attributes<'_>,
        versions: &dyn Versions,
        refusals: &mut Refusals,
    ) -> Result<(), Status> {
        let Invocation {
            binding,
            served,
            mut input,
        } = invocation;
        let base = &policy.base;
        let before = document(attributes, versions, &served).await?;
        input.object = variable(before.as_deref())?.into();
        let (unmet, tally) = unmet(policy, &input).await;
        let matched = Matched::by_policy(&base.name, attributes.operation);
        self.conditions.observe(&matched, &tally);
        match unmet {
            Ok(None) => {}
            Ok(Some(condition)) => {
                traced::skipped(attributes, base, Some(binding), || {
                    base.conditions.words(condition)
                });
                return Ok(());
            }
            Err(why) => {
                refusals.add(base, Some(binding), &why, INVALID);
                let before = attributes.traced_object();
                traced::changed(attributes, base, binding, input.params(), before, &[why]);
                return Ok(());
            }
        }
        let key = key(policy, binding, input.params());
        if !attributes.reinvocation.includes(&key) {
            return Ok(());
        }
        let traced = attributes.traced_object();
        let params = input.params.clone();
        let errors = self
            .change(policy, binding, input, attributes, versions, &served)
            .await?;
        traced::changed(
            attributes,
            base,
            binding,
            or_null(params.as_deref()),
            traced,
            &errors,
        );
        for why in errors {
            refusals.add(base, Some(binding), &why, INVALID);
        }
        if document(attributes, versions, &served).await? != before {
            attributes.reinvocation.changed();
        }
        if policy.is_reinvocable {
            attributes.reinvocation.ran(&key);
        }
        Ok(())
    }

    /// Changes the object as the mutations of a policy say; the errors of those that cannot be applied.
    async fn change(
        &self,
        policy: &Arc<MutatingPolicy>,
        binding: &Binding,
        mut input: Input,
        attributes: &mut Attributes<'_>,
        versions: &dyn Versions,
        served: &Served<'_>,
    ) -> Result<Vec<String>, Status> {
        let mut errors = Vec::new();
        for (position, change) in policy.changes.iter().enumerate() {
            let Some(object) = attributes.object.as_deref() else {
                break;
            };
            let start = Instant::now();
            let patched = match describe(policy, position, &input).await {
                Ok(patch) => apply(change, patch, &input.object, object, versions, served).await?,
                Err(why) => Err(why),
            };
            let check = Checked {
                policy: &policy.base.name,
                binding: &binding.name,
                error: match &patched {
                    Ok(_) => ErrorType::None,
                    Err(why) => ErrorType::of(why),
                },
                action: "",
            };
            self.metrics.observe(&check, start.elapsed());
            match patched {
                Ok(Some(patched)) => {
                    attributes.object = Some(patched);
                    let now = document(attributes, versions, served).await?;
                    input.object = variable(now.as_deref())?.into();
                }
                Ok(None) => {}
                Err(why) => errors.push(why),
            }
        }
        Ok(errors)
    }
}

#[async_trait]
impl MutatingPlugin for MutatingPolicyPlugin {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        let Some(versions) = attributes.versions else {
            return Ok(());
        };
        let bound = self.policies.0.current();
        let bound = traced::considered(&self.policies.0, &bound, attributes);
        if bound.is_empty() {
            return Ok(());
        }
        let requested = versions.requested();
        if attributes.reinvocation.is_second_run() {
            let now = document(attributes, versions, &requested).await?;
            attributes.reinvocation.compare(NAME, &now);
        }
        let mut refusals = Refusals::default();
        for policy in bound {
            self.policy(policy, attributes, versions, &mut refusals)
                .await?;
        }
        if attributes.reinvocation.has_reinvocable() {
            let now = document(attributes, versions, &requested).await?;
            attributes.reinvocation.leave(NAME, now);
        }
        refusals.conclude(attributes)
    }
}

/// What distinguishes an evaluation from all others, also of webhooks.
fn key(policy: &MutatingPolicy, binding: &Binding, params: &Value) -> Arc<str> {
    let text = |field: &str| {
        let text = params.pointer(field).and_then(Value::as_str);
        text.unwrap_or_default()
    };
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let (policy, binding) = (&policy.base.name, &binding.name);
    format!("{NAME}/{policy}/{binding}/{namespace}/{name}").into()
}

/// The current object, as JSON of a version.
async fn document(
    attributes: &Attributes<'_>,
    versions: &dyn Versions,
    served: &Served<'_>,
) -> Result<Option<Vec<u8>>, Status> {
    let object = attributes.object.as_deref();
    let encoded = encode(object, versions, served).await?;
    Ok(encoded.map(Into::into))
}
