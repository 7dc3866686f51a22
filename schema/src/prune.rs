//! Drops fields that a schema does not declare
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning`).

use serde_json::{Map, Value};

use crate::arena::{Flags, NodeRef, Schema};
use crate::location::Location;

/// The fields that every object has, including embedded resources.
pub(crate) const META_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

impl Schema {
    /// Drops fields of an object that the schema does not declare, and returns their paths, such as
    /// `spec.x`, sorted. Metadata is not pruned.
    pub fn prune(&self, object: &mut Value) -> Vec<String> {
        self.root().prune(object, true)
    }
}

impl NodeRef<'_> {
    /// Drops fields that the node does not declare; at the root of an object, metadata is kept.
    pub fn prune(self, value: &mut Value, is_object_root: bool) -> Vec<String> {
        let mut walk = Walk::default();
        let embedded = is_object_root || self.has(Flags::EMBEDDED);
        walk.node(Some(self), embedded, value, &Location::ROOT);
        walk.dropped.sort();
        walk.dropped
    }
}

#[derive(Default)]
struct Walk {
    dropped: Vec<String>,
}

impl Walk {
    fn node(
        &mut self,
        node: Option<NodeRef<'_>>,
        embedded: bool,
        value: &mut Value,
        location: &Location<'_>,
    ) {
        match value {
            Value::Object(fields) => self.object(node, embedded, fields, location),
            Value::Array(items) => self.array(node, items, location),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn child(&mut self, node: Option<NodeRef<'_>>, value: &mut Value, location: &Location<'_>) {
        let embedded = node.is_some_and(|n| n.has(Flags::EMBEDDED));
        self.node(node, embedded, value, location);
    }

    fn object(
        &mut self,
        node: Option<NodeRef<'_>>,
        embedded: bool,
        fields: &mut Map<String, Value>,
        location: &Location<'_>,
    ) {
        let preserve = node.is_some_and(|n| n.has(Flags::PRESERVE));
        let is_map = node.is_some_and(|n| n.has(Flags::OPEN) || n.has(Flags::CLOSED));
        fields.retain(|name, value| {
            let is_meta = META_FIELDS.contains(&name.as_str());
            if embedded && is_meta {
                return true;
            }
            let here = location.field(name);
            if let Some(property) = node.and_then(|n| n.property(name)) {
                self.child(Some(property), value, &here);
            } else if is_map {
                self.child(node.and_then(NodeRef::values), value, &here);
            } else if !preserve {
                // the caller handles the metadata of the root
                if !is_meta || !location.is_root() {
                    self.dropped.push(here.plain());
                }
                return false;
            }
            true
        });
    }

    fn array(&mut self, node: Option<NodeRef<'_>>, items: &mut [Value], location: &Location<'_>) {
        let preserve = node.is_some_and(|n| n.has(Flags::PRESERVE));
        let item = node.and_then(NodeRef::items);
        if preserve && item.is_none() {
            return;
        }
        for (i, value) in items.iter_mut().enumerate() {
            let here = location.index(i);
            if preserve {
                self.preserved_item(item, value, &here);
            } else {
                self.child(item, value, &here);
            }
        }
    }

    /// An item of a list that preserves unknown fields: the item does so, too, except in fields
    /// that its schema declares.
    fn preserved_item(
        &mut self,
        node: Option<NodeRef<'_>>,
        value: &mut Value,
        location: &Location<'_>,
    ) {
        let Some(node) = node else { return };
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let here = location.field(name);
                    let is_meta = META_FIELDS.contains(&name.as_str());
                    if node.has(Flags::EMBEDDED) && is_meta {
                        continue;
                    }
                    if let Some(property) = node.property(name) {
                        self.child(Some(property), value, &here);
                    } else if node.has(Flags::OPEN) || node.has(Flags::CLOSED) {
                        self.child(node.values(), value, &here);
                    }
                }
            }
            Value::Array(items) => {
                for (i, value) in items.iter_mut().enumerate() {
                    self.preserved_item(node.items(), value, &location.index(i));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
