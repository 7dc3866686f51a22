//! Which fields differ between two objects.
//!
//! Upstream: `structured-merge-diff/typed/compare.go`.

use serde_json::{Map, Value};

use super::element::{Element, Scalar};
use super::field_set::{FieldSet, Node};
use super::field_type::FieldType;

/// The differences between two values. No field is in more than one of the three.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Comparison<T> {
    /// Fields that only the new value has.
    pub added: T,
    /// Fields that both have, with different values.
    pub modified: T,
    /// Fields that only the old value has.
    pub removed: T,
}

impl Comparison<Node> {
    fn leaf(old: &Value, new: &Value) -> Self {
        let mut leaf = Self::default();
        leaf.modified.member = !same(old, new);
        leaf
    }

    fn below(fields: Comparison<FieldSet>) -> Self {
        let node = |below| Node {
            member: false,
            below,
        };
        Self {
            added: node(fields.added),
            modified: node(fields.modified),
            removed: node(fields.removed),
        }
    }
}

impl Comparison<FieldSet> {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.modified.is_empty() && self.removed.is_empty()
    }

    fn put(&mut self, element: Element, found: Comparison<Node>) {
        let parts = [
            (&mut self.added, found.added),
            (&mut self.modified, found.modified),
            (&mut self.removed, found.removed),
        ];
        let mut parts = parts.into_iter().filter(|(_, node)| !node.is_empty());
        // mostly one part only, which takes the element as it is
        let Some((mut set, mut node)) = parts.next() else {
            return;
        };
        for (next_set, next) in parts {
            set.put(element.clone(), std::mem::replace(&mut node, next));
            set = next_set;
        }
        set.put(element, node);
    }
}

/// Compares the values at the same path of two objects.
fn values(old: Option<&Value>, new: Option<&Value>, field_type: FieldType<'_>) -> Comparison<Node> {
    let (old, new) = match (old, new) {
        (None, None) => return Comparison::default(),
        (None, Some(new)) => {
            return Comparison {
                added: all_of(new, field_type),
                ..Comparison::default()
            };
        }
        (Some(old), None) => {
            return Comparison {
                removed: all_of(old, field_type),
                ..Comparison::default()
            };
        }
        (Some(old), Some(new)) => (old, new),
    };
    // null is both an object without fields and a list without items
    let inside = match (old, new) {
        (old, new) if is_blank(old) && is_blank(new) => None,
        (Value::Object(_) | Value::Null, Value::Object(_) | Value::Null)
            if !field_type.is_atomic() =>
        {
            let (old, new) = (old.as_object(), new.as_object());
            Some(fields(old, new, field_type, |_| true))
        }
        (Value::Array(_) | Value::Null, Value::Array(_) | Value::Null) => items(
            old.as_array().map_or(&[], Vec::as_slice),
            new.as_array().map_or(&[], Vec::as_slice),
            field_type,
        ),
        _ => None,
    };
    inside.map_or_else(|| Comparison::leaf(old, new), Comparison::below)
}

/// A value that only one object has: all of it differs.
fn all_of(value: &Value, field_type: FieldType<'_>) -> Node {
    let below = match value {
        Value::Object(fields) if !field_type.is_atomic() => all_fields(fields, field_type),
        Value::Array(items) => match field_type.elements(items) {
            Some(elements) => all_items(elements, items, field_type.item()),
            None => FieldSet::default(),
        },
        _ => FieldSet::default(),
    };
    Node {
        member: true,
        below,
    }
}

fn all_fields(fields: &Map<String, Value>, field_type: FieldType<'_>) -> FieldSet {
    let all = fields.iter().map(|(name, value)| {
        let below = all_of(value, field_type.field(name));
        (Element::Field(name.into()), below)
    });
    FieldSet::of_sorted(all)
}

