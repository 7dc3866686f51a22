//! Rows and strategies that are part of the program, or made while it runs.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::custom::CustomKind;
use crate::resource::Resource;
use crate::strategy::DynStrategy;

/// A row of the catalogue, for whoever keeps it longer than one call.
#[derive(Clone)]
pub enum ResourceRef {
    /// A row of the kind table.
    BuiltIn(&'static Resource),
    /// The row of a definition, which goes when nobody keeps it any more.
    Custom(Arc<Resource>),
}

impl Deref for ResourceRef {
    type Target = Resource;

    fn deref(&self) -> &Resource {
        match self {
            Self::BuiltIn(resource) => resource,
            Self::Custom(resource) => resource,
        }
    }
}

impl From<&'static Resource> for ResourceRef {
    fn from(resource: &'static Resource) -> Self {
        Self::BuiltIn(resource)
    }
}

impl fmt::Debug for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.plural, self.group)
    }
}

/// The rules of a kind.
#[derive(Clone)]
pub enum StrategyRef {
    /// Those of a row of the kind table.
    BuiltIn(&'static dyn DynStrategy),
    /// Those that a definition sets.
    Custom(Arc<CustomKind>),
}

impl StrategyRef {
    /// The kind, if a definition describes it.
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
