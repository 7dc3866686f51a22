//! Sizes of the parts of an expression, and of local names.

use crate::ast::{Comprehension, Expr, Kind, Literal, Name};
use crate::cost::declared::declared_size;
use crate::cost::estimator::{EntrySize, Estimator, Local};
use crate::cost::size::SizeEstimate;
use crate::types::Type;

impl Estimator<'_> {
    pub(super) fn push_value(&mut self, name: Name, value: &Expr) {
        let local = Local {
            name,
            path: self.path(value),
            size: self.size(value),
            entries: self.entry_size(value),
        };
        self.locals.push(local);
    }

    pub(super) fn push_variables(&mut self, parts: &Comprehension) {
        let entries = self.entry_size(&parts.range);
        let is_list = match entries {
            Some(entries) => entries.is_list,
            None => matches!(self.type_of(&parts.range), Type::List(_)),
        };
        let path = self.path(&parts.range);
        let mut push = |name: &Name, step: &str, size| {
            let mut path = path.clone();
            path.push(step.into());
            self.locals.push(Local {
                name: name.clone(),
                path,
                size,
                entries: None,
            });
        };
        let (key, value) = (entries.map(|e| e.key), entries.map(|e| e.value));
        match &parts.var2 {
            None if is_list => push(&parts.var, "@items", value),
            None => push(&parts.var, "@keys", key),
            Some(var2) => {
                push(&parts.var, if is_list { "@indices" } else { "@keys" }, key);
                push(var2, if is_list { "@items" } else { "@values" }, value);
            }
        }
    }

    pub(super) fn copy_sizes(&mut self, to: &Expr, from: &Expr) {
        if let Some(size) = self.size(from) {
            self.sizes.insert(to.id, size);
        }
        if let Some(entries) = self.entry_size(from) {
            self.entries.insert(to.id, entries);
        }
    }

    pub(super) fn size_or_unknown(&mut self, expr: &Expr) -> SizeEstimate {
        self.size(expr).unwrap_or(SizeEstimate::UNKNOWN)
    }

    pub(super) fn size(&mut self, expr: &Expr) -> Option<SizeEstimate> {
        if let Some(size) = self.sizes.get(&expr.id) {
            return Some(*size);
        }
        if let Some(size) = own_size(expr) {
            return Some(SizeEstimate::fixed(size));
        }
        if let Some(size) = declared_size(&self.checked.variables, &self.path(expr)) {
            self.sizes.insert(expr.id, size);
            return Some(size);
        }
        if self.type_of(expr).is_scalar() {
            return Some(SizeEstimate::fixed(1));
        }
        self.local_of(expr).and_then(|local| local.size)
    }

    pub(super) fn entry_size(&self, expr: &Expr) -> Option<EntrySize> {
        let found = self.entries.get(&expr.id).copied();
        found.or_else(|| self.local_of(expr).and_then(|local| local.entries))
    }
}

/// The size of a literal.
fn own_size(expr: &Expr) -> Option<u64> {
    Some(match &expr.kind {
        Kind::Literal(Literal::String(text)) => text.chars().count() as u64,
        Kind::Literal(Literal::Bytes(bytes)) => bytes.len() as u64,
        Kind::Literal(_) => 1,
        Kind::List(elements) => elements.len() as u64,
        Kind::Map(entries) => entries.len() as u64,
        _ => return None,
    })
}
