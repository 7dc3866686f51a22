//! Sets of fields, as trees of paths.
//!
//! Upstream: `sigs.k8s.io/structured-merge-diff/fieldpath`.

pub(super) mod text;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;
use portcullis_api::fields_v1;

use super::element::{Element, Malformed};

/// A set of fields below some value: sorted, since most are made in order, once, and then read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldSet(Vec<(Element, Node)>);

/// A field: whether it is in the set itself, and which fields below it are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Node {
    /// Whether the field itself is in the set.
    pub member: bool,
    /// The part of the set below it.
    pub below: FieldSet,
}

impl Node {
    /// A field with nothing below it.
    pub const LEAF: Self = Self {
        member: true,
        below: FieldSet(Vec::new()),
    };

    /// Whether neither the field nor anything below it is in the set.
    pub fn is_empty(&self) -> bool {
        !self.member && self.below.is_empty()
    }

    fn union(&mut self, other: Self) {
        self.member |= other.member;
        self.below.union(other.below);
    }
}

impl FieldSet {
    /// The set of fields that are not empty and come in order, each once.
    pub fn of_sorted(fields: impl Iterator<Item = (Element, Node)>) -> Self {
        let all: Vec<_> = fields.collect();
        debug_assert!(all.is_sorted_by(|(a, _), (b, _)| a < b));
        Self(all)
    }

    /// Whether nothing is in the set.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn find(&self, element: &Element) -> Result<usize, usize> {
        self.0.binary_search_by(|(other, _)| other.cmp(element))
    }

    /// The node of a field right below.
    pub fn get(&self, element: &Element) -> Option<&Node> {
        let at = self.find(element).ok()?;
        self.0.get(at).map(|(_, node)| node)
    }

    /// The part of the set below a field.
    pub fn below(&self, element: &Element) -> &Self {
        static NOTHING: FieldSet = FieldSet(Vec::new());
        self.get(element).map_or(&NOTHING, |node| &node.below)
    }

    /// The fields right below, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&Element, &Node)> {
        self.0.iter().map(|(element, node)| (element, node))
    }

    /// Adds a field, unless it is empty.
    pub fn put(&mut self, element: Element, node: Node) {
        if node.is_empty() {
            return;
        }
        if self.0.last().is_none_or(|(last, _)| *last < element) {
            return self.0.push((element, node));
        }
        match self.find(&element) {
            Ok(at) => self.0[at].1.union(node),
            Err(at) => self.0.insert(at, (element, node)),
        }
    }

    /// Adds all of another set.
    pub fn union(&mut self, other: Self) {
        if self.is_empty() {
            *self = other;
            return;
        }
        let own = std::mem::take(&mut self.0);
        *self = own.into_iter().chain(other.0).collect();
    }

    /// Removes the members of another set; returns whether there were any. Fields below a member of that set
    /// stay.
    pub fn subtract(&mut self, other: &Self) -> bool {
        let mut found = false;
        let mut others = other.0.iter().peekable();
        self.0.retain_mut(|(element, node)| {
            while others.next_if(|(gone, _)| gone < element).is_some() {}
            let Some((_, gone)) = others.next_if(|(gone, _)| gone == element) else {
                return true;
            };
            found |= node.member && gone.member;
            node.member &= !gone.member;
            found |= node.below.subtract(&gone.below);
            !node.is_empty()
        });
        found
    }

    /// The fields in both.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let mut both = Self::default();
        for (element, node) in &self.0 {
            if let Some(theirs) = other.get(element) {
                let node = Node {
                    member: node.member && theirs.member,
                    below: node.below.intersection(&theirs.below),
                };
                both.put(element.clone(), node);
            }
        }
        both
    }

    /// The paths of all fields in the set, in the form of error texts: of siblings, members come first.
    pub fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.push_paths("", &mut paths);
        paths
    }

    fn push_paths(&self, prefix: &str, paths: &mut Vec<String>) {
        let members = self.iter().filter(|(_, node)| node.member);
        paths.extend(members.map(|(element, _)| format!("{prefix}{element}")));
        for (element, node) in &self.0 {
            if !node.below.is_empty() {
                node.below.push_paths(&format!("{prefix}{element}"), paths);
            }
        }
    }

    /// Whether all fields of another set are in this one.
    pub fn contains(&self, other: &Self) -> bool {
        other.iter().all(|(element, theirs)| {
            self.get(element).is_some_and(|own| {
                (own.member || !theirs.member) && own.below.contains(&theirs.below)
            })
        })
    }

    /// Reads `fieldsV1`.
    ///
    /// # Errors
    /// [`Malformed`] if it is invalid.
    pub fn decode(fields: &FieldsV1) -> Result<Self, Malformed> {
        text::read(&fields_v1::text(fields))
    }

    /// The set as `fieldsV1`.
    pub fn encode(&self) -> FieldsV1 {
        fields_v1::from_text(text::write(self))
    }
}

