//! Records for a trace how every policy evaluates a pod, by the same checks that decide the
//! outcome.

use k8s_openapi::api::core::v1::Pod;

use super::compiled::CompiledPolicy;
use super::pod_view::PodView;
use super::{Caller, Outcome, provider};
use crate::trace::{PolicyTrial, PolicyTrials, Trace};

/// Records how each policy evaluates the pod, and which one was chosen, if the request is traced.
pub(super) fn record<'c>(
    trace: Option<&Trace>,
    policies: impl Iterator<Item = &'c CompiledPolicy>,
    pod: &Pod,
    caller: &Caller<'_>,
    outcome: &Outcome<'_>,
) {
    let Some(trace) = trace else { return };
    let chosen = match outcome {
        Outcome::Allowed(policy, _) => Some(policy.name.as_str()),
        Outcome::Denied(_) => None,
    };
    let view = PodView::new(pod);
    let trials = policies.map(|policy| trial(policy, &view, caller, chosen));
    trace.policies(PolicyTrials {
        asked: caller.users().map(|user| user.name.clone()).collect(),
        trials: trials.collect(),
    });
}

fn trial(
    policy: &CompiledPolicy,
    pod: &PodView<'_>,
    caller: &Caller<'_>,
    chosen: Option<&str>,
) -> PolicyTrial {
    let result = provider::evaluate(policy, pod);
    let fills_in = result.as_ref().is_ok_and(|defaults| !defaults.is_empty());
    let errors = result.err().unwrap_or_default();
    PolicyTrial {
        policy: policy.name.clone(),
        may_use: caller.may_use(policy),
        errors: errors.iter().map(ToString::to_string).collect(),
        fills_in,
        chosen: chosen == Some(policy.name.as_str()),
    }
}
