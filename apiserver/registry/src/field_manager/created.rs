//! The fields that the creator of an object owns, as text.
//!
//! It is the text of the set in which an object differs from an empty one ([`super::compare`]), written in one walk
//! over the object: most writes of a busy cluster create objects, whose fields have no owners yet.

use serde_json::{Map, Value};

use super::compare::{is_blank, same};
use super::element::Element;
use super::field_set::text::{SELF_MEMBER, write_field, write_item, write_key};
use super::field_type::FieldType;
use super::tracked::{METADATA, Tracked, is_owned_metadata};

/// The old object has items in a list, which have to be compared one by one.
struct NotEmpty;

/// The fields of `new` that are not in `empty`, as `fieldsV1`; `None` if that object has items in a list.
pub(super) fn fields(tracked: Tracked<'_>, empty: &Value, new: &Value) -> Option<String> {
    let mut text = Text {
        out: Vec::with_capacity(256),
        key: String::new(),
    };
    let nothing = Map::new();
    let (old, new) = (empty.as_object(), new.as_object().unwrap_or(&nothing));
    let of_type = tracked.field_type;
    text.out.push(b'{');
    for (name, value) in new {
        let old = old.and_then(|old| old.get(name));
        let written = match name.as_str() {
            METADATA => text.metadata(old, value, of_type.field(METADATA)),
            name if tracked.is_owned(name) => text.field(name, old, value, of_type),
            _ => Ok(()),
        };
        written.ok()?;
    }
    text.out.push(b'}');
    String::from_utf8(text.out).ok()
}

struct Text {
    out: Vec<u8>,
    /// Kept from key to key.
    key: String,
}

impl Text {
    fn metadata(
        &mut self,
        old: Option<&Value>,
        new: &Value,
        of_type: FieldType<'_>,
    ) -> Result<(), NotEmpty> {
        let Value::Object(new) = new else {
            return Ok(());
        };
        let old = old.and_then(Value::as_object);
        let start = self.out.len();
        self.begin(METADATA);
        let owned = new.iter().filter(|(name, _)| is_owned_metadata(name));
        let any = self.changed_fields(old, owned, of_type)?;
        self.end(start, any);
        Ok(())
    }

    /// Writes a field, unless nothing of it is owned.
    fn field(
        &mut self,
        name: &str,
        old: Option<&Value>,
        new: &Value,
        of_parent: FieldType<'_>,
    ) -> Result<(), NotEmpty> {
        if old == Some(new) {
            return Ok(());
        }
        let start = self.out.len();
        self.begin(name);
        let of_type = of_parent.field(name);
        let any = match old {
            None => {
                self.all(new, of_type);
                true
            }
            Some(old) => self.changed(old, new, of_type)?,
        };
        self.end(start, any);
        Ok(())
    }

    fn separate(&mut self) {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
    }

    fn begin(&mut self, name: &str) {
        self.separate();
        write_field(name, &mut self.key, &mut self.out);
        self.out.push(b':');
    }

    /// Ends what began at `start`, or takes it back.
    fn end(&mut self, start: usize, keep: bool) {
        if !keep {
            self.out.truncate(start);
        }
    }

    /// Writes what is owned of a value that both objects have, unless that is nothing.
    fn changed(
        &mut self,
        old: &Value,
        new: &Value,
        of_type: FieldType<'_>,
    ) -> Result<bool, NotEmpty> {
        // null is both an object without fields and a list without items
        match (old, new) {
            (old, new) if is_blank(old) && is_blank(new) => {}
            (Value::Object(_) | Value::Null, Value::Object(_) | Value::Null)
                if !of_type.is_atomic() =>
            {
                let new = new.as_object().into_iter().flatten();
                return self.changed_fields(old.as_object(), new, of_type);
            }
            (Value::Array(_), Value::Array(_) | Value::Null) if !is_blank(old) => {
                return Err(NotEmpty);
            }
            (Value::Array(_) | Value::Null, Value::Array(items)) => {
                self.out.push(b'{');
                let distinguished = self.items(items, of_type, b"");
                self.out.push(b'}');
                return Ok(distinguished || !same(old, new));
            }
            _ => {}
        }
        self.out.extend_from_slice(b"{}");
        Ok(!same(old, new))
    }

