//! Errors of evaluation.

use std::fmt;

/// An expression could not be evaluated; messages are those of `cel-go`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EvalError(Box<Reason>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    Failed(String),
    Budget,
    Work,
}

impl EvalError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self(Box::new(Reason::Failed(message.into())))
    }

    pub(crate) fn no_such_overload() -> Self {
        Self::new("no such overload")
    }

    pub(crate) fn no_such_key(key: impl fmt::Display) -> Self {
        Self::new(format!("no such key: {key}"))
    }

    pub(crate) fn budget() -> Self {
        Self(Box::new(Reason::Budget))
    }

    pub(crate) fn work() -> Self {
        Self(Box::new(Reason::Work))
    }

    /// Whether the evaluation was stopped because it exceeded one of its limits.
    pub fn is_over_budget(&self) -> bool {
        matches!(*self.0, Reason::Budget | Reason::Work)
    }

    /// Whether it was stopped because it exceeded the limit of work.
    pub fn is_over_work(&self) -> bool {
        *self.0 == Reason::Work
    }
}

impl fmt::Display for EvalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            Reason::Failed(message) => f.write_str(message),
            Reason::Budget | Reason::Work => {
                f.write_str("operation cancelled: actual cost limit exceeded")
            }
        }
    }
}

impl std::error::Error for EvalError {}
