//! Fields that a schema does not declare are dropped
//! (`k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning`).

use serde_json::{Map, Value};

use crate::arena::{Flags, NodeRef, Schema};
use crate::place::Place;

/// What every object has, and embedded resources have too.
pub(crate) const META_FIELDS: [&str; 3] = ["apiVersion", "kind", "metadata"];

impl Schema {
    /// Drops what the schema does not declare from an object of the kind, and says what that was:
    /// paths such as `spec.x`, sorted. Metadata is left as it is.
    pub fn prune(&self, object: &mut Value) -> Vec<String> {
        self.root().prune(object, true)
    }
}

impl NodeRef<'_> {
    /// Drops what the node does not declare; at the root of an object its metadata stays.
    pub fn prune(self, value: &mut Value, is_object_root: bool) -> Vec<String> {
        let mut walk = Walk::default();
        let embedded = is_object_root || self.has(Flags::EMBEDDED);
        walk.node(Some(self), embedded, value, &Place::ROOT);
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
        place: &Place<'_>,
    ) {
        match value {
            Value::Object(fields) => self.object(node, embedded, fields, place),
            Value::Array(items) => self.array(node, items, place),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn child(&mut self, node: Option<NodeRef<'_>>, value: &mut Value, place: &Place<'_>) {
        let embedded = node.is_some_and(|n| n.has(Flags::EMBEDDED));
        self.node(node, embedded, value, place);
    }

    fn object(
        &mut self,
        node: Option<NodeRef<'_>>,
        embedded: bool,
        fields: &mut Map<String, Value>,
        place: &Place<'_>,
    ) {
        let preserve = node.is_some_and(|n| n.has(Flags::PRESERVE));
        let is_map = node.is_some_and(|n| n.has(Flags::OPEN) || n.has(Flags::CLOSED));
        fields.retain(|name, value| {
            let is_meta = META_FIELDS.contains(&name.as_str());
            if embedded && is_meta {
                return true;
            }
            let here = place.field(name);
            if let Some(property) = node.and_then(|n| n.property(name)) {
                self.child(Some(property), value, &here);
            } else if is_map {
                self.child(node.and_then(NodeRef::values), value, &here);
            } else if !preserve {
                // the root's own metadata is the caller's business
                if !is_meta || !place.is_root() {
                    self.dropped.push(here.plain());
                }
                return false;
            }
            true
        });
    }

    fn array(&mut self, node: Option<NodeRef<'_>>, items: &mut [Value], place: &Place<'_>) {
        let preserve = node.is_some_and(|n| n.has(Flags::PRESERVE));
        let item = node.and_then(NodeRef::items);
        if preserve && item.is_none() {
            return;
        }
        for (i, value) in items.iter_mut().enumerate() {
            let here = place.index(i);
            if preserve {
                self.preserved_item(item, value, &here);
            } else {
                self.child(item, value, &here);
            }
        }
    }

    /// An item of a list that preserves what it does not know: so does the item, but for what its
    /// own schema declares.
    fn preserved_item(&mut self, node: Option<NodeRef<'_>>, value: &mut Value, place: &Place<'_>) {
        let Some(node) = node else { return };
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    let here = place.field(name);
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
                    self.preserved_item(node.items(), value, &place.index(i));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
