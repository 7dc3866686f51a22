//! Lists, of the data or created by expressions.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::decl::ListDecl;
use crate::error::EvalError;
use crate::value::{Evaluated, Value};

/// A list.
#[derive(Clone, Debug)]
pub enum List<'a> {
    /// A part of the data.
    #[doc(hidden)]
    Json(&'a [Json], &'a ListDecl),
    /// Created by the expression.
    #[doc(hidden)]
    Values(Arc<Vec<Value<'a>>>),
}

impl<'a> List<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(items, _) => items.len(),
            Self::Values(values) => values.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Evaluated<'a>> {
        match self {
            Self::Json(items, decl) => Some(Value::of_json(items.get(index)?, &decl.element)),
            Self::Values(values) => values.get(index).cloned().map(Ok),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Evaluated<'a>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The elements, to build another list from.
    pub(crate) fn to_vec(&self) -> Result<Vec<Value<'a>>, EvalError> {
        self.iter().collect()
    }

    /// The declared type of the list, if it is a part of the data.
    pub(crate) const fn decl(&self) -> Option<&'a ListDecl> {
        match self {
            Self::Json(_, decl) => Some(decl),
            Self::Values(_) => None,
        }
    }
}
