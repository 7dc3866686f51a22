//! The evaluation of a policy for one request and one parameter object.
//!
//! Upstream: `policy/validating/validator.go`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis_cel::{Activation, Value, Variables};

use super::effort::{Unfinished, finish};
use super::findings::{Failed, Findings};
use crate::expressions::budget::{Budget, COST_OF_ONE, Failure};
use crate::expressions::conditions::{self, False, Tally};
use crate::expressions::input::Input;
use crate::metrics::policies::ErrorType;
use crate::policies::base::Base;
use crate::policies::compiled::{Annotation, Check, Policy};

/// Upstream: `RuntimeCELCostBudget`.
pub(crate) const COST: u64 = 10_000_000;
/// Upstream: `MaxEvaluatedMessageExpressionSizeBytes`.
const MESSAGE_MAX: usize = 5 * 1024;

/// Evaluates a policy.
pub(crate) async fn evaluate(policy: &Arc<Policy>, input: &Input) -> Findings {
    let found = finish(policy, input, |policy, input, work| {
        Evaluation { policy, input }.run(work)
    });
    let found = found.await;
    found.unwrap_or_else(|| stopped(policy, Failure::TooLong))
}

/// The first condition of a policy that is false; `None` if all hold.
pub(crate) fn unmet_condition(
    base: &Base,
    input: &Input,
    budget: &mut Budget,
    tally: &mut Tally,
) -> Result<Option<False>, Failure> {
    if base.conditions.is_empty() {
        return Ok(None);
    }
    // conditions have no namespace
    let input = Input {
        namespace: None,
        ..input.clone()
    };
    base.conditions
        .first_false(&input.with_authorizer(), budget, tally)
}

/// The findings for an error that ends the evaluation.
fn stopped(policy: &Policy, failure: Failure) -> Findings {
    match policy.base.fails_open {
        true => Findings::default(),
        false => Findings::error(failure.into_message()),
    }
}

struct Evaluation<'a> {
    policy: &'a Policy,
    input: &'a Input,
}

