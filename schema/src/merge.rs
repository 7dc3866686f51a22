//! How values are merged by server-side apply: what its field manager asks of a schema.

use serde_json::Value;

use crate::arena::{Flags, NodeRef};

/// How a value is owned and merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology<'s> {
    /// As one: a scalar, or a value of which nothing is known.
    Leaf,
    /// An object with declared fields, each owned on its own.
    Struct,
    /// An object with any keys, each owned on its own.
    Map,
    /// An object that is owned and replaced as one.
    AtomicMap,
    /// A list that is owned and replaced as one.
    AtomicList,
    /// A list of scalars, each owned on its own.
    Set,
    /// A list of objects that are told apart by these fields.
    KeyedList(Vec<&'s str>),
}

impl<'s> NodeRef<'s> {
    /// How a value of this node is merged.
    pub fn topology(self) -> Topology<'s> {
        let object = self.has(Flags::OBJECT);
        if object && self.has(Flags::MAP_ATOMIC) {
            Topology::AtomicMap
        } else if object && self.properties().len() > 0 {
            Topology::Struct
        } else if object {
            Topology::Map
        } else if self.has(Flags::LIST_MAP) {
            Topology::KeyedList(self.list_keys())
        } else if self.has(Flags::LIST_SET) {
            Topology::Set
        } else if self.has(Flags::ARRAY) {
            Topology::AtomicList
        } else {
            Topology::Leaf
        }
    }

    /// The node of a field of an object, declared or not; `None` if nothing is known of it.
    pub fn field(self, name: &str) -> Option<Self> {
        self.property(name).or_else(|| self.values())
    }

    /// The default of a key of a list's items: an item that leaves the key out has it.
    pub fn key_default(self, key: &str) -> Option<&'s Value> {
        self.items()?.property(key)?.default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::schema;

    #[test]
    fn list_and_map_types_say_how_values_merge() {
        let item =
            json!({"type": "object", "properties": {"k": {"type": "string", "default": "d"}}});
        let of = schema(json!({"type": "object", "properties": {
            "keyed": {"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]},
            "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "list": {"type": "array", "items": {"type": "string"}},
            "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "string"}}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"x-kubernetes-preserve-unknown-fields": true},
        }}));
        for (name, topology) in [
            ("keyed", Topology::KeyedList(vec!["k"])),
            ("set", Topology::Set),
            ("list", Topology::AtomicList),
            ("whole", Topology::AtomicMap),
            ("labels", Topology::Map),
            ("any", Topology::Leaf),
        ] {
            assert_eq!(
                of.root().field(name).unwrap().topology(),
                topology,
                "{name}"
            );
        }
        assert_eq!(of.root().topology(), Topology::Struct);
        assert_eq!(
            of.root().field("keyed").unwrap().key_default("k"),
            Some(&json!("d"))
        );
        assert_eq!(
            of.root()
                .field("labels")
                .unwrap()
                .field("x")
                .unwrap()
                .topology(),
            Topology::Leaf
        );
        assert!(of.root().field("nope").is_none());
    }
}
