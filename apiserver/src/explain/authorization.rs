//! Authorization: the authorizers' decision with its bindings and rules.

use portcullis_rbac::trace::{Considered, Verdict};
use portcullis_rbac::{Attributes, Authorizer};

use super::target::sentence;
use super::{Authorization, AuthorizerStep, Binding, Decision};

/// Asks the authorizers, with a trace.
pub async fn explain(authorizer: &dyn Authorizer, attributes: &Attributes<'_>) -> Authorization {
    let steps = authorizer.trace(attributes).await;
    let asked: Vec<_> = steps
        .into_iter()
        .map(|step| {
            let (decision, reason) = match step.decision {
                portcullis_rbac::Decision::Allow { reason } => (Decision::Allow, reason),
                portcullis_rbac::Decision::Deny { reason } => (Decision::Deny, reason),
                portcullis_rbac::Decision::NoOpinion { reason } => (Decision::NoOpinion, reason),
            };
            AuthorizerStep {
                by: step.authorizer.to_owned(),
                decision,
                reason,
                error: step.error.unwrap_or_default(),
                note: step.note,
                bindings: step.considered.into_iter().map(binding).collect(),
            }
        })
        .collect();
    Authorization {
        question: sentence(attributes),
        allowed: asked.last().is_some_and(|s| s.decision == Decision::Allow),
        asked,
    }
}

fn binding(considered: Considered) -> Binding {
    let mut binding = Binding {
        binding: considered.text,
        rule: None,
        silent_rules: None,
        error: None,
    };
    match considered.verdict {
        Verdict::Allows(rule) => binding.rule = Some(rule),
        Verdict::NoMatch(rules) => binding.silent_rules = Some(rules),
        Verdict::Unresolved(error) => binding.error = Some(error.to_string()),
    }
    binding
}