fn all_items(elements: Vec<Element>, items: &[Value], item: FieldType<'_>) -> FieldSet {
    let mut all: Vec<_> = elements.into_iter().zip(items).collect();
    all.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut all = all.into_iter().peekable();
    FieldSet::of_sorted(std::iter::from_fn(|| {
        let (element, value) = all.next()?;
        let mut node = None;
        // duplicate items are owned as one
        while all.next_if(|(other, _)| *other == element).is_some() {
            node = Some(Node::LEAF);
        }
        let node = node.unwrap_or_else(|| all_of(value, item));
        Some((element, node))
    }))
}

/// Whether two values are equal; `2.0` is `2`, as in upstream's `value.Equals`.
pub(super) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(_), Value::Number(_)) => Scalar(a.clone()) == Scalar(b.clone()),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let has = |(name, a)| b.get(name).is_some_and(|b| same(a, b));
            a.len() == b.len() && a.iter().all(has)
        }
        (a, b) => a == b,
    }
}

/// Whether a value contains nothing that could be compared on its own.
pub(super) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Object(fields) => fields.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Compares only the given fields of two objects.
pub(super) fn fields(
    old: Option<&Map<String, Value>>,
    new: Option<&Map<String, Value>>,
    field_type: FieldType<'_>,
    wanted: impl Fn(&str) -> bool,
) -> Comparison<FieldSet> {
    let mut found = Comparison::default();
    for (name, value) in old.into_iter().flatten().filter(|(name, _)| wanted(name)) {
        let new = new.and_then(|new| new.get(name));
        if new != Some(value) {
            let below = values(Some(value), new, field_type.field(name));
            found.put(Element::Field(name.into()), below);
        }
    }
    let is_new = |name: &String| old.is_none_or(|old| !old.contains_key(name));
    let fresh = new.into_iter().flatten();
    let fresh = fresh.filter(|(name, _)| is_new(name) && wanted(name));
    let fresh = fresh.map(|(name, value)| {
        let below = all_of(value, field_type.field(name));
        (Element::Field(name.into()), below)
    });
    // at once, as they may belong between those before
    found.added.union(FieldSet::of_sorted(fresh));
    found
}

/// An item of one of two lists.
enum Side<'v> {
    Old(&'v Value),
    New(&'v Value),
}

/// The items of one element: mostly one, which takes no memory of its own.
#[derive(Default)]
struct Few<'v> {
    one: Option<&'v Value>,
    all: Vec<&'v Value>,
}

impl<'v> Few<'v> {
    fn push(&mut self, item: &'v Value) {
        match self.one {
            None => self.one = Some(item),
            Some(one) => {
                if self.all.is_empty() {
                    self.all.push(one);
                }
                self.all.push(item);
            }
        }
    }

    fn as_slice(&self) -> &[&'v Value] {
        match self.all.as_slice() {
            [] => self.one.as_slice(),
            all => all,
        }
    }
}

