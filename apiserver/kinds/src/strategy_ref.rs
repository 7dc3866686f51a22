//! The rules of a built-in kind, or of a custom one.

use std::ops::Deref;
use std::sync::Arc;

use crate::custom::CustomKind;
use crate::strategy::DynStrategy;

/// The rules of a kind.
#[derive(Clone)]
pub enum StrategyRef {
    /// Those of a row of the kind table.
    BuiltIn(&'static dyn DynStrategy),
    /// The rules of a definition.
    Custom(Arc<CustomKind>),
}

impl StrategyRef {
    /// The kind, if it is a custom one.
    pub fn custom(&self) -> Option<&CustomKind> {
        match self {
            Self::BuiltIn(_) => None,
            Self::Custom(kind) => Some(kind),
        }
    }
}

impl Deref for StrategyRef {
    type Target = dyn DynStrategy;

    fn deref(&self) -> &(dyn DynStrategy + 'static) {
        match self {
            Self::BuiltIn(strategy) => *strategy,
            Self::Custom(kind) => kind.as_ref(),
        }
    }
}
