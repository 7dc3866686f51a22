//! Evaluates the rules of an object in one walk.

mod message;
mod rule;

use portcullis_api::{ErrorList, FieldError};
use serde_json::Value;

use super::budget::Budget;
use super::report;
use super::unchanged::Correlation;
use crate::arena::{Flags, NodeRef};
use crate::correlate::{Old, OldItems};
use crate::location::Location;
use crate::program::Programs;

/// The cost limit of one evaluation.
const EXPRESSION_COST: u64 = 1_000_000;
/// The number of errors and their size in bytes, as those of a large object could exceed memory.
const ERRORS_MAX: usize = 1000;
const BYTES_MAX: usize = 1 << 20;

/// Evaluates the rules of a value at a path, which is empty for an object.
pub(super) fn evaluate(
    node: NodeRef<'_>,
    value: &Value,
    old: Option<&Value>,
    base: &str,
    budget: &mut Budget,
) -> ErrorList {
    let mut walk = Walk {
        programs: node.schema.programs(),
        base,
        budget: *budget,
        bytes_left: BYTES_MAX,
        stopped: false,
        errors: ErrorList::new(),
    };
    let correlation = Correlation::new(value, old.map(|old| Old::new(node, old)), None);
    walk.value(&Point {
        node,
        value,
        old,
        location: &Location::ROOT,
        correlation: &correlation,
    });
    *budget = walk.budget;
    walk.errors
}

/// A value of the object.
#[derive(Clone, Copy)]
struct Point<'p> {
    node: NodeRef<'p>,
    value: &'p Value,
    /// The old value that corresponds to it.
    old: Option<&'p Value>,
    location: &'p Location<'p>,
    correlation: &'p Correlation<'p>,
}

struct Walk<'w> {
    programs: &'w Programs,
    base: &'w str,
    budget: Budget,
    bytes_left: usize,
    /// No further rules are evaluated.
    stopped: bool,
    errors: ErrorList,
}

impl Walk<'_> {
    /// Evaluates the rules of a value, and then those of its parts. A rule is not evaluated for
    /// `null`.
    fn value(&mut self, at: &Point<'_>) {
        if self.stopped || !at.node.has(Flags::RULES) || at.value.is_null() {
            return;
        }
        self.rules(at);
        match at.value {
            Value::Array(items) => {
                let Some(node) = at.node.items() else { return };
                let old = OldItems::of(at.node, at.old);
                for (i, item) in items.iter().enumerate() {
                    self.part(at, node, item, old.get(item), &at.location.index(i));
                }
            }
            Value::Object(fields) => {
                let old = at.old.and_then(Value::as_object);
                let old = |name: &str| old?.get(name);
                for (name, value) in fields {
                    if at.location.is_root() && matches!(name.as_str(), "apiVersion" | "kind") {
                        self.kind(at, name, value);
                    } else if let Some(node) = at.node.property(name) {
                        self.part(at, node, value, old(name), &at.location.field(name));
                    } else if let Some(node) = at.node.values() {
                        self.part(at, node, value, old(name), &at.location.key(name));
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    /// Evaluates the rules of the version or kind. Both objects were converted to the same one, so that
    /// does not count as unchanged.
    fn kind(&mut self, parent: &Point<'_>, name: &str, value: &Value) {
        let Some(node) = parent.node.property(name) else {
            return;
        };
        self.value(&Point {
            node,
            value,
            old: parent.old.and_then(|old| old.get(name)),
            location: &parent.location.field(name),
            correlation: &Correlation::new(value, None, None),
        });
    }

    fn part<'p>(
        &mut self,
        parent: &Point<'p>,
        node: NodeRef<'p>,
        value: &'p Value,
        old: Option<&'p Value>,
        location: &Location<'p>,
    ) {
        let old = old.filter(|old| !old.is_null());
        let known = old.map(|old| Old::new(node, old));
        let correlation = Correlation::new(value, known, Some(parent.correlation));
        self.value(&Point {
            node,
            value,
            old,
            location,
            correlation: &correlation,
        });
    }

    fn fail(&mut self, at: &Point<'_>, detail: String) {
        self.push(report::failed(
            at.node,
            &report::path(self.base, at.location, ""),
            detail,
        ));
    }

    fn stop(&mut self, at: &Point<'_>, detail: String) {
        self.fail(at, detail);
        self.stopped = true;
    }

    fn push(&mut self, error: FieldError) {
        let bytes = error.field.len() + error.body().len();
        self.errors.push(error);
        match self.bytes_left.checked_sub(bytes) {
            Some(left) if self.errors.len() < ERRORS_MAX => self.bytes_left = left,
            _ => self.stopped = true,
        }
    }
}