/// Compares two lists item by item; `None` if they are owned as one.
fn items(old: &[Value], new: &[Value], field_type: FieldType<'_>) -> Option<Comparison<FieldSet>> {
    let mut items: Vec<(Element, Side<'_>)> = Vec::with_capacity(old.len() + new.len());
    items.extend(
        field_type
            .elements(old)?
            .into_iter()
            .zip(old.iter().map(Side::Old)),
    );
    items.extend(
        field_type
            .elements(new)?
            .into_iter()
            .zip(new.iter().map(Side::New)),
    );
    if !field_type.is_associative() {
        return None;
    }
    // stable: items of one element stay in their order, the old ones first
    items.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut found = Comparison::default();
    let mut items = items.into_iter().peekable();
    while let Some((element, first)) = items.next() {
        let (mut old, mut new) = (Few::default(), Few::default());
        let mut next = Some(first);
        while let Some(side) = next {
            match side {
                Side::Old(item) => old.push(item),
                Side::New(item) => new.push(item),
            }
            let same = |(other, _): &(Element, _)| *other == element;
            next = items.next_if(same).map(|(_, side)| side);
        }
        let below = match (old.as_slice(), new.as_slice()) {
            (old @ ([] | [_]), new @ ([] | [_])) => values(
                old.first().copied(),
                new.first().copied(),
                field_type.item(),
            ),
            // duplicate items are compared as one
            (old @ [_, _, ..], new @ [_, _, ..]) => {
                let mut both = Comparison::<Node>::default();
                let mut pairs = old.iter().zip(new.iter());
                both.modified.member =
                    old.len() != new.len() || !pairs.all(|(old, new)| same(old, new));
                both
            }
            ([_, _, ..], once) => {
                let mut below = values(None, once.first().copied(), field_type.item());
                below.removed.member = true;
                below
            }
            (once, _) => {
                let mut below = values(once.first().copied(), None, field_type.item());
                below.added.member = true;
                below
            }
        };
        found.put(element, below);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::field_manager::field_set::testing::json;

    fn compare(kind: &'static str, old: &Value, new: &Value) -> [Value; 3] {
        let all = |_: &str| true;
        let found = fields(
            old.as_object(),
            new.as_object(),
            FieldType::of_kind(kind),
            all,
        );
        [&found.added, &found.modified, &found.removed].map(json)
    }

    #[test]
    fn maps_are_compared_key_by_key() {
        let old = json!({"data": {"same": "1", "changed": "1", "gone": "1"}});
        let new = json!({"data": {"same": "1", "changed": "2", "new": "1"}, "immutable": true});
        assert_eq!(
            compare("ConfigMap", &old, &new),
            [
                json!({"f:data": {"f:new": {}}, "f:immutable": {}}),
                json!({"f:data": {"f:changed": {}}}),
                json!({"f:data": {"f:gone": {}}}),
            ]
        );
    }

    #[test]
    fn a_new_container_of_fields_is_new_itself_and_one_that_was_null_is_not() {
        let new = json!({"data": {"a": "1"}});
        let added = |old| compare("ConfigMap", &old, &new)[0].clone();
        assert_eq!(added(json!({})), json!({"f:data": {".": {}, "f:a": {}}}));
        assert_eq!(added(json!({"data": null})), json!({"f:data": {"f:a": {}}}));
    }

    #[test]
    fn items_are_compared_by_key_in_any_order() {
        let old = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "b", "image": "1"}]}});
        let new = json!({"spec": {"containers": [{"name": "c", "image": "1"}, {"name": "b", "image": "2"}]}});
        let [added, modified, removed] = compare("Pod", &old, &new);
        let whole = |name: &str| json!({"f:spec": {"f:containers": {format!("k:{{\"name\":\"{name}\"}}"): {".": {}, "f:name": {}, "f:image": {}}}}});
        assert_eq!((added, removed), (whole("c"), whole("a")));
        assert_eq!(
            modified,
            json!({"f:spec": {"f:containers": {"k:{\"name\":\"b\"}": {"f:image": {}}}}})
        );
    }

    #[test]
    fn what_is_atomic_changes_as_one() {
        let old = json!({"spec": {"nodeSelector": {"a": "b"}, "tolerations": [{"key": "k"}]}});
        let new = json!({"spec": {"nodeSelector": {"c": "d"}, "tolerations": []}});
        let expected = json!({"f:spec": {"f:nodeSelector": {}, "f:tolerations": {}}});
        assert_eq!(compare("Pod", &old, &new), [json!({}), expected, json!({})]);
    }

    #[test]
    fn duplicate_items_are_compared_as_one() {
        let twice = json!({"spec": {"containers": [{"name": "a", "image": "1"}, {"name": "a", "image": "2"}]}});
        let once = json!({"spec": {"containers": [{"name": "a", "image": "1"}]}});
        let [added, _, removed] = compare("Pod", &twice, &once);
        assert_eq!(
            added,
            json!({"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {".": {}, "f:name": {}, "f:image": {}}}}})
        );
        assert_eq!(
            removed,
            json!({"f:spec": {"f:containers": {"k:{\"name\":\"a\"}": {}}}})
        );
        assert_eq!(
            compare("Pod", &twice, &twice),
            [json!({}), json!({}), json!({})]
        );
    }
}
