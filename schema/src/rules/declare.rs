//! The types that nodes declare to expressions.

use portcullis_cel::{DeclType, SchemaRoot, decl_type};
use serde_json::{Map, Value, json};

use crate::arena::{Check, Flags, NodeRef};

/// Upstream names the type of `self` with a random number, so that no expression depends on it.
const NAME: &str = "selfType";

/// The type of the values of a node; `None` if expressions cannot access them.
pub(super) fn declare(node: NodeRef<'_>) -> Option<DeclType> {
    let root = if node == node.schema.root() || node.has(Flags::EMBEDDED) {
        SchemaRoot::Resource
    } else {
        SchemaRoot::Part
    };
    decl_type(&describe(node), root, NAME)
}

/// The type of a node in its definition; empty if it has none.
pub(crate) fn type_name(node: NodeRef<'_>) -> &'static str {
    let names = [
        (Flags::OBJECT, "object"),
        (Flags::ARRAY, "array"),
        (Flags::STRING, "string"),
        (Flags::INTEGER, "integer"),
        (Flags::NUMBER, "number"),
        (Flags::BOOLEAN, "boolean"),
    ];
    let found = names.into_iter().find(|(flag, _)| node.has(*flag));
    found.map_or("", |(_, name)| name)
}

/// The keywords of a node on which declared types and their sizes depend.
fn describe(node: NodeRef<'_>) -> Value {
    let mut out = Map::new();
    let mut set = |key: &str, value: Value| out.insert(key.to_owned(), value);
    set("type", type_name(node).into());
    for (flag, key) in [
        (Flags::EMBEDDED, "x-kubernetes-embedded-resource"),
        (Flags::INT_OR_STRING, "x-kubernetes-int-or-string"),
    ] {
        if node.has(flag) {
            set(key, true.into());
        }
    }
    for (flag, name) in [(Flags::LIST_SET, "set"), (Flags::LIST_MAP, "map")] {
        if node.has(flag) {
            set("x-kubernetes-list-type", name.into());
        }
    }
    for check in node.checks() {
        match *check {
            Check::Format(_, name) => set("format", node.schema.text(name).into()),
            Check::MaxLength(max) => set("maxLength", max.into()),
            Check::MaxItems(max) => set("maxItems", max.into()),
            Check::MaxProperties(max) => set("maxProperties", max.into()),
            Check::Enum(choices) => set("enum", node.choices(choices).to_vec().into()),
            Check::Required(names) => set("required", node.names(names).collect()),
            Check::ListKeys(names) => {
                set("x-kubernetes-list-map-keys", node.names(names).collect())
            }
            _ => None,
        };
    }
    if node.default().is_some() {
        // only its presence matters
        set("default", json!({}));
    }
    if let Some(items) = node.items() {
        set("items", describe(items));
    }
    if let Some(values) = node.values() {
        set("additionalProperties", describe(values));
    }
    if node.properties().len() > 0 {
        let properties = node.properties();
        let properties: Map<_, _> = properties
            .map(|(name, property)| (name.to_owned(), describe(property)))
            .collect();
        set("properties", properties.into());
    }
    Value::Object(out)
}
