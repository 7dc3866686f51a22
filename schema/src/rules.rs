//! Rules of objects in CEL, `x-kubernetes-validations`
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel`).
//!
//! A rule is evaluated for each value that its node describes. Values are read in place. One object
//! has a budget for all its rules; when it is exhausted, the object is rejected.

mod compile;
mod correlate;
mod declare;
mod evaluate;
mod report;

use portcullis_api::ErrorList;
use serde_json::Value;

use crate::arena::Schema;
use crate::program::Programs;

pub(crate) use self::declare::type_name;
pub use self::report::not_checked;

impl Schema {
    /// Evaluates the CEL rules. Transition rules run only if there is an old object, and rules about
    /// values that did not change do not fail.
    pub fn validate_rules(&self, object: &Value, old: Option<&Value>) -> ErrorList {
        if !self.has_rules() {
            return ErrorList::new();
        }
        evaluate::evaluate(self, object, old)
    }

    /// The compiled rules.
    pub(crate) fn programs(&self) -> &Programs {
        self.programs.get_or_init(|| compile::compile(self))
    }
}

#[cfg(test)]
mod tests;
