//! Regular expressions in Go's syntax, on an engine that runs in linear time.

mod translate;

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// The memory of a compiled expression in bytes; enough for a thousand characters of a large class.
const COMPILED_MAX: usize = 4 << 20;
/// The memory of its lazily built automata in bytes, for each thread that uses it.
const AUTOMATON_MAX: usize = 1 << 18;

/// Why an expression is rejected; messages are those of Go's `regexp/syntax`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// It is malformed.
    #[error("error parsing regexp: {what}: `{part}`")]
    Syntax {
        /// The kind of error.
        what: &'static str,
        /// The invalid part of the expression.
        part: String,
    },
    /// It would take too much memory.
    #[error("error parsing regexp: expression too large")]
    TooLarge,
}

/// An expression of a schema, compiled on first use, as most are never used.
#[derive(Debug)]
pub(crate) struct Pattern {
    source: Box<str>,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub(crate) fn new(source: &str) -> Self {
        Self {
            source: source.into(),
            compiled: OnceLock::new(),
        }
    }

    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Whether some part of the text matches; an invalid expression matches nothing.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| compile(&self.source).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// Checks that an expression is valid.
///
/// # Errors
/// [`PatternError`], with Go's message.
pub fn check(source: &str) -> Result<(), PatternError> {
    compile(source).map(|_| ())
}

fn compile(source: &str) -> Result<Regex, PatternError> {
    let translated = translate::translate(source)?;
    RegexBuilder::new(&translated)
        .size_limit(COMPILED_MAX)
        .dfa_size_limit(AUTOMATON_MAX)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => PatternError::TooLarge,
            _ => PatternError::Syntax {
                what: "invalid or unsupported Perl syntax",
                part: source.to_owned(),
            },
        })
}

#[cfg(test)]
mod tests;
