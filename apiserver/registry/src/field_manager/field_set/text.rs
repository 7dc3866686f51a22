//! Sets of fields as the JSON of `fieldsV1`, read and written without a tree of values.
//!
//! Upstream: `sigs.k8s.io/structured-merge-diff/fieldpath/serialize.go`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};

use portcullis_api::encode::{is_plain, write_string};
use serde_json::Value;

use super::{FieldSet, Node};
use crate::field_manager::element::{Element, Malformed, Scalar};

/// The key of the value itself.
const SELF: &str = ".";
/// The value itself, as a member.
pub(in crate::field_manager) const SELF_MEMBER: &[u8] = b"\".\":{}";
/// A field with nothing below it.
const LEAF: &[u8] = b"{}";

/// Reads a set; that of `null` is empty.
pub(super) fn read(json: &str) -> Result<FieldSet, Malformed> {
    if json == "null" {
        return Ok(FieldSet::default());
    }
    let mut deserializer = serde_json::Deserializer::from_str(json);
    let read = Fields.deserialize(&mut deserializer);
    let node = read.and_then(|node| deserializer.end().map(|()| node));
    node.map(|node| node.below).map_err(|_| Malformed)
}

/// The JSON of a set, its fields in order.
pub(super) fn write(set: &FieldSet) -> String {
    let mut out = Vec::with_capacity(256);
    let mut key = String::new();
    write_fields(set, false, &mut key, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

fn write_fields(set: &FieldSet, member: bool, key: &mut String, out: &mut Vec<u8>) {
    out.push(b'{');
    if member && !set.is_empty() {
        out.extend_from_slice(SELF_MEMBER);
    }
    for (element, node) in set.iter() {
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        write_key(element, key, out);
        out.push(b':');
        if node.below.is_empty() {
            out.extend_from_slice(LEAF);
        } else {
            write_fields(&node.below, node.member, key, out);
        }
    }
    out.push(b'}');
}

/// Writes the key of a field. Hardly any has a character that needs an escape, besides the quotes in keys of items.
pub(in crate::field_manager) fn write_key(element: &Element, key: &mut String, out: &mut Vec<u8>) {
    match element {
        Element::Field(name) => write_field(name, key, out),
        Element::Key(fields)
            if fields
                .iter()
                .all(|(name, value)| is_plain(name) && is_plain_scalar(value)) =>
        {
            out.extend_from_slice(b"\"k:{");
            for (name, value) in fields {
                if out.last() != Some(&b'{') {
                    out.push(b',');
                }
                write_quoted(name, out);
                out.push(b':');
                match &value.0 {
                    Value::String(text) => write_quoted(text, out),
                    _ => {
                        key.clear();
                        value.write_json(key);
                        out.extend_from_slice(key.as_bytes());
                    }
                }
            }
            out.extend_from_slice(b"}\"");
        }
        _ => write_any(element, key, out),
    }
}

/// Writes the key of a field of a struct or an entry of a map.
pub(in crate::field_manager) fn write_field(name: &str, key: &mut String, out: &mut Vec<u8>) {
    if !is_plain(name) {
        return write_any(&Element::Field(name.into()), key, out);
    }
    out.extend_from_slice(b"\"f:");
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
}

/// Writes the key of an item that one field distinguishes.
pub(in crate::field_manager) fn write_item(
    name: &str,
    value: &str,
    key: &mut String,
    out: &mut Vec<u8>,
) {
    if !is_plain(name) || !is_plain(value) {
        let fields = vec![(name.into(), Scalar(value.into()))];
        return write_any(&Element::Key(fields), key, out);
    }
    out.extend_from_slice(b"\"k:{");
    write_quoted(name, out);
    out.push(b':');
    write_quoted(value, out);
    out.extend_from_slice(b"}\"");
}

fn write_any(element: &Element, key: &mut String, out: &mut Vec<u8>) {
    key.clear();
    element.write_key(key);
    write_string(key, out);
}

/// Whether the JSON of a value needs no escape within a string, but for its own quotes.
fn is_plain_scalar(value: &Scalar) -> bool {
    match &value.0 {
        Value::String(text) => is_plain(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
        Value::Array(_) | Value::Object(_) => false,
    }
}

/// Writes a plain string in quotes that are within a string.
fn write_quoted(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\\\"");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\\\"");
}

/// Reads what is below a field, and whether the field is a member.
struct Fields;

impl<'de> DeserializeSeed<'de> for Fields {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Fields {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object of fields")
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::LEAF)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let (mut itself, mut fields) = (false, Vec::new());
        while let Some(key) = map.next_key_seed(Key)? {
            if key == SELF {
                map.next_value::<IgnoredAny>()?;
                itself = true;
                continue;
            }
            let element = Element::parse(&key).map_err(|_| serde::de::Error::custom("no field"))?;
            let Some(element) = element else {
                // a kind of elements that is not known yet, whatever it has below
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            fields.push((element, map.next_value_seed(Self)?));
        }
        let below: FieldSet = fields.into_iter().collect();
        let member = itself || below.is_empty();
        Ok(Node { member, below })
    }
}

/// A key, which few have to be copied for.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
