//! The state of an estimate.

use std::collections::HashMap;

use crate::ast::{ACCUMULATOR, Expr, Kind, Name};
use crate::checked::Checked;
use crate::cost::declared::Path;
use crate::cost::size::SizeEstimate;
use crate::types::Type;

/// The sizes of the elements of a list, or of the keys and values of a map.
#[derive(Clone, Copy)]
pub(super) struct EntrySize {
    pub(super) is_list: bool,
    pub(super) key: SizeEstimate,
    pub(super) value: SizeEstimate,
}

impl EntrySize {
    pub(super) fn union(self, other: Self) -> Self {
        Self {
            is_list: self.is_list,
            key: self.key.union(other.key),
            value: self.value.union(other.value),
        }
    }
}

/// A local name of a comprehension.
pub(super) struct Local {
    pub(super) name: Name,
    pub(super) path: Path,
    pub(super) size: Option<SizeEstimate>,
    pub(super) entries: Option<EntrySize>,
}

/// The sizes and paths that are known, by node id.
pub(super) struct Estimator<'c> {
    pub(super) checked: &'c Checked,
    pub(super) paths: HashMap<u32, Path>,
    pub(super) sizes: HashMap<u32, SizeEstimate>,
    pub(super) entries: HashMap<u32, EntrySize>,
    pub(super) locals: Vec<Local>,
}

impl<'c> Estimator<'c> {
    pub(super) fn new(checked: &'c Checked) -> Self {
        Self {
            checked,
            paths: HashMap::new(),
            sizes: HashMap::new(),
            entries: HashMap::new(),
            locals: Vec::new(),
        }
    }

    pub(super) fn type_of(&self, expr: &Expr) -> &Type {
        self.checked.type_of(expr)
    }

    pub(super) fn local(&self, name: &str) -> Option<&Local> {
        self.locals.iter().rfind(|local| &*local.name == name)
    }

    pub(super) fn local_of(&self, expr: &Expr) -> Option<&Local> {
        match &expr.kind {
            Kind::Ident(name) => self.local(name),
            _ => None,
        }
    }

    pub(super) fn path(&self, expr: &Expr) -> Path {
        match self.local_of(expr) {
            Some(local) => local.path.clone(),
            None => self.paths.get(&expr.id).cloned().unwrap_or_default(),
        }
    }

    /// The path of an argument; empty for what macros build.
    pub(super) fn argument_path(&self, expr: &Expr) -> Path {
        let path = self.path(expr);
        if path.first().is_some_and(|root| &**root == ACCUMULATOR) {
            Path::new()
        } else {
            path
        }
    }
}
