//! Webhooks and policies: which were asked, and what they said.

use portcullis_admission::trace::{self, Callback};
use serde::{Deserialize, Serialize};

use super::diff::Difference;

/// A webhook or a policy that a plugin considered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Consulted {
    /// The webhook's name; empty for policies.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub webhook: String,
    /// The name of its configuration.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub configuration: String,
    /// The policy's name; empty for webhooks.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub policy: String,
    /// The name of the policy's binding.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub binding: String,
    /// The object of parameters, with its namespace.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub params: String,
    /// What it said.
    pub verdict: Verdict,
    /// Why it was not asked, or its messages.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// What the binding of a policy does about what is not as the policy wants it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<String>,
    /// What it changed of the object.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Difference>,
}

/// What a webhook or a policy said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Verdict {
    /// The request is not for it.
    Skipped,
    /// A webhook that the request would be sent to, and was not here.
    NotCalled,
    /// Yes.
    Allowed,
    /// A webhook says no.
    Denied,
    /// It could not be asked, which denies the request.
    Failed,
    /// It could not be asked, which is ignored.
    FailedOpen,
    /// Not everything is as a policy wants it; the actions of its binding say what follows.
    Violated,
}

impl Consulted {
    /// What the trace of a request says.
    pub(super) fn new(traced: trace::Consulted, changes: Vec<Difference>) -> Self {
        let (verdict, because, actions) = match traced.verdict {
            trace::Verdict::Skipped(why) => (Verdict::Skipped, vec![why], Vec::new()),
            trace::Verdict::NotCalled(why) => (Verdict::NotCalled, vec![why], Vec::new()),
            trace::Verdict::Allowed => (Verdict::Allowed, Vec::new(), Vec::new()),
            trace::Verdict::Denied(why) => (Verdict::Denied, vec![why], Vec::new()),
            trace::Verdict::Failed { error, ignored } => {
                let verdict = match ignored {
                    true => Verdict::FailedOpen,
                    false => Verdict::Failed,
                };
                (verdict, vec![error], Vec::new())
            }
            trace::Verdict::Violated { messages, actions } => {
                (Verdict::Violated, messages, actions)
            }
        };
        let [webhook, configuration, policy, binding, params] = match traced.callback {
            Callback::Webhook {
                configuration,
                name,
            } => [
                name,
                configuration,
                String::new(),
                String::new(),
                String::new(),
            ],
            Callback::Policy {
                name,
                binding,
                params,
            } => {
                let binding = binding.unwrap_or_default();
                [String::new(), String::new(), name, binding, params]
            }
        };
        Self {
            webhook,
            configuration,
            policy,
            binding,
            params,
            verdict,
            because,
            actions,
            changes,
        }
    }
}
