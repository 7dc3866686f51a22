//! Rules of objects in CEL, `x-kubernetes-validations`
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel`).
//!
//! A rule is evaluated for each value that its node describes. Values are read in place. One object
//! has a budget for all its rules; when it is exhausted, the object is rejected.

mod budget;
mod compile;
mod declare;
mod evaluate;
mod report;
mod unchanged;

use portcullis_api::{ErrorList, Path};
use portcullis_cel::DeclType;
use serde_json::Value;

use crate::arena::{NodeRef, Schema};
use crate::program::Programs;

pub(crate) use self::budget::Budget;
pub(crate) use self::declare::type_name;
pub use self::report::not_checked;

impl Schema {
    /// Evaluates the CEL rules. Transition rules run only if there is an old object, and rules about
    /// values that did not change do not fail.
    pub fn validate_rules(&self, object: &Value, old: Option<&Value>) -> ErrorList {
        if !self.has_rules() {
            return ErrorList::new();
        }
        evaluate::evaluate(self.root(), object, old, "", &mut Budget::default())
    }

    /// The type of objects in expressions; `None` if they cannot access them.
    pub fn declared(&self) -> Option<DeclType> {
        declare::declare(self.root())
    }

    /// The compiled rules.
    pub(crate) fn programs(&self) -> &Programs {
        self.programs.get_or_init(|| compile::compile(self))
    }
}

/// Evaluates the rules of a default: it must satisfy them as an unchanged value, and as a new one.
pub(crate) fn validate_default(
    node: NodeRef<'_>,
    default: &Value,
    path: &Path,
    budget: &mut Budget,
) -> ErrorList {
    let mut fresh = *budget;
    let mut errors = evaluate::evaluate(node, default, Some(default), path.as_str(), budget);
    if errors.is_empty() {
        errors = evaluate::evaluate(node, default, None, path.as_str(), &mut fresh);
        *budget = budget.smaller(fresh);
    }
    errors
}

#[cfg(test)]
mod tests;
