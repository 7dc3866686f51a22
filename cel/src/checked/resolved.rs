//! What names and calls resolve to.

use std::sync::Arc;

use regex::Regex;

use crate::decl::ObjectType;
use crate::library::Overload;
use crate::price::{Price, price};
use crate::types::Type;
use crate::value::Value;

/// What a node resolves to, for its evaluation.
#[derive(Debug)]
pub(crate) enum Resolved {
    None,
    /// A variable of the environment.
    Variable(u16),
    /// A local name of a comprehension, by index from the outermost.
    Local(u16),
    /// A constant.
    Const(Box<Value<'static>>),
    Call(Box<Target>),
    /// The type of an object literal.
    Object(Arc<ObjectType>),
}

impl Resolved {
    pub(crate) fn of_type(of: Type) -> Self {
        Self::Const(Box::new(Value::Type(Arc::new(of))))
    }
}

/// The function of a call.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) op: Op,
    pub(crate) name: Box<str>,
    /// The overloads that may apply; several if a dynamic value decides.
    pub(crate) overloads: Vec<&'static Overload>,
    pub(crate) price: Price,
    /// Whether the apparent target is part of the function's name.
    pub(crate) namespaced: bool,
    /// The compiled regular expression, if it is a literal.
    pub(crate) regex: Option<Arc<Regex>>,
}

/// Functions that the evaluator implements itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    And,
    Or,
    Conditional,
    NotStrictlyFalse,
    Index,
    OptionalIndex,
    OptionalSelect,
    OptionalOr,
    OptionalOrValue,
    Add,
    MapInsert,
    Matches,
    Other,
}

impl Target {
    pub(crate) fn new(name: &str, overloads: Vec<&'static Overload>, namespaced: bool) -> Self {
        let op = match name {
            "_&&_" => Op::And,
            "_||_" => Op::Or,
            "_?_:_" => Op::Conditional,
            "@not_strictly_false" => Op::NotStrictlyFalse,
            "_[_]" => Op::Index,
            "_[?_]" => Op::OptionalIndex,
            "_?._" => Op::OptionalSelect,
            "or" => Op::OptionalOr,
            "orValue" => Op::OptionalOrValue,
            "_+_" => Op::Add,
            "cel.@mapInsert" => Op::MapInsert,
            "matches" => Op::Matches,
            _ => Op::Other,
        };
        let id = match overloads[..] {
            [overload] => Some(overload.id),
            _ => None,
        };
        let price = price(name, id);
        Self {
            op,
            name: name.into(),
            overloads,
            price,
            namespaced,
            regex: None,
        }
    }
}
