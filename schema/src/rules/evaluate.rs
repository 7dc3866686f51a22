//! Evaluates the rules of an object in one walk.

mod message;

use portcullis_api::{ErrorList, FieldError};
use portcullis_cel::{Activation, Outcome};
use serde_json::Value;

use self::message::Message;
use super::correlate::{Correlation, OldItems};
use super::report;
use crate::arena::{Flags, NodeRef, Rule, Schema};
use crate::location::Location;
use crate::program::{CompiledRule, Condition, NodeRules, Programs};

/// The cost limits of one evaluation, and of all evaluations for one object.
const EXPRESSION_COST: u64 = 1_000_000;
const OBJECT_COST: u64 = 10_000_000;
/// The limit of the work for one object, some seconds. Rules as people write them reach the limit of
/// cost first.
const OBJECT_WORK: u64 = 200_000_000;
/// The number of errors and their size in bytes, as those of a large object could exceed memory.
const ERRORS_MAX: usize = 1000;
const BYTES_MAX: usize = 1 << 20;

pub(super) fn evaluate(schema: &Schema, object: &Value, old: Option<&Value>) -> ErrorList {
    let mut walk = Walk {
        programs: schema.programs(),
        cost_left: OBJECT_COST,
        work_left: OBJECT_WORK,
        bytes_left: BYTES_MAX,
        stopped: false,
        errors: ErrorList::new(),
    };
    let correlation = Correlation::new(object, old, None);
    walk.value(&Point {
        node: schema.root(),
        value: object,
        old,
        location: &Location::ROOT,
        correlation: &correlation,
    });
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
    cost_left: u64,
    work_left: u64,
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
        let correlation = Correlation::new(value, old, Some(parent.correlation));
        self.value(&Point {
            node,
            value,
            old,
            location,
            correlation: &correlation,
        });
    }

    fn rules(&mut self, at: &Point<'_>) {
        let rules = match self.programs.of(at.node.number()) {
            None => return,
            Some(NodeRules::Untyped) => return self.fail(at, report::UNTYPED.to_owned()),
            Some(NodeRules::Typed(typed)) => &typed.rules,
        };
        if self.cost_left == 0 {
            return self.stop(at, report::NO_BUDGET.to_owned());
        }
        for (rule, compiled) in at.node.rules().iter().zip(rules) {
            match compiled {
                CompiledRule::Empty => {}
                CompiledRule::Invalid(why) => self.fail(at, format!("rule compile error: {why}")),
                CompiledRule::Valid(condition) => self.rule(at, rule, condition),
            }
            if self.stopped {
                return;
            }
        }
    }

    fn rule(&mut self, at: &Point<'_>, rule: &Rule, condition: &Condition) {
        let is_optional = rule.optional_old_self == Some(true);
        if condition.uses_old && at.old.is_none() && !is_optional {
            return;
        }
        let activation = activation(at, is_optional);
        let outcome = condition.program.evaluate(&activation, EXPRESSION_COST);
        if !self.spend(&outcome) {
            return self.stop(at, report::NO_BUDGET.to_owned());
        }
        match outcome.result {
            Ok(value) if value.as_bool() == Some(true) => {}
            Ok(_) => self.unsatisfied(at, rule, condition, &activation),
            Err(error) => {
                self.fail(at, report::evaluation_error(&error, rule));
                self.stopped |= error.is_over_budget();
            }
        }
    }

    fn unsatisfied(
        &mut self,
        at: &Point<'_>,
        rule: &Rule,
        condition: &Condition,
        activation: &Activation<'_>,
    ) {
        let path = report::path(at.location, &condition.field_path);
        let detail = match self.message(rule, condition, activation) {
            Message::Text(text) => text,
            Message::Default => report::default_message(rule),
            Message::Stop(why) => {
                self.stopped = true;
                return self.push_if_changed(at, condition, || report::failed(at.node, &path, why));
            }
        };
        self.push_if_changed(at, condition, || {
            report::unsatisfied(at.node, at.value, &path, detail, rule)
        });
    }

    /// Counts an evaluation. Returns whether the budget sufficed for it.
    const fn spend(&mut self, outcome: &Outcome<'_>) -> bool {
        let cost = self.cost_left.checked_sub(outcome.cost);
        let work = self.work_left.checked_sub(outcome.work);
        let (Some(cost), Some(work)) = (cost, work) else {
            return false;
        };
        self.cost_left = cost;
        self.work_left = work;
        true
    }

    /// Adds an error, unless it is about a value that did not change, and not about the change.
    fn push_if_changed(
        &mut self,
        at: &Point<'_>,
        condition: &Condition,
        error: impl FnOnce() -> FieldError,
    ) {
        if condition.uses_old || !at.correlation.is_unchanged() {
            self.push(error());
        }
    }

    fn fail(&mut self, at: &Point<'_>, detail: String) {
        self.push(report::failed(
            at.node,
            &report::path(at.location, ""),
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

fn activation<'p>(at: &Point<'p>, is_optional: bool) -> Activation<'p> {
    let activation = Activation::new().with("self", at.value);
    match at.old {
        Some(old) => activation.with("oldSelf", old),
        None if is_optional => activation.without("oldSelf"),
        None => activation,
    }
}
