//! The fields of a struct: which ones are omitted, and which are written although they are unset.

use serde::ser::{self, Serialize};

use super::{EncodeError, Result, Writer, Wrote};
use crate::encode::out::Out;
use crate::type_metadata::{self, Field};

/// The metadata of a struct's fields, and which of them have been written.
pub(super) struct WrittenFields {
    /// See [`type_metadata::empty_is_set`].
    empty_is_set: &'static [&'static str],
    /// Fields that are always written come first.
    metadata: &'static [Field],
    /// Which of the first 64 fields were written, one bit each.
    written: u64,
    /// Whether any field was serialized, even if its value was empty.
    any: bool,
}

impl WrittenFields {
    /// The fields of a type, none of them written.
    fn of(name: &str) -> Self {
        Self {
            empty_is_set: type_metadata::empty_is_set(name),
            metadata: type_metadata::fields(name),
            written: 0,
            any: false,
        }
    }

    /// The name of a field's struct in type metadata, if another type has the struct's own name.
    fn child(&self, key: &str) -> &'static str {
        let field = self.metadata.iter().find(|field| field.name == key);
        field.map_or("", |field| field.child_apart())
    }

    /// What was written of the struct.
    const fn wrote(&self) -> Wrote {
        if self.any {
            Wrote::Something
        } else {
            Wrote::NoFields
        }
    }

    /// Whether to keep what was written of a field; if so, the field counts as written.
    fn keep(&mut self, key: &str, wrote: Wrote) -> bool {
        self.any = true;
        let index = self.metadata.iter().position(|f| f.name == key);
        let field = index.and_then(|at| self.metadata.get(at));
        let keep = match wrote {
            Wrote::Something => true,
            Wrote::NoFields => field.is_none_or(|field| field.always != Some("null")),
            Wrote::Zero => {
                field.is_some_and(|field| field.keeps_empty || field.always.is_some())
                    || self.empty_is_set.contains(&key)
            }
            Wrote::NoItems => self.empty_is_set.contains(&key),
            Wrote::Null => false,
        };
        if keep {
            self.written |= index.map_or(0, bit);
        }
        keep
    }

    /// The unset fields that are always written, as (name, JSON).
    fn missing(&self) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let (metadata, written) = (self.metadata, self.written);
        let always = metadata.iter().map_while(|f| Some((f.name, f.always?)));
        let unwritten = always
            .enumerate()
            .filter(move |(at, _)| written & bit(*at) == 0);
        unwritten.map(|(_, field)| field)
    }
}

/// A struct being written.
pub(super) struct Struct<'o> {
    out: &'o mut Out,
    fields: WrittenFields,
    first: bool,
    root: bool,
    /// The offset of the first field.
    start: usize,
}

/// Where a field began, and whether it was the first.
struct Begun {
    start: usize,
    first: bool,
}

impl<'o> Struct<'o> {
    /// A struct of a type, unless it is the root, whose type is given.
    #[inline(never)]
    pub(super) fn new(out: &'o mut Out, name: &str, root: Option<&str>) -> Self {
        let is_text = matches!(out, Out::Text(_));
        if root.is_none() || !is_text {
            out.begin_map();
        }
        Self {
            start: out.length(),
            out,
            fields: WrittenFields::of(root.unwrap_or(name)),
            first: root.is_none(),
            root: root.is_some(),
        }
    }

    /// Writes the key of a field; `None` for one that the caller of the root has written.
    #[inline(never)]
    fn begin_field(&mut self, key: &str) -> Option<Begun> {
        if self.root && matches!(key, "kind" | "apiVersion") {
            return None;
        }
        let (start, first) = (self.out.length(), self.first);
        self.out.field_key(key, first);
        self.first = false;
        Some(Begun { start, first })
    }

    /// Keeps or drops what was written of a field.
    #[inline(never)]
    fn end_field(&mut self, key: &str, begun: &Begun, wrote: Wrote) {
        if self.fields.keep(key, wrote) {
            self.out.keep_field(key);
            if self.root && key == "metadata" {
                self.out.move_to_front(self.start, begun.start);
            }
        } else {
            self.out.drop_field(begun.start);
            self.first = begun.first;
        }
    }

    #[inline(never)]
    fn close(mut self) -> Wrote {
        for (name, json) in self.fields.missing() {
            self.out.unset_field(name, json, self.first);
            self.first = false;
        }
        self.out.end_map();
        self.fields.wrote()
    }
}

impl ser::SerializeStruct for Struct<'_> {
    type Ok = Wrote;
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        let Some(begun) = self.begin_field(key) else {
            return Ok(());
        };
        // only kinds have such fields
        let child = if self.root {
            self.fields.child(key)
        } else {
            ""
        };
        let wrote = value.serialize(Writer {
            child,
            ..Writer::new(self.out)
        })?;
        self.end_field(key, &begun, wrote);
        Ok(())
    }

    fn end(self) -> Result<Wrote> {
        Ok(self.close())
    }
}

fn bit(at: usize) -> u64 {
    u32::try_from(at)
        .ok()
        .and_then(|at| 1_u64.checked_shl(at))
        .unwrap_or(0)
}
