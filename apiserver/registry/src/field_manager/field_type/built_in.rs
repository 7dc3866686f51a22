//! Type metadata of built-in kinds, on the way down from an object.

use portcullis_api::type_metadata::{self, ListType, Shape};
use serde_json::Value;

/// The type of an object of any kind within another, which is atomic (upstream: `makeRef` in
/// `k8s.io/kube-openapi/pkg/schemaconv`).
const ANY_OBJECT: &str = "RawExtension";

/// The type metadata of a value of a built-in kind: its struct, and whether it is atomic.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    child: &'static str,
    shape: Shape,
    list: ListType,
    atomic: bool,
}

impl BuiltIn {
    /// A value without type metadata: objects are maps, lists are atomic.
    const PLAIN: Self = Self::of_type("");

    /// A value of a Go type.
    pub const fn of_type(child: &'static str) -> Self {
        Self {
            child,
            shape: Shape::Object,
            list: ListType::Unmarked,
            atomic: false,
        }
    }

    /// Whether an object here is a struct with declared fields, and not a map.
    pub fn is_struct(self) -> bool {
        self.shape == Shape::Object && !self.child.is_empty()
    }

    /// Whether an object here is atomic.
    pub const fn is_atomic(self) -> bool {
        self.atomic
    }

    /// How the items of a list here are distinguished.
    pub const fn list(self) -> ListType {
        self.list
    }

    /// A field of a struct, or an entry of a map.
    pub fn field(self, name: &str) -> Self {
        match self.shape {
            Shape::Object if !self.child.is_empty() => type_metadata::field(self.child, name)
                .map_or(Self::PLAIN, |f| Self {
                    child: f.child,
                    shape: f.shape,
                    list: f.list,
                    atomic: f.atomic || f.child == ANY_OBJECT,
                }),
            Shape::Map => Self::of_type(self.child),
            Shape::Object | Shape::List => Self::PLAIN,
        }
    }

    /// An item of a list whose items are distinguished.
    pub fn item(self) -> Self {
        Self {
            // these types are atomic themselves; for others the table has it for the field
            atomic: matches!(self.child, "LocalObjectReference" | "ObjectReference"),
            ..Self::of_type(self.child)
        }
    }

    /// Defaults of keys in upstream's `OpenAPI`.
    pub fn key_default(self, key: &str) -> Option<Value> {
        match (self.child, key) {
            ("ContainerPort" | "ServicePort", "protocol") => Some("TCP".into()),
            ("LocalObjectReference", "name") => Some("".into()),
            _ => None,
        }
    }
}
