//! What the evaluation of a policy found.

/// What a policy says of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    pub(crate) failures: Vec<Failed>,
    pub(crate) annotations: Vec<(String, String)>,
    /// Errors of annotations, which deny a request whatever the actions of a binding are.
    pub(crate) annotation_errors: Vec<String>,
}

/// A validation that is false, or an error that counts as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    /// The position of the validation.
    pub(crate) index: usize,
    pub(crate) message: String,
    /// Empty for the default.
    pub(crate) reason: String,
}

impl Findings {
    /// A single error.
    pub(crate) fn error(message: String) -> Self {
        Self {
            failures: vec![Failed {
                index: 0,
                message,
                reason: String::new(),
            }],
            ..Self::default()
        }
    }
}