/// The set of fields in any order; those that are there more than once are united, and empty ones left out.
/// Sorted only if need be, and then with at most `n log n` steps, whatever a client has sent.
impl FromIterator<(Element, Node)> for FieldSet {
    fn from_iter<I: IntoIterator<Item = (Element, Node)>>(fields: I) -> Self {
        let mut fields: Vec<_> = fields
            .into_iter()
            .filter(|(_, node)| !node.is_empty())
            .collect();
        if !fields.is_sorted_by(|(a, _), (b, _)| a < b) {
            fields.sort_by(|(a, _), (b, _)| a.cmp(b));
            fields.dedup_by(|(later, node), (element, first)| {
                let same = later == element;
                if same {
                    first.union(std::mem::take(node));
                }
                same
            });
        }
        Self(fields)
    }
}

/// Sets from and to JSON.
#[cfg(test)]
pub(super) mod testing {
    use serde_json::Value;

    use super::{FieldSet, FieldsV1, Malformed, fields_v1};

    pub(in crate::field_manager) fn decode(fields: &Value) -> Result<FieldSet, Malformed> {
        FieldSet::decode(&FieldsV1(fields.clone()))
    }

    pub(in crate::field_manager) fn set(fields: &Value) -> FieldSet {
        decode(fields).unwrap()
    }

    pub(in crate::field_manager) fn json(set: &FieldSet) -> Value {
        tree(&set.encode())
    }

