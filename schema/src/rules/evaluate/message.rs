//! Evaluates the messages of rules.

use portcullis_api::field_error::go_quote;
use portcullis_cel::Activation;

use super::{EXPRESSION_COST, Walk};
use crate::arena::Rule;
use crate::program::Condition;
use crate::rules::report;

/// The maximum length of a message in bytes.
const LENGTH_MAX: usize = 5 * 1024;

/// The result of `messageExpression`.
pub(super) enum Message {
    Text(String),
    /// There is no expression, or it has no valid result.
    Default,
    /// No further rules are evaluated, for this reason.
    Stop(String),
}

impl Walk<'_> {
    pub(super) fn message<'p>(
        &mut self,
        rule: &Rule,
        condition: &'p Condition,
        activation: &'p Activation<'p>,
    ) -> Message {
        let Some(Ok(program)) = &condition.message else {
            return Message::Default;
        };
        let outcome = program.evaluate(activation, EXPRESSION_COST);
        if !self.budget.spend(&outcome) {
            return Message::Stop(report::NO_BUDGET_FOR_MESSAGE.to_owned());
        }
        match outcome.result {
            Err(error) if error.is_over_budget() => Message::Stop(format!(
                "no further validation rules will be run due to call cost exceeds limit for messageExpression: {}",
                go_quote(&rule.message_expression)
            )),
            Err(_) => Message::Default,
            Ok(value) => value.as_str().map_or(Message::Default, checked),
        }
    }
}

fn checked(text: &str) -> Message {
    let text = text.trim();
    if text.is_empty() || text.len() > LENGTH_MAX || text.contains('\n') {
        return Message::Default;
    }
    Message::Text(text.to_owned())
}