impl Evaluation<'_> {
    fn run(&self, work: u64) -> Result<Findings, Unfinished> {
        let mut budget = Budget::new(conditions::COST, work);
        let mut conditions = Tally::default();
        let unmet = unmet_condition(&self.policy.base, self.input, &mut budget, &mut conditions);
        let findings = match unmet {
            Ok(None) => self.evaluated(&budget)?,
            Ok(unmet) => Findings {
                unmet,
                ..Findings::default()
            },
            Err(Failure::TooLong) => return Err(Unfinished),
            Err(failure) => stopped(self.policy, failure),
        };
        Ok(Findings {
            conditions,
            ..findings
        })
    }

    /// What the policy finds, its conditions aside.
    fn evaluated(&self, budget: &Budget) -> Result<Findings, Unfinished> {
        let mut budget = Budget::new(COST, budget.work());
        let failures = match self.checks(&mut budget) {
            Ok(failures) => failures,
            Err(Failure::TooLong) => return Err(Unfinished),
            Err(failure) => return Ok(stopped(self.policy, failure)),
        };
        let mut findings = Findings {
            failures,
            ..Findings::default()
        };
        let mut budget = Budget::new(COST, budget.work());
        match self.annotations(&mut budget, &mut findings) {
            Ok(()) => Ok(findings),
            Err(Failure::TooLong) => Err(Unfinished),
            Err(failure) => Ok(stopped(self.policy, failure)),
        }
    }

    fn checks(&self, budget: &mut Budget) -> Result<Vec<Failed>, Failure> {
        let variables = self.variables(*budget);
        let activation = self.input.with_authorizer().with_variables(&variables);
        let mut failures = Vec::new();
        let mut start = Instant::now();
        for (index, check) in self.policy.checks.iter().enumerate() {
            let mut failed = match budget.evaluate(&check.expression, &activation, Some(&variables))
            {
                Ok(value) if value.as_bool() == Some(true) => continue,
                Ok(_) => Failed {
                    index,
                    message: String::new(),
                    reason: check.reason.clone(),
                    error: ErrorType::None,
                    took: Duration::ZERO,
                },
                Err(Failure::Failed(_)) if self.policy.base.fails_open => continue,
                Err(Failure::Failed(message)) => Failed {
                    index,
                    error: ErrorType::of(&message),
                    message,
                    reason: String::new(),
                    took: Duration::ZERO,
                },
                Err(stopped) => return Err(stopped),
            };
            failed.took = start.elapsed();
            start = Instant::now();
            failures.push(failed);
        }
        self.explain(&mut failures, budget)?;
        Ok(failures)
    }

    /// Sets the messages of validations that are false.
    fn explain(&self, failures: &mut Vec<Failed>, budget: &mut Budget) -> Result<(), Failure> {
        if failures.is_empty() {
            return Ok(());
        }
        let variables = self.variables(*budget);
        let activation = self.input.activation().with_variables(&variables);
        let mut out_of_budget = None;
        for failed in failures.iter_mut().filter(|f| f.message.is_empty()) {
            let Some(check) = self.policy.checks.get(failed.index) else {
                continue;
            };
            match message(check, &activation, &variables, budget) {
                Ok(message) => failed.message = message,
                Err(Failure::TooLong) => return Err(Failure::TooLong),
                Err(failure) => {
                    let why = format!("failed messageExpression: {}", failure.into_message());
                    out_of_budget = Some(why);
                    break;
                }
            }
        }
        // then no message or reason is used
        let Some(why) = out_of_budget else {
            return Ok(());
        };
        if self.policy.base.fails_open {
            failures.clear();
        }
        for failed in failures {
            (failed.message, failed.reason) = (why.clone(), String::new());
            failed.error = ErrorType::OutOfBudget;
        }
        Ok(())
    }

    fn annotations(&self, budget: &mut Budget, findings: &mut Findings) -> Result<(), Failure> {
        if self.policy.annotations.is_empty() {
            return Ok(());
        }
        let variables = self.variables(*budget);
        let activation = self.input.with_authorizer().with_variables(&variables);
        for Annotation { key, value } in &self.policy.annotations {
            match budget.evaluate(value, &activation, Some(&variables)) {
                Ok(value) => {
                    let text = value.as_str().unwrap_or_default().trim();
                    if !text.is_empty() {
                        findings.annotations.push((key.clone(), text.to_owned()));
                    }
                }
                Err(Failure::Failed(_)) if self.policy.base.fails_open => {}
                Err(Failure::Failed(error)) => findings.annotation_errors.push(error),
                Err(stopped) => return Err(stopped),
            }
        }
        Ok(())
    }

    fn variables<'v>(&'v self, budget: Budget) -> Variables<'v> {
        self.policy
            .base
            .composition
            .variables(budget.limits(), COST_OF_ONE)
    }
}

/// The message of a validation that is false: the result of its expression, or else its text, or else the
/// validation itself.
fn message<'a>(
    check: &'a Check,
    activation: &'a Activation<'a>,
    variables: &Variables<'a>,
    budget: &mut Budget,
) -> Result<String, Failure> {
    if let Some(expression) = &check.message_expression {
        let value = match budget.evaluate(expression, activation, Some(variables)) {
            Ok(value) => value,
            Err(Failure::Failed(error)) => {
                tracing::debug!(error, "a message could not be evaluated");
                Value::Null
            }
            Err(stopped) => return Err(stopped),
        };
        let text = value.as_str().unwrap_or_default().trim();
        if !text.is_empty() && text.len() <= MESSAGE_MAX && !text.contains('\n') {
            return Ok(text.to_owned());
        }
    }
    let text = check.message.trim();
    if !text.is_empty() {
        return Ok(text.to_owned());
    }
    let expression = check.expression.text.trim();
    Ok(format!("failed expression: {expression}"))
}
