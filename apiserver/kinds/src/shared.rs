//! Built-in rows, and rows made while the server runs.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::resource::Resource;

/// A row of the catalogue, for code that keeps it longer than one call.
#[derive(Clone)]
pub enum ResourceRef {
    /// A row of the kind table.
    BuiltIn(&'static Resource),
    /// The row of a definition, or one of the table with fewer versions; it is freed with its last reference.
    Made(Arc<Resource>),
}

impl ResourceRef {
    /// A row of the table with only these of its versions; `None` if there are none.
    pub(crate) fn narrowed(row: &'static Resource, stored: bool, also: u32) -> Option<Self> {
        let all = (1 << row.also.len()) - 1;
        match (stored, also) {
            (false, 0) => None,
            (true, also) if also == all => Some(row.into()),
            _ => Some(Self::Made(Arc::new(Resource {
                stored_is_served: stored,
                also_served: also,
                strategy: row.strategy.clone(),
                ..*row
            }))),
        }
    }

    /// Whether both are the very same row, so that what was made of one holds of the other. Rows of the
    /// table are, however many of their versions are served.
    pub fn is(&self, other: &Self) -> bool {
        let built_in = |row: &Resource| row.strategy.custom().is_none();
        std::ptr::eq::<Resource>(&**self, &**other)
            || (built_in(self) && built_in(other) && self.storage == other.storage)
    }
}

impl Deref for ResourceRef {
    type Target = Resource;

    fn deref(&self) -> &Resource {
        match self {
            Self::BuiltIn(resource) => resource,
            Self::Made(resource) => resource,
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
