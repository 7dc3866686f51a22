//! Evaluates one rule for one value.

use portcullis_api::FieldError;
use portcullis_cel::Activation;

use super::message::Message;
use super::{EXPRESSION_COST, Point, Walk};
use crate::arena::Rule;
use crate::program::{CompiledRule, Condition, NodeRules};
use crate::rules::report;

impl Walk<'_> {
    /// Evaluates the rules of one value.
    pub(super) fn rules(&mut self, at: &Point<'_>) {
        let rules = match self.programs.of(at.node.number()) {
            None => return,
            Some(NodeRules::Untyped) => return self.fail(at, report::UNTYPED.to_owned()),
            Some(NodeRules::Typed(typed)) => &typed.rules,
        };
        if self.budget.is_exhausted() {
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
        if !self.budget.spend(&outcome) {
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

    fn unsatisfied<'p>(
        &mut self,
        at: &Point<'_>,
        rule: &Rule,
        condition: &'p Condition,
        activation: &'p Activation<'p>,
    ) {
        let path = report::path(self.base, at.location, &condition.field_path);
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
}

fn activation<'p>(at: &Point<'p>, is_optional: bool) -> Activation<'p> {
    let activation = Activation::new().with("self", at.value);
    match at.old {
        Some(old) => activation.with("oldSelf", old),
        None if is_optional => activation.without("oldSelf"),
        None => activation,
    }
}
