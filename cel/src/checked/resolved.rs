//! What a name or a call turned out to be.

use std::sync::Arc;

use regex::Regex;

use crate::decl::ObjectType;
use crate::library::Overload;
use crate::price::{Price, price};
use crate::types::Type;
use crate::value::Value;

/// What is known of a node for its evaluation.
#[derive(Debug)]
pub(crate) enum Resolved {
    None,
    /// A variable of the environment.
    Variable(u16),
    /// A name within the expression, counted from the outermost.
    Local(u16),
    /// A value that is always the same.
    Const(Value<'static>),
    Call(Box<Target>),
    /// The type of an object that is made.
    Object(Arc<ObjectType>),
}

impl Resolved {
    pub(crate) fn of_type(of: Type) -> Self {
        Self::Const(Value::Type(Arc::new(of)))
    }
}

/// The function that a call calls.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) op: Op,
    pub(crate) name: Box<str>,
    /// The forms that may be meant: more than one if a dynamic value decides.
    pub(crate) forms: Vec<&'static Overload>,
    pub(crate) price: Price,
    /// Whether what looks like the call's target is part of the function's name.
    pub(crate) namespaced: bool,
    /// The regular expression, if it is a literal.
    pub(crate) regex: Option<Arc<Regex>>,
}

/// Functions that the evaluator treats on its own.
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
    pub(crate) fn new(name: &str, forms: Vec<&'static Overload>, namespaced: bool) -> Self {
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
        let id = match forms[..] {
            [form] => Some(form.id),
            _ => None,
        };
        let price = price(name, id);
        Self {
            op,
            name: name.into(),
            forms,
            price,
            namespaced,
            regex: None,
        }
    }
}
