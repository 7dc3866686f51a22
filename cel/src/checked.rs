//! A checked expression: the tree, and what is known of its nodes.

mod resolved;

use crate::ast::Expr;
use crate::scope::Variable;
use crate::types::Type;
use crate::value::Value;

pub(crate) use self::resolved::{Op, Resolved, Target};

/// An expression without mistakes, to be priced and evaluated.
pub(crate) struct Checked {
    pub(crate) expr: Expr,
    pub(crate) facts: Facts,
    pub(crate) variables: Vec<Variable>,
}

/// What is known of the nodes of a tree, by their ids.
pub(crate) struct Facts {
    pub(crate) types: Vec<Type>,
    pub(crate) resolved: Vec<Resolved>,
    /// Values that are always the same.
    pub(crate) constants: Vec<Option<Value<'static>>>,
}

impl Checked {
    /// The type of a node.
    pub(crate) fn type_of(&self, expr: &Expr) -> &Type {
        let of = self.facts.types.get(expr.id as usize);
        of.unwrap_or(&Type::Error)
    }

    /// What a node turned out to be.
    pub(crate) fn resolved(&self, expr: &Expr) -> &Resolved {
        let resolved = self.facts.resolved.get(expr.id as usize);
        resolved.unwrap_or(&Resolved::None)
    }

    /// The value of a node that always has the same.
    pub(crate) fn constant(&self, expr: &Expr) -> Option<&Value<'static>> {
        self.facts.constants.get(expr.id as usize)?.as_ref()
    }
}
