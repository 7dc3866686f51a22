//! Sets defaults, and handles `null`
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting`).

use serde_json::{Map, Value};
use thiserror::Error;

use crate::arena::{NodeRef, Schema};

/// The bytes of memory that defaults may add to one object, far above what can be stored. A large default in
/// each of many items could turn a small request into an object that exceeds memory.
const ADDED_MAX: usize = 16 << 20;
/// The bytes of a value besides its text.
const VALUE_BYTES: usize = 64;

/// The defaults would make the object too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the defaults of the schema would make the object larger than any that can be stored")]
pub struct TooManyDefaults;

impl Schema {
    /// Removes `null`s that are not allowed and that no default replaces.
    pub fn drop_nulls(&self, object: &mut Value) {
        drop_nulls(Some(self.root()), object);
    }

    /// Sets the defaults of missing fields, and of `null`s that are not allowed.
    ///
    /// # Errors
    /// [`TooManyDefaults`]; some defaults are set nevertheless.
    pub fn default(&self, object: &mut Value) -> Result<(), TooManyDefaults> {
        self.root().fill(object)
    }
}

impl NodeRef<'_> {
    /// Sets defaults in a value of the node.
    ///
    /// # Errors
    /// [`TooManyDefaults`].
    pub fn fill(self, value: &mut Value) -> Result<(), TooManyDefaults> {
        Walk { left: ADDED_MAX }.node(self, value)
    }
}

fn drop_nulls(node: Option<NodeRef<'_>>, value: &mut Value) {
    match value {
        Value::Object(fields) => fields.retain(|name, value| {
            let child = node.and_then(|n| n.property(name).or_else(|| n.values()));
            let unwanted = |n: NodeRef<'_>| !n.is_nullable() && n.default().is_none();
            if value.is_null() && child.is_some_and(unwanted) {
                return false;
            }
            drop_nulls(child, value);
            true
        }),
        Value::Array(items) => {
            let item = node.and_then(NodeRef::items);
            for value in items {
                drop_nulls(item, value);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

struct Walk {
    left: usize,
}

impl Walk {
    fn node(&mut self, node: NodeRef<'_>, value: &mut Value) -> Result<(), TooManyDefaults> {
        match value {
            Value::Object(fields) => self.object(node, fields),
            Value::Array(items) => {
                let Some(item) = node.items() else {
                    return Ok(());
                };
                items
                    .iter_mut()
                    .try_for_each(|value| self.entry(item, value))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    /// An item of a list, or an entry of a map, which exists but may be `null`.
    fn entry(&mut self, node: NodeRef<'_>, value: &mut Value) -> Result<(), TooManyDefaults> {
        if value.is_null() && !node.is_nullable() {
            self.replace(node, value)?;
        }
        self.node(node, value)
    }

    fn object(
        &mut self,
        node: NodeRef<'_>,
        fields: &mut Map<String, Value>,
    ) -> Result<(), TooManyDefaults> {
        for (name, property) in node.properties() {
            if property.default().is_none() {
                continue;
            }
            match fields.get_mut(name) {
                Some(value) if value.is_null() && !property.is_nullable() => {
                    self.replace(property, value)?
                }
                Some(_) => {}
                None => {
                    let mut value = Value::Null;
                    self.replace(property, &mut value)?;
                    fields.insert(name.to_owned(), value);
                }
            }
        }
        for (name, value) in fields {
            if let Some(property) = node.property(name) {
                self.node(property, value)?;
            } else if let Some(entry) = node.values() {
                self.entry(entry, value)?;
            }
        }
        Ok(())
    }

    fn replace(&mut self, node: NodeRef<'_>, value: &mut Value) -> Result<(), TooManyDefaults> {
        let Some(default) = node.default() else {
            return Ok(());
        };
        self.left = self
            .left
            .checked_sub(size(default))
            .ok_or(TooManyDefaults)?;
        *value = default.clone();
        Ok(())
    }
}

/// The bytes of memory that a value takes, about.
fn size(value: &Value) -> usize {
    VALUE_BYTES
        + match value {
            Value::Array(items) => items.iter().map(size).sum(),
            Value::Object(fields) => fields.iter().map(|(name, v)| name.len() + size(v)).sum(),
            Value::String(text) => text.len(),
            Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        }
}

#[cfg(test)]
mod tests;
