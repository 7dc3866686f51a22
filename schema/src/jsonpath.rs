//! `JSONPath` as kubectl has it (`k8s.io/client-go/util/jsonpath`), for printer columns and selectable
//! fields. A missing field finds nothing.

mod find;
mod parse;

use serde_json::Value;
use thiserror::Error;

/// How many values an expression may find, or pass on its way.
const FOUND_MAX: usize = 100_000;
/// How many characters, and so how many steps, an expression may have.
const LENGTH_MAX: usize = 4096;

/// Why a text is no expression.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ParseError(String);

/// A step of an expression.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Field(Box<str>),
    Wildcard,
    /// Everything below, the values themselves included.
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
    /// None if the left side must only be there.
    comparison: Option<(Operator, Operand)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    /// From the item, or from the root.
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

/// An expression without the braces around it.
#[derive(Clone, Debug, PartialEq)]
pub struct JsonPath(Vec<Step>);

impl JsonPath {
    /// Reads an expression, such as `.status.conditions[?(@.type=="Ready")].status`.
    ///
    /// # Errors
    /// [`ParseError`] if it is none.
    pub fn parse(text: &str) -> Result<Self, ParseError> {
        parse::parse(text).map(Self)
    }

    /// What the expression finds, in the order of the object.
    pub fn find<'v>(&self, object: &'v Value) -> Vec<&'v Value> {
        find::find(&self.0, object)
    }
}

#[cfg(test)]
mod tests;
