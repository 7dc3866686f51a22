//! What the plugins did with a request, for somebody who wants to know why.
//!
//! Nobody pays for it but a request that carries one: see [`Attributes::trace`](crate::Attributes).

use std::sync::{Mutex, PoisonError};

use portcullis_api::Status;

use crate::chain::Phase;

/// Notes what plugins do.
#[derive(Debug, Default)]
pub struct Trace(Mutex<Notes>);

#[derive(Debug, Default)]
struct Notes {
    steps: Vec<Step>,
    /// What the plugin that is at it found out about policies.
    policies: Option<PolicyTrials>,
}

/// What one plugin did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Which plugin.
    pub plugin: &'static str,
    /// In which half of the chain.
    pub phase: Phase,
    /// What it changed.
    pub change: Option<Change>,
    /// Its no.
    pub refusal: Option<Status>,
    /// What it knows of pod security policies.
    pub policies: Option<PolicyTrials>,
}

/// An object before and after a plugin, as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// As the plugin found it.
    pub before: Vec<u8>,
    /// As it left it.
    pub after: Vec<u8>,
}

/// A pod against all pod security policies there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTrials {
    /// Whose right to use a policy counts: the pod's service account, the caller.
    pub asked: Vec<String>,
    /// Each policy's verdict, in the order in which they are tried.
    pub trials: Vec<PolicyTrial>,
}

/// A pod against one policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyTrial {
    /// The policy's name.
    pub policy: String,
    /// Who may use it, and why; `None` if nobody asked may.
    pub may_use: Option<PolicyUse>,
    /// What it does not allow of the pod; if nothing, it accepts it.
    pub errors: Vec<String>,
    /// Whether it would have to fill in something.
    pub fills_in: bool,
    /// Whether the pod gets in by this policy.
    pub chosen: bool,
}

/// Why somebody may use a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyUse {
    /// Whose right it is.
    pub user: String,
    /// The API group by which the rule names policies.
    pub group: &'static str,
    /// What the authorizer says; empty if it gives no reason.
    pub reason: String,
}

impl Trace {
    /// All steps so far, in their order.
    pub fn into_steps(self) -> Vec<Step> {
        let notes = self.0.into_inner();
        notes.unwrap_or_else(PoisonError::into_inner).steps
    }

    /// Notes what the plugin that is at it finds out about policies.
    pub(crate) fn policies(&self, trials: PolicyTrials) {
        self.notes().policies = Some(trials);
    }

    /// Notes that a plugin is done.
    pub(crate) fn step(
        &self,
        plugin: &'static str,
        phase: Phase,
        change: Option<Change>,
        answer: &Result<(), Status>,
    ) {
        let mut notes = self.notes();
        let policies = notes.policies.take();
        notes.steps.push(Step {
            plugin,
            phase,
            change,
            refusal: answer.as_ref().err().cloned(),
            policies,
        });
    }

    fn notes(&self) -> std::sync::MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
