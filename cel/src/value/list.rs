//! Lists, of the data or created by expressions.

use std::sync::Arc;

use serde_json::Value as Json;

use crate::decl::{ListDecl, ListType};
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
    /// Created from a list of the data, whose type it keeps.
    #[doc(hidden)]
    Typed(Arc<Vec<Value<'a>>>, &'a ListType),
}

impl<'a> List<'a> {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Json(items, _) => items.len(),
            Self::Values(values) | Self::Typed(values, _) => values.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Evaluated<'a>> {
        match self {
            Self::Json(items, decl) => Some(Value::of_json(items.get(index)?, &decl.element)),
            Self::Values(values) | Self::Typed(values, _) => values.get(index).cloned().map(Ok),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Evaluated<'a>> {
        (0..self.len()).filter_map(|index| self.get(index))
    }

    /// The elements, to build another list from.
    pub(crate) fn to_vec(&self) -> Result<Vec<Value<'a>>, EvalError> {
        self.iter().collect()
    }

    /// How the list is compared, unless as a sequence.
    pub(crate) const fn list_type(&self) -> Option<&'a ListType> {
        match self {
            Self::Json(_, decl) => Some(&decl.list_type),
            Self::Typed(_, list_type) => Some(list_type),
            Self::Values(_) => None,
        }
    }
}
