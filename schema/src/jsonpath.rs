//! `JSONPath` as kubectl implements it (`k8s.io/client-go/util/jsonpath`), for printer columns and
//! selectable fields. A missing field is not an error.

mod find;
mod parse;

use serde_json::Value;
use thiserror::Error;

/// The number of values that an expression may find or visit.
const FOUND_MAX: usize = 100_000;
/// The length of an expression, which also limits its steps.
const LENGTH_MAX: usize = 4096;

/// Why an expression could not be parsed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ParseError(String);

/// A step of an expression.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(Box<str>),
    Wildcard,
    /// All descendants, including the values themselves.
    Recursive,
    Index(i64),
    Slice {
        start: Option<i64>,
        end: Option<i64>,
        step: i64,
    },
    /// Several fields or indices.
    Union(Vec<Self>),
    Filter(Box<Filter>),
}

/// A condition on an item.
#[derive(Clone, Debug, PartialEq)]
struct Filter {
    left: Operand,
    /// `None` if the left side only has to exist.
    comparison: Option<(Operator, Operand)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    /// A path from the item, or from the root.
    Path {
        from_root: bool,
        steps: Vec<Step>,
    },
    Literal(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Parses an expression without its braces, such as
    /// `.status.conditions[?(@.type=="Ready")].status`.
    ///
    /// # Errors
    /// [`ParseError`] if it is malformed.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::parse(text).map(Self)
    }

    /// The values that the expression finds, in document order.
    pub fn find<'v>(&self, object: &'v Value) -> Vec<&'v Value> {
        find::find(&self.0, object)
    }
}

#[cfg(test)]
mod tests;
