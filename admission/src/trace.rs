//! A record of what the plugins did with a request, to explain its outcome.
//!
//! Only a request that carries a [`Trace`] pays for it: see
//! [`Attributes::trace`](crate::Attributes).

mod consulted;

use std::sync::{Mutex, PoisonError};

use portcullis_api::Status;

pub use self::consulted::{Callback, Consulted, Verdict};
use crate::metrics::Phase;

/// Collects what plugins did with one request.
#[derive(Debug, Default)]
pub struct Trace {
    record: Mutex<Record>,
    calls_webhooks: bool,
}

#[derive(Debug, Default)]
struct Record {
    steps: Vec<Step>,
    /// Recorded by the plugin that is running, for its step.
    policies: Option<PolicyTrials>,
    consulted: Vec<Consulted>,
}

/// What one plugin did in one phase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The plugin's name.
    pub plugin: &'static str,
    /// The phase in which it ran.
    pub phase: Phase,
    /// The change to the object, if any.
    pub change: Option<Change>,
    /// The error with which it denied the request.
    pub denial: Option<Status>,
    /// Its evaluation of pod security policies; of `PodSecurityPolicy` only.
    pub policies: Option<PolicyTrials>,
    /// The webhooks or policies that it considered, in their order.
    pub consulted: Vec<Consulted>,
}

/// An object before and after a plugin, as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Before the plugin ran.
    pub before: Vec<u8>,
    /// After it ran.
    pub after: Vec<u8>,
}

/// A pod evaluated against every pod security policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTrials {
    /// The names of the users whose permission to use a policy counts: the pod's service account,
    /// and the caller.
    pub asked: Vec<String>,
    /// One per policy, in the order in which they are tried.
    pub trials: Vec<PolicyTrial>,
}

/// A pod evaluated against one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTrial {
    /// The policy's name.
    pub policy: String,
    /// The permission to use it; `None` if none of the users has it.
    pub may_use: Option<PolicyUse>,
    /// What the policy rejects; empty if it accepts the pod.
    pub errors: Vec<String>,
    /// Whether it accepts the pod only with defaults that it sets.
    pub fills_in: bool,
    /// Whether the pod is allowed by this policy.
    pub chosen: bool,
}

/// The permission of a user to use a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyUse {
    /// The user's name.
    pub user: String,
    /// The API group that the granting rule names.
    pub group: &'static str,
    /// The authorizer's reason; may be empty.
    pub reason: String,
}

impl Trace {
    /// A trace for which webhooks are called if they support dry runs; otherwise none is.
    pub fn calling_webhooks(calls_webhooks: bool) -> Self {
        Self {
            calls_webhooks,
            ..Self::default()
        }
    }

    /// Whether webhooks that support dry runs are called.
    pub(crate) const fn calls_webhooks(&self) -> bool {
        self.calls_webhooks
    }

    /// All steps, in the order in which they ran.
    pub fn into_steps(self) -> Vec<Step> {
        let record = self.record.into_inner();
        record.unwrap_or_else(PoisonError::into_inner).steps
    }

    /// Records policies for the step of the plugin that is running.
    pub(crate) fn policies(&self, trials: PolicyTrials) {
        self.record().policies = Some(trials);
    }

    /// Records a webhook or a policy for the step of the plugin that is running.
    pub(crate) fn consulted(&self, consulted: Consulted) {
        self.record().consulted.push(consulted);
    }

    /// Records that a plugin has finished.
    pub(crate) fn step(
        &self,
        plugin: &'static str,
        phase: Phase,
        change: Option<Change>,
        result: &Result<(), Status>,
    ) {
        let mut record = self.record();
        let policies = record.policies.take();
        let consulted = std::mem::take(&mut record.consulted);
        record.steps.push(Step {
            plugin,
            phase,
            change,
            denial: result.as_ref().err().cloned(),
            policies,
            consulted,
        });
    }

    fn record(&self) -> std::sync::MutexGuard<'_, Record> {
        self.record.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
