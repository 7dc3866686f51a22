//! What the table of facts says of a value, on the way down from an object.

use portcullis_api::type_metadata::{self, ListType, Shape};
use serde_json::Value;

use super::element::{Element, Scalar};

/// What is known of a value: which struct it is, and whether it is owned as one.
#[derive(Clone, Copy, Debug)]
pub struct Schema {
    child: &'static str,
    shape: Shape,
    list: ListType,
    atomic: bool,
}

impl Schema {
    /// A value of which nothing is known: objects are maps, lists are owned as one.
    const PLAIN: Self = Self::value("");

    /// An object of a kind.
    pub const fn of_kind(kind: &'static str) -> Self {
        Self::value(kind)
    }

    const fn value(child: &'static str) -> Self {
        Self {
            child,
            shape: Shape::Object,
            list: ListType::Unmarked,
            atomic: false,
        }
    }

    /// Whether an object here has fields of its own, and not whatever keys it is given.
    pub fn is_struct(self) -> bool {
        self.shape == Shape::Object && !self.child.is_empty()
    }

    /// Whether an object here is owned and replaced as one.
    pub const fn is_atomic(self) -> bool {
        self.atomic
    }

    /// A field of a struct, or an entry of a map.
    pub fn field(self, name: &str) -> Self {
        match self.shape {
            Shape::Object if !self.child.is_empty() => type_metadata::field(self.child, name)
                .map_or(Self::PLAIN, |f| Self {
                    child: f.child,
                    shape: f.shape,
                    list: f.list,
                    atomic: f.atomic,
                }),
            Shape::Map => Self::value(self.child),
            Shape::Object | Shape::List => Self::PLAIN,
        }
    }

    /// An item of a list whose items are told apart.
    pub fn item(self) -> Self {
        Self {
            // what is marked at these types themselves; elsewhere the table says so of the field
            atomic: matches!(self.child, "LocalObjectReference" | "ObjectReference"),
            ..Self::value(self.child)
        }
    }

    /// The step to what stands there.
    pub fn below(self, element: &Element) -> Self {
        match element {
            Element::Field(name) => self.field(name),
            Element::Key(_) | Element::Value(_) | Element::Index(_) => self.item(),
        }
    }

    /// The steps to the items of a list, in its order; `None` if the list is owned as one, or an
    /// item cannot be told apart.
    pub fn elements(self, items: &[Value]) -> Option<Vec<Element>> {
        match self.list {
            ListType::Unmarked | ListType::Atomic => None,
            ListType::Set | ListType::Map(_) => items.iter().map(|v| self.element(v)).collect(),
        }
    }

    /// Whether the items of a list here are told apart.
    pub const fn is_associative(self) -> bool {
        matches!(self.list, ListType::Set | ListType::Map(_))
    }

    /// The step to one item.
    pub fn element(self, item: &Value) -> Option<Element> {
        match (self.list, item) {
            (ListType::Map(keys), Value::Object(fields)) => {
                let mut key: Vec<_> = (keys.iter())
                    .filter_map(|name| {
                        let value = fields.get(*name).cloned();
                        let value = value.or_else(|| self.default_of(name))?;
                        Some(((*name).to_owned(), Scalar(value)))
                    })
                    .collect();
                key.sort_by(|(a, _), (b, _)| a.cmp(b));
                (!key.is_empty()).then_some(Element::Key(key))
            }
            (ListType::Set, Value::String(_) | Value::Number(_) | Value::Bool(_)) => {
                Some(Element::Value(Scalar(item.clone())))
            }
            _ => None,
        }
    }

    /// Defaults that upstream's `OpenAPI` gives to keys.
    fn default_of(self, key: &str) -> Option<Value> {
        match (self.child, key) {
            ("ContainerPort" | "ServicePort", "protocol") => Some("TCP".into()),
            ("LocalObjectReference", "name") => Some("".into()),
            _ => None,
        }
    }

    /// The names of the fields that tell items apart.
    pub const fn keys(self) -> &'static [&'static str] {
        match self.list {
            ListType::Map(keys) => keys,
            ListType::Unmarked | ListType::Atomic | ListType::Set => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn ports() -> Schema {
        let spec = Schema::of_kind("Pod").field("spec");
        spec.field("containers").item().field("ports")
    }

    #[test]
    fn items_are_told_apart_by_their_keys_and_the_keys_defaults() {
        let element = ports().element(&json!({"containerPort": 80})).unwrap();
        assert_eq!(element.to_string(), r#"[containerPort=80,protocol="TCP"]"#);
        assert_eq!(ports().field("x").element(&json!({"a": 1})), None);
    }

    #[test]
    fn a_list_with_an_item_like_no_other_is_owned_as_one() {
        let names = Schema::of_kind("Pod").field("spec").field("containers");
        assert!(
            names
                .elements(&[json!({"name": "a"}), json!({"image": "b"})])
                .is_none()
        );
        let finalizers = Schema::of_kind("Pod").field("metadata").field("finalizers");
        assert_eq!(finalizers.elements(&[json!("a")]).unwrap().len(), 1);
    }

    #[test]
    fn marked_structs_and_maps_are_atomic() {
        let spec = Schema::of_kind("Pod").field("spec");
        assert!(spec.field("nodeSelector").is_atomic());
        assert!(spec.field("imagePullSecrets").item().is_atomic());
        assert!(!spec.field("securityContext").is_atomic());
        assert!(spec.is_struct() && !Schema::of_kind("ConfigMap").field("data").is_struct());
    }
}
