//! Why a decision fell as it did, for people who want to know.

use std::ops::ControlFlow;

use k8s_openapi::api::rbac::v1::PolicyRule;

use crate::binding::Grant;
use crate::index::Index;
use crate::rule::allows;
use crate::unresolved::Unresolved;
use crate::{Attributes, Decision};

/// An authorizer that was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Its name.
    pub authorizer: &'static str,
    /// What it said.
    pub decision: Decision,
    /// For RBAC, the bindings it looked at, in their order: the first that allows is the one the
    /// decision names, and if none does it has no opinion.
    pub considered: Vec<Considered>,
}

/// A binding that is for the user, and what came of it.
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
    /// The subject that means the user: `User`, `Group` or `ServiceAccount`.
    pub subject_kind: String,
    /// The subject's name.
    pub subject: String,
    /// All of that as reasons say it: `ClusterRoleBinding "a" of ClusterRole "b" to User "c"`.
    pub text: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What a role's rules say of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// This rule allows it.
    Allows(PolicyRule),
    /// None of the rules does; this many were looked at.
    Silent(usize),
    /// Nobody can tell.
    Unresolved(Unresolved),
}

/// All bindings that are for the user, in the order in which a decision looks at them.
pub(crate) fn considered(index: &Index, attributes: &Attributes<'_>) -> Vec<Considered> {
    let mut considered = Vec::new();
    index.visit(
        attributes.user,
        attributes.target.namespace(),
        |grant, rules| {
            let verdict = match rules {
                Ok(rules) => match rules.all().iter().find(|rule| allows(rule, attributes)) {
                    Some(rule) => Verdict::Allows(rule.clone()),
                    None => Verdict::Silent(rules.all().len()),
                },
                Err(error) => Verdict::Unresolved(error),
            };
            considered.push(consider(grant, verdict));
            ControlFlow::Continue(())
        },
    );
    considered
}

fn consider(grant: &Grant<'_>, verdict: Verdict) -> Considered {
    let binding = grant.binding;
    let subject = binding.subjects.get(grant.subject);
    Considered {
        namespace: binding.namespace.clone(),
        binding: binding.name.clone(),
        role_kind: binding.role_kind.as_str().to_owned(),
        role: binding.role_name.clone(),
        subject_kind: subject.map(|s| s.kind.clone()).unwrap_or_default(),
        subject: subject.map(|s| s.name.clone()).unwrap_or_default(),
        text: grant.to_string(),
        verdict,
    }
}
