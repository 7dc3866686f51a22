//! The schema of a version of a custom kind, on the way down from an object.
//!
//! Upstream: `k8s.io/kube-openapi/pkg/schemaconv`, over the result of `buildOpenAPIModelsForApply` for a
//! definition.

use std::borrow::Cow;

use portcullis_schema::{NodeRef, Topology};
use serde_json::Value;

/// An object or a list that a schema describes.
#[derive(Clone, Copy, Debug)]
pub struct Custom<'s> {
    node: NodeRef<'s>,
    /// Whether it is a resource with version, kind and metadata, declared or not.
    is_resource: bool,
    /// Whether a struct above it preserves unknown fields: then the objects below do so as well.
    preserves: bool,
}

/// The result of a step down.
#[derive(Clone, Copy, Debug)]
pub enum Below<'s> {
    /// An object or a list that the schema describes.
    Custom(Custom<'s>),
    /// The metadata of an object.
    Metadata,
    /// A value that the schema does not describe, whose fields are owned one by one.
    Deduced,
    /// An atomic value.
    Atomic,
}

/// How the items of a list are distinguished.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Items<'s> {
    /// They are not: the list is atomic.
    Atomic,
    /// By their values; they are scalars.
    Scalars,
    /// By these fields.
    Keys(Cow<'s, [&'s str]>),
}

impl<'s> Custom<'s> {
    /// An object of the version whose schema has this root.
    pub const fn of_object(node: NodeRef<'s>) -> Self {
        Self {
            node,
            is_resource: true,
            preserves: false,
        }
    }

    /// Whether an object here declares a field of that name.
    pub fn declares(self, name: &str) -> bool {
        let meta = self.is_resource && matches!(name, "apiVersion" | "kind" | "metadata");
        meta || self.node.property(name).is_some()
    }

    /// Whether an object here is atomic.
    pub fn is_atomic(self) -> bool {
        self.node.topology() == Topology::AtomicMap
    }

    /// How the items of a list here are distinguished.
    pub fn items(self) -> Items<'s> {
        match self.node.topology() {
            Topology::KeyedList(keys) => Items::Keys(keys.into()),
            Topology::Set => Items::Scalars,
            Topology::Leaf
            | Topology::Struct
            | Topology::Map
            | Topology::AtomicMap
            | Topology::AtomicList => Items::Atomic,
        }
    }

    /// A field of an object, or an entry of a map.
    pub fn field(self, name: &str) -> Below<'s> {
        if self.is_resource && name == "metadata" {
            return Below::Metadata;
        }
        let is_struct = self.is_resource || self.node.topology() == Topology::Struct;
        let preserves = self.preserves || (is_struct && self.node.preserves_unknown_fields());
        match self.node.field(name) {
            Some(node) => below(node, preserves),
            None if is_struct => Below::Deduced,
            None => undescribed(preserves),
        }
    }

    /// An item of a list.
    pub fn item(self) -> Below<'s> {
        let items = self.node.items();
        items.map_or_else(
            || undescribed(self.preserves),
            |node| below(node, self.preserves),
        )
    }

    /// The default of a key that an item of a list leaves out.
    pub fn key_default(self, key: &str) -> Option<Value> {
        self.node.key_default(key).cloned()
    }
}

fn below(node: NodeRef<'_>, preserves: bool) -> Below<'_> {
    if node.topology() == Topology::Leaf {
        return undescribed(preserves);
    }
    Below::Custom(Custom {
        node,
        is_resource: node.is_embedded_resource(),
        preserves,
    })
}

/// Upstream: `VisitArbitrary`.
const fn undescribed<'s>(preserves: bool) -> Below<'s> {
    if preserves {
        Below::Deduced
    } else {
        Below::Atomic
    }
}
