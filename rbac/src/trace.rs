//! Explanations of decisions.

use std::ops::ControlFlow;

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::binding::ApplicableBinding;
use crate::index::Index;
use crate::rule::allows;
use crate::unresolved::Unresolved;
use crate::{Attributes, Decision};

/// One authorizer that was tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The authorizer's name.
    pub authorizer: &'static str,
    /// Its decision.
    pub decision: Decision,
    /// For RBAC, the bindings considered, in order: the first that allows is named in the decision;
    /// if none does, there is no opinion.
    pub considered: Vec<Considered>,
    /// The error of the authorizer, or of a server that it called.
    pub error: Option<String>,
    /// How it came to its decision, in words; mostly empty.
    pub note: String,
}

impl Step {
    /// A decision without more to be said.
    pub const fn new(authorizer: &'static str, decision: Decision) -> Self {
        Self {
            authorizer,
            decision,
            considered: Vec::new(),
            error: None,
            note: String::new(),
        }
    }
}

/// A binding that applies to the user, and its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Considered {
    /// The binding's namespace, empty for a cluster role binding.
    pub namespace: String,
    /// The binding's name.
    pub binding: String,
    /// `Role` or `ClusterRole`.
    pub role_kind: String,
    /// The role's name.
    pub role: String,
    /// The kind of the matching subject: `User`, `Group` or `ServiceAccount`.
    pub subject_kind: String,
    /// The subject's name.
    pub subject: String,
    /// The description used in reasons: `ClusterRoleBinding "a" of ClusterRole "b" to User "c"`.
    pub text: String,
    /// The verdict of the role's rules.
    pub verdict: Verdict,
}

/// The verdict of a role's rules on a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// This rule allows it.
    Allows(PolicyRule),
    /// None of the rules allows it; this is how many there are.
    NoMatch(usize),
    /// The role could not be resolved.
    Unresolved(Unresolved),
}

/// All bindings that apply to the user, in the order of the decision.
pub(crate) fn considered(index: &Index, attributes: &Attributes<'_>) -> Vec<Considered> {
    let mut considered = Vec::new();
    index.visit(
        attributes.user,
        attributes.target.namespace(),
        |applicable, rules| {
            let verdict = match rules {
                Ok(rules) => match rules.all().iter().find(|rule| allows(rule, attributes)) {
                    Some(rule) => Verdict::Allows(rule.clone()),
                    None => Verdict::NoMatch(rules.all().len()),
                },
                Err(error) => Verdict::Unresolved(error),
            };
            considered.push(consider(applicable, verdict));
            ControlFlow::Continue(())
        },
    );
    considered
}

fn consider(applicable: &ApplicableBinding<'_>, verdict: Verdict) -> Considered {
    let binding = applicable.binding;
    let subject = binding.subjects.get(applicable.subject);
    Considered {
        namespace: binding.namespace.clone(),
        binding: binding.name.clone(),
        role_kind: binding.role_kind.as_str().to_owned(),
        role: binding.role_name.clone(),
        subject_kind: subject.map(|s| s.kind.clone()).unwrap_or_default(),
        subject: subject.map(|s| s.name.clone()).unwrap_or_default(),
        text: applicable.to_string(),
        verdict,
    }
}
