//! Regular expressions as Go reads them, on an engine whose time is linear in the text.

mod translate;

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use thiserror::Error;

/// How many bytes a compiled expression may take: a thousand characters of some large class fit.
const COMPILED_MAX: usize = 4 << 20;
/// How many bytes its lazily built automata may take for each thread that matches with it.
const AUTOMATON_MAX: usize = 1 << 18;

/// Why an expression cannot be used; the texts are those of Go's `regexp/syntax`.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatternError {
    /// Not an expression.
    #[error("error parsing regexp: {what}: `{part}`")]
    Syntax {
        /// The kind of mistake.
        what: &'static str,
        /// The part of the expression at fault.
        part: String,
    },
    /// An expression that takes too much memory.
    #[error("error parsing regexp: expression too large")]
    TooLarge,
}

/// An expression of a schema, compiled when it is first needed: most that are declared never are.
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

    /// Whether some part of the text matches; an expression that cannot be compiled matches nothing.
    pub(crate) fn matches(&self, text: &str) -> bool {
        let compiled = self.compiled.get_or_init(|| compile(&self.source).ok());
        compiled.as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

/// Checks that an expression can be used.
///
/// # Errors
/// [`PatternError`], in Go's words.
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