    pub(in crate::field_manager) fn tree(fields: &FieldsV1) -> Value {
        serde_json::from_str(&fields_v1::text(fields)).unwrap()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use serde_json::json;

    use super::super::element::Scalar;
    use super::testing::{decode, json, set};
    use super::*;

    #[test]
    fn fields_are_read_and_written_alike() {
        let fields = json!({"f:data": {".": {}, "f:a": {}}, "f:list": {"k:{\"name\":\"x\"}": {".": {}, "f:name": {}}, "v:3": {}}});
        assert_eq!(json(&set(&fields)), fields);
        assert_eq!(json(&set(&json!({}))), json!({}));
        for malformed in [
            json!({"data": {}}),
            json!([]),
            json!("f:a"),
            json!({"f:a": 1}),
        ] {
            assert_eq!(decode(&malformed), Err(Malformed), "{malformed}");
        }
    }

    /// Whether or not a key is written in one go.
    #[test]
    fn keys_are_escaped_as_any_json() {
        for text in ["plain", "a\"b", "<", "\\", "\u{2028}", "é", "\n"] {
            let item = json!({ "name": text, "port": 80, "odd": [text], "on": true });
            for key in [
                format!("f:{text}"),
                format!("v:{}", json!(text)),
                format!("k:{}", json!({ "name": text, "port": 80, "on": true })),
                format!("k:{}", json!({ text: text })),
                format!("k:{item}"),
            ] {
                let fields = json!({ key: {} });
                assert_eq!(json(&set(&fields)), fields);
                let written = fields_v1::text(&set(&fields).encode()).into_owned();
                let mut expected = b"{".to_vec();
                let element = Element::parse(fields.as_object().unwrap().keys().next().unwrap());
                let mut name = String::new();
                element.unwrap().unwrap().write_key(&mut name);
                portcullis_api::encode::write_string(&name, &mut expected);
                expected.extend_from_slice(b":{}}");
                assert_eq!(written.as_bytes(), expected, "{text}");
            }
        }
    }

    #[test]
    fn unknown_kinds_of_elements_are_dropped() {
        let read = set(&json!({"z:new": {"f:a": 1}, "z:other": 2, "f:b": {}}));
        assert_eq!(json(&read), json!({"f:b": {}}));
    }

    #[test]
    fn sets_are_united_intersected_and_subtracted_member_by_member() {
        let a = set(&json!({"f:data": {".": {}, "f:a": {}}, "f:x": {}}));
        let b = set(&json!({"f:data": {"f:a": {}, "f:b": {}}}));
        let mut union = a.clone();
        union.union(b.clone());
        assert_eq!(
            json(&union),
            json!({"f:data": {".": {}, "f:a": {}, "f:b": {}}, "f:x": {}})
        );
        assert_eq!(json(&a.intersection(&b)), json!({"f:data": {"f:a": {}}}));
        let mut rest = a;
        rest.subtract(&b);
        assert_eq!(json(&rest), json!({"f:data": {}, "f:x": {}}));
        let mut kept = b;
        kept.subtract(&set(&json!({"f:data": {}})));
        assert_eq!(json(&kept), json!({"f:data": {"f:a": {}, "f:b": {}}}));
    }

    #[test]
    fn paths_name_members_before_what_lies_below() {
        let fields = set(&json!({"f:a": {"f:b": {}}, "f:c": {}}));
        assert_eq!(fields.paths(), [".c", ".a.b"]);
    }

    /// Elements whose order is not that of their keys: `i:10` comes before `i:9`.
    fn elements() -> impl Strategy<Value = Element> {
        let number = |n: i64| Scalar(json!(n));
        prop_oneof![
            "[a-d]".prop_map(|name| Element::Field(name.into())),
            (0..12_i64).prop_map(Element::Index),
            (0..12_i64).prop_map(move |n| Element::Value(number(n))),
            (0..12_i64).prop_map(move |n| Element::Key(vec![("k".into(), number(n))])),
        ]
    }

    /// Sets that are made in any order, with elements that are there twice.
    fn sets() -> impl Strategy<Value = FieldSet> {
        let node = |(member, below)| Node { member, below };
        let empty = Just(FieldSet::default()).boxed();
        empty.prop_recursive(3, 60, 12, move |below| {
            let field = (elements(), (any::<bool>(), below).prop_map(node));
            proptest::collection::vec(field, 0..12).prop_map(FieldSet::from_iter)
        })
    }

    /// The paths of all members.
    fn members(set: &FieldSet) -> BTreeSet<Vec<Element>> {
        let mut found = BTreeSet::new();
        for (element, node) in set.iter() {
            assert_eq!(set.get(element), Some(node));
            let below = members(&node.below)
                .into_iter()
                .chain(node.member.then(Vec::new));
            found.extend(below.map(|path| [vec![element.clone()], path].concat()));
        }
        found
    }

    proptest! {
        #[test]
        fn sets_are_those_of_their_paths(a in sets(), b in sets()) {
            let (left, right) = (members(&a), members(&b));
            prop_assert_eq!(&FieldSet::decode(&a.encode()).unwrap(), &a);
            prop_assert_eq!(members(&a.intersection(&b)), &left & &right);
            let mut all = a.clone();
            all.union(b.clone());
            prop_assert_eq!(members(&all), &left | &right);
            prop_assert_eq!(a.contains(&b), right.is_subset(&left));
            prop_assert!(all.contains(&a) && all.contains(&b));
            let mut rest = a.clone();
            prop_assert_eq!(rest.subtract(&b), !left.is_disjoint(&right));
            prop_assert_eq!(members(&rest), &left - &right);
            let mut one_by_one = a;
            for (element, node) in b.iter() {
                one_by_one.put(element.clone(), node.clone());
            }
            prop_assert_eq!(one_by_one, all);
        }
    }
}
