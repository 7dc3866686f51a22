//! How server-side apply merges values, for its field manager.

use serde_json::Value;

use crate::arena::{Flags, NodeRef};

/// How a value is owned and merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Topology<'s> {
    /// As a whole: a scalar, or a value without a schema.
    Leaf,
    /// An object with declared fields, each owned separately.
    Struct,
    /// An object with arbitrary keys, each owned separately.
    Map,
    /// An object that is owned and replaced as a whole.
    AtomicMap,
    /// A list that is owned and replaced as a whole.
    AtomicList,
    /// A list of scalars, each owned separately.
    Set,
    /// A list of objects that are identified by these fields.
    KeyedList(Vec<&'s str>),
}

impl<'s> NodeRef<'s> {
    /// How a value of this node is merged.
    pub fn topology(self) -> Topology<'s> {
        let object = self.is_object();
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

    /// Whether its values are objects: by its type, or because it declares fields without a type.
    fn is_object(self) -> bool {
        let scalars = [
            Flags::STRING,
            Flags::INTEGER,
            Flags::NUMBER,
            Flags::BOOLEAN,
            Flags::ARRAY,
        ];
        let is_typed = scalars.into_iter().any(|kind| self.has(kind));
        self.has(Flags::OBJECT) || (!is_typed && self.properties().len() > 0)
    }

    /// Whether fields that it does not declare are kept.
    pub fn preserves_unknown_fields(self) -> bool {
        self.has(Flags::PRESERVE)
    }

    /// Whether its values are whole objects, with a version, a kind and metadata of their own.
    pub fn is_embedded_resource(self) -> bool {
        self.has(Flags::EMBEDDED)
    }

    /// The node of a field of an object, declared or not; `None` if the schema does not describe it.
    pub fn field(self, name: &str) -> Option<Self> {
        self.property(name).or_else(|| self.values())
    }

    /// The default of a key, for an item that leaves the key out.
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
    fn list_and_map_types_determine_the_topology() {
        let item =
            json!({"type": "object", "properties": {"k": {"type": "string", "default": "d"}}});
        let of = schema(json!({"type": "object", "properties": {
            "keyed": {"type": "array", "items": item, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["k"]},
            "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
            "list": {"type": "array", "items": {"type": "string"}},
            "whole": {"type": "object", "x-kubernetes-map-type": "atomic", "properties": {"a": {"type": "string"}}},
            "labels": {"type": "object", "additionalProperties": {"type": "string"}},
            "any": {"x-kubernetes-preserve-unknown-fields": true},
            "untyped": {"x-kubernetes-preserve-unknown-fields": true, "properties": {"a": {"type": "string"}}},
            "embedded": {"type": "object", "x-kubernetes-embedded-resource": true},
        }}));
        for (name, topology) in [
            ("keyed", Topology::KeyedList(vec!["k"])),
            ("set", Topology::Set),
            ("list", Topology::AtomicList),
            ("whole", Topology::AtomicMap),
            ("labels", Topology::Map),
            ("any", Topology::Leaf),
            ("untyped", Topology::Struct),
            ("embedded", Topology::Map),
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
        let field = |name| of.root().field(name).unwrap();
        assert!(field("any").preserves_unknown_fields());
        assert!(!field("labels").preserves_unknown_fields());
        assert!(field("embedded").is_embedded_resource());
        assert!(!field("any").is_embedded_resource());
    }
}
