//! What a serializer writes: text, or a value that is equal to the parsed text.
//!
//! Both are behind one type, so that the `Serialize` of each kind is compiled once, and nothing here is
//! generic or becomes part of it, so that it stays small.

use serde_json::{Map, Number, Value};

use super::text::write_string;
use crate::go_number;

/// Where a serializer writes.
pub(super) enum Out {
    Text(Vec<u8>),
    /// The values under way: each container, and last what was written into it and is not in it yet.
    Values(Vec<Value>),
}

/// What an unset field that is always written is written as.
fn zero(json: &str) -> Value {
    match json {
        "null" => Value::Null,
        "{}" => Value::Object(Map::new()),
        "[]" => Value::Array(Vec::new()),
        "\"\"" => Value::String(String::new()),
        other => serde_json::from_str(other).unwrap_or_default(),
    }
}

impl Out {
    #[inline(never)]
    pub(super) fn number(&mut self, number: Option<Number>) {
        match (self, number) {
            (Self::Text(out), None) => out.extend_from_slice(b"null"),
            (Self::Text(out), Some(number)) => {
                out.extend_from_slice(go_number::json(&number).as_bytes());
            }
            (Self::Values(values), None) => values.push(Value::Null),
            (Self::Values(values), Some(number)) => {
                values.push(Value::Number(go_number::reread(number)))
            }
        }
    }

    #[inline(never)]
    pub(super) fn bool(&mut self, value: bool) {
        match self {
            Self::Text(out) => {
                out.extend_from_slice(if value { b"true" } else { b"false" });
            }
            Self::Values(values) => values.push(Value::Bool(value)),
        }
    }

    #[inline(never)]
    pub(super) fn string(&mut self, text: &str) {
        match self {
            Self::Text(out) => write_string(text, out),
            Self::Values(values) => values.push(Value::String(text.to_owned())),
        }
    }

    /// Writes a value that is JSON already.
    #[inline(never)]
    pub(super) fn json(&mut self, json: &str) {
        match self {
            Self::Text(out) => out.extend_from_slice(json.as_bytes()),
            Self::Values(values) => values.push(serde_json::from_str(json).unwrap_or_default()),
        }
    }

    #[inline(never)]
    pub(super) fn null(&mut self) {
        match self {
            Self::Text(out) => out.extend_from_slice(b"null"),
            Self::Values(values) => values.push(Value::Null),
        }
    }

    #[inline(never)]
    pub(super) fn begin_list(&mut self, length: usize) {
        match self {
            Self::Text(out) => out.push(b'['),
            Self::Values(values) => values.push(Value::Array(Vec::with_capacity(length))),
        }
    }

    /// Comes before an item, or a key of a map.
    #[inline(never)]
    pub(super) fn separate(&mut self, first: bool) {
        if let Self::Text(out) = self
            && !first
        {
            out.push(b',');
        }
    }

    /// Comes after an item.
    #[inline(never)]
    pub(super) fn end_item(&mut self) {
        if let Self::Values(values) = self
            && let Some(item) = values.pop()
            && let Some(Value::Array(items)) = values.last_mut()
        {
            items.push(item);
        }
    }

    #[inline(never)]
    pub(super) fn end_list(&mut self) {
        if let Self::Text(out) = self {
            out.push(b']');
        }
    }

    /// Begins a map, or a struct that is not the root.
    #[inline(never)]
    pub(super) fn begin_map(&mut self) {
        match self {
            Self::Text(out) => out.push(b'{'),
            Self::Values(values) => values.push(Value::Object(Map::new())),
        }
    }

    /// Comes between a key of a map and its value.
    #[inline(never)]
    pub(super) fn colon(&mut self) {
        if let Self::Text(out) = self {
            out.push(b':');
        }
    }

    /// Comes after the value of an entry of a map. Returns whether the key could be one.
    #[inline(never)]
    pub(super) fn end_entry(&mut self) -> bool {
        let Self::Values(values) = self else {
            return true;
        };
        let (value, key) = (values.pop(), values.pop());
        match (key, value, values.last_mut()) {
            (Some(Value::String(key)), Some(value), Some(Value::Object(entries))) => {
                entries.insert(key, value);
                true
            }
            _ => false,
        }
    }

    #[inline(never)]
    pub(super) fn end_map(&mut self) {
        if let Self::Text(out) = self {
            out.push(b'}');
        }
    }

    /// How much text there is.
    pub(super) const fn length(&self) -> usize {
        match self {
            Self::Text(out) => out.len(),
            Self::Values(_) => 0,
        }
    }

    /// Writes the key of a field of a struct.
    pub(super) fn field_key(&mut self, key: &str, first: bool) {
        if let Self::Text(out) = self {
            if !first {
                out.push(b',');
            }
            // the name of a field in Go, which needs no escape
            out.push(b'"');
            out.extend_from_slice(key.as_bytes());
            out.extend_from_slice(b"\":");
        }
    }

    /// Keeps the field that was written last.
    pub(super) fn keep_field(&mut self, key: &str) {
        if let Self::Values(values) = self
            && let Some(value) = values.pop()
            && let Some(Value::Object(fields)) = values.last_mut()
        {
            fields.insert(key.to_owned(), value);
        }
    }

    /// Drops the field that was written last, back to where its text began.
    pub(super) fn drop_field(&mut self, start: usize) {
        match self {
            Self::Text(out) => out.truncate(start),
            Self::Values(values) => drop(values.pop()),
        }
    }

    /// Writes a field that is unset.
    pub(super) fn unset_field(&mut self, key: &str, json: &str, first: bool) {
        self.field_key(key, first);
        match self {
            Self::Text(out) => out.extend_from_slice(json.as_bytes()),
            Self::Values(values) => {
                if let Some(Value::Object(fields)) = values.last_mut() {
                    fields.insert(key.to_owned(), zero(json));
                }
            }
        }
    }

    /// Moves the text from `field` on to `start`. Whatever the order of the type's fields, kube-apiserver
    /// writes metadata first, and [`super::Label`] expects it there.
    pub(super) fn move_to_front(&mut self, start: usize, field: usize) {
        if let Self::Text(out) = self {
            let moved = out.len() - field;
            if let Some(fields) = out.get_mut(start..) {
                fields.rotate_right(moved);
            }
        }
    }

    /// The text; empty if there are values.
    pub(super) fn into_text(self) -> Vec<u8> {
        match self {
            Self::Text(out) => out,
            Self::Values(_) => Vec::new(),
        }
    }

    /// The value; `None` if there is text.
    pub(super) fn into_value(self) -> Option<Value> {
        match self {
            Self::Text(_) => None,
            Self::Values(mut values) => values.pop(),
        }
    }
}
