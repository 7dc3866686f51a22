//! A checked expression: the tree and its annotations.

mod resolved;

use std::collections::BTreeMap;

use crate::ast::Expr;
use crate::error::EvalError;
use crate::meter::CompiledRegex;
use crate::scope::Variable;
use crate::types::Type;
use crate::value::Value;

pub(crate) use self::resolved::{Op, Resolved, Target};

/// A valid expression, ready to be estimated and evaluated.
pub(crate) struct Checked {
    pub(crate) expr: Expr,
    pub(crate) annotations: Annotations,
    pub(crate) variables: Vec<Variable>,
}

/// The annotations of the nodes of a tree, by id.
pub(crate) struct Annotations {
    pub(crate) types: Vec<Type>,
    pub(crate) resolved: Vec<Resolved>,
    /// The values of the nodes that are constants, which few are.
    pub(crate) constants: BTreeMap<u32, Value<'static>>,
    /// The regular expressions of `find` and `findAll` that are literals.
    pub(crate) regexes: Vec<CompiledRegex>,
    /// Why one of those is invalid.
    pub(crate) regex_error: Option<EvalError>,
}

impl Checked {
    /// The type of a node.
    pub(crate) fn type_of(&self, expr: &Expr) -> &Type {
        let of = self.annotations.types.get(expr.id as usize);
        of.unwrap_or(&Type::Error)
    }

    /// What a name or call resolves to.
    pub(crate) fn resolved(&self, expr: &Expr) -> &Resolved {
        let resolved = self.annotations.resolved.get(expr.id as usize);
        resolved.unwrap_or(&Resolved::None)
    }

    /// Whether some node resolves to a variable.
    pub(crate) fn uses(&self, variable: &str) -> bool {
        self.used().any(|used| used == variable)
    }

    /// The variables that nodes resolve to.
    pub(crate) fn used(&self) -> impl Iterator<Item = &str> {
        let resolved = self.annotations.resolved.iter();
        resolved.filter_map(|of| match of {
            Resolved::Variable(index) => {
                let found = self.variables.get(usize::from(*index));
                found.map(|found| &*found.name)
            }
            _ => None,
        })
    }

    /// The constant value of a node.
    pub(crate) fn constant(&self, expr: &Expr) -> Option<&Value<'static>> {
        self.annotations.constants.get(&expr.id)
    }
}
