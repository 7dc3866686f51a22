//! Every policy's verdict on a pod, for a trace: by the evaluation and the question that decide.

use k8s_openapi::api::core::v1::Pod;

use super::compiled::CompiledPolicy;
use super::pod_view::PodView;
use super::{Caller, Outcome, provider};
use crate::trace::{PolicyTrial, PolicyTrials, Trace};

/// Notes in a trace, if there is one, what each policy says of the pod, and which one won.
pub(super) fn note<'c>(
    trace: Option<&Trace>,
    policies: impl Iterator<Item = &'c CompiledPolicy>,
    pod: &Pod,
    caller: &Caller<'_>,
    outcome: &Outcome<'_>,
) {
    let Some(trace) = trace else { return };
    let winner = match outcome {
        Outcome::Allowed(policy, _) => Some(policy.name.as_str()),
        Outcome::Refused(_) => None,
    };
    let view = PodView::new(pod);
    let trials = policies.map(|policy| trial(policy, &view, caller, winner));
    trace.policies(PolicyTrials {
        asked: caller.asked().map(|user| user.name.clone()).collect(),
        trials: trials.collect(),
    });
}

fn trial(
    policy: &CompiledPolicy,
    pod: &PodView<'_>,
    caller: &Caller<'_>,
    winner: Option<&str>,
) -> PolicyTrial {
    let verdict = provider::evaluate(policy, pod);
    let fills_in = verdict.as_ref().is_ok_and(|filled| !filled.is_empty());
    let errors = verdict.err().unwrap_or_default();
    PolicyTrial {
        policy: policy.name.clone(),
        may_use: caller.may_use(policy),
        errors: errors.iter().map(ToString::to_string).collect(),
        fills_in,
        chosen: winner == Some(policy.name.as_str()),
    }
}
