//! The result of evaluating a policy.

use std::time::Duration;

use crate::expressions::conditions::{False, Tally};
use crate::metrics::policies::ErrorType;

/// What a policy says of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) failures: Vec<Failed>,
    pub(crate) annotations: Vec<(String, String)>,
    /// Errors of annotations, which deny a request regardless of the binding's actions.
    pub(crate) annotation_errors: Vec<String>,
    /// The condition for which the policy was not evaluated.
    pub(crate) unmet: Option<False>,
    /// How the conditions were evaluated.
    pub(crate) conditions: Tally,
}

/// A validation that is false, or an error that counts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The position of the validation.
    pub(crate) index: usize,
    pub(crate) message: String,
    /// Empty for the default.
    pub(crate) reason: String,
    /// Whether the expression has no value.
    pub(crate) error: ErrorType,
    /// How long it took, with the validations before it that are true.
    pub(crate) took: Duration,
}

impl Findings {
    /// A single error.
    pub(crate) fn error(message: String) -> Self {
        Self {
            failures: vec![Failed {
                index: 0,
                error: ErrorType::of(&message),
                message,
                reason: String::new(),
                took: Duration::ZERO,
            }],
            ..Self::default()
        }
    }
}