    fn changed_fields<'v>(
        &mut self,
        old: Option<&Map<String, Value>>,
        new: impl Iterator<Item = (&'v String, &'v Value)>,
        of_type: FieldType<'_>,
    ) -> Result<bool, NotEmpty> {
        self.out.push(b'{');
        let start = self.out.len();
        for (name, value) in new {
            self.field(name, old.and_then(|old| old.get(name)), value, of_type)?;
        }
        let any = self.out.len() > start;
        self.out.push(b'}');
        Ok(any)
    }

    /// Writes all of a value that only the new object has.
    fn all(&mut self, value: &Value, of_type: FieldType<'_>) {
        self.out.push(b'{');
        match value {
            Value::Object(fields) if !fields.is_empty() && !of_type.is_atomic() => {
                self.out.extend_from_slice(SELF_MEMBER);
                for (name, value) in fields {
                    self.begin(name);
                    self.all(value, of_type.field(name));
                }
            }
            Value::Array(items) if !items.is_empty() => {
                self.items(items, of_type, SELF_MEMBER);
            }
            _ => {}
        }
        self.out.push(b'}');
    }

    /// Writes all items of a list in the order of their keys, after `first`; returns whether they are
    /// distinguished.
    fn items(&mut self, items: &[Value], of_type: FieldType<'_>, first: &[u8]) -> bool {
        if let Some(mut named) = named(items, of_type) {
            self.out.extend_from_slice(first);
            named.sort_by_key(|(_, value, _)| *value);
            self.each(&named, of_type.item(), |(name, value, _), key, out| {
                write_item(name, value, key, out);
            });
            return true;
        }
        let Some(elements) = of_type.elements(items) else {
            return false;
        };
        self.out.extend_from_slice(first);
        let mut all: Vec<_> = elements.into_iter().zip(items).collect();
        all.sort_by(|(a, _), (b, _)| a.cmp(b));
        self.each(&all, of_type.item(), |(element, _), key, out| {
            write_key(element, key, out);
        });
        true
    }

    /// Writes items that are sorted.
    fn each<I: Item>(
        &mut self,
        items: &[I],
        of_type: FieldType<'_>,
        write_key: impl Fn(&I, &mut String, &mut Vec<u8>),
    ) {
        for same in items.chunk_by(Item::is_same) {
            let Some(one) = same.first() else { continue };
            self.separate();
            write_key(one, &mut self.key, &mut self.out);
            self.out.push(b':');
            match same {
                [one] => self.all(one.value(), of_type),
                // duplicate items are owned as one
                _ => self.out.extend_from_slice(b"{}"),
            }
        }
    }
}

/// An item of a list, and what distinguishes it.
trait Item {
    fn is_same(&self, other: &Self) -> bool;
    fn value(&self) -> &Value;
}

impl Item for (Element, &Value) {
    fn is_same(&self, other: &Self) -> bool {
        self.0 == other.0
    }

    fn value(&self) -> &Value {
        self.1
    }
}

/// The name of the only key, its value, and the item.
type Named<'v> = (&'v str, &'v str, &'v Value);

impl Item for Named<'_> {
    fn is_same(&self, other: &Self) -> bool {
        self.1 == other.1
    }

    fn value(&self) -> &Value {
        self.2
    }
}

/// The items of a list, if one field distinguishes them, and is a string in all.
fn named<'v>(items: &'v [Value], of_type: FieldType<'v>) -> Option<Vec<Named<'v>>> {
    let keys = of_type.keys();
    let [key] = &*keys else { return None };
    let named = items.iter().map(|item| {
        let value = item.get(key)?.as_str()?;
        Some((*key, value, item))
    });
    named.collect()
}

#[cfg(test)]
mod tests;
