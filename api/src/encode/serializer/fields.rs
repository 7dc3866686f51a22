//! The fields of a struct: which ones are omitted, and which are written although they are unset.

use serde::ser::{self, Serialize};

use super::{EncodeError, Result, Writer, Wrote, write_string};
use crate::type_metadata::{self, Field};

/// The metadata of a struct's fields, and which of them have been written.
pub(in crate::encode) struct WrittenFields {
    /// See [`type_metadata::untyped_pointers`].
    untyped: &'static [&'static str],
    /// Fields that are always written come first.
    metadata: &'static [Field],
    /// Which of the first 64 fields were written, one bit each.
    written: u64,
    /// Whether any field was serialized, even if its value was empty.
    any: bool,
}

impl WrittenFields {
    /// The fields of a type, none of them written.
    pub(in crate::encode) fn of(name: &str) -> Self {
        Self {
            untyped: type_metadata::untyped_pointers(name),
            metadata: type_metadata::fields(name),
            written: 0,
            any: false,
        }
    }

    /// What was written of the struct.
    pub(in crate::encode) const fn wrote(&self) -> Wrote {
        if self.any {
            Wrote::Something
        } else {
            Wrote::NoFields
        }
    }

    /// Whether to keep what was written of a field; if so, the field counts as written.
    pub(in crate::encode) fn keep(&mut self, key: &str, wrote: Wrote) -> bool {
        self.any = true;
        let index = self.metadata.iter().position(|f| f.name == key);
        let field = index.and_then(|at| self.metadata.get(at));
        let keep = match wrote {
            Wrote::Something => true,
            Wrote::NoFields => field.is_none_or(|field| field.always != Some("null")),
            Wrote::Zero => {
                field.is_some_and(|field| field.keeps_empty || field.always.is_some())
                    || self.untyped.contains(&key)
            }
            Wrote::NoItems => self.untyped.contains(&key),
            Wrote::Null => false,
        };
        if keep {
            self.written |= index.map_or(0, bit);
        }
        keep
    }

    /// The unset fields that are always written, as (name, JSON).
    pub(in crate::encode) fn missing(
        &self,
    ) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
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
    out: &'o mut Vec<u8>,
    fields: WrittenFields,
    first: bool,
    root: bool,
    /// The offset of the first field.
    start: usize,
}

impl<'o> Struct<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, name: &str, root: bool) -> Self {
        Self {
            start: out.len(),
            out,
            fields: WrittenFields::of(name),
            first: !root,
            root,
        }
    }

    fn key(&mut self, key: &str) {
        if !self.first {
            self.out.push(b',');
        }
        self.first = false;
        write_string(key, self.out);
        self.out.push(b':');
    }

    /// Moves the last field to the front. Whatever the order of the type's fields, kube-apiserver
    /// writes metadata first, and [`super::super::Label`] expects it there.
    fn move_to_front(&mut self, start: usize) {
        let moved = self.out.len() - start;
        if let Some(fields) = self.out.get_mut(self.start..) {
            fields.rotate_right(moved);
        }
    }
}

impl ser::SerializeStruct for Struct<'_> {
    type Ok = Wrote;
    type Error = EncodeError;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result {
        if self.root && matches!(key, "kind" | "apiVersion") {
            return Ok(());
        }
        let (start, first) = (self.out.len(), self.first);
        self.key(key);
        let wrote = value.serialize(Writer {
            out: self.out,
            root: None,
        })?;
        if self.fields.keep(key, wrote) {
            if self.root && key == "metadata" {
                self.move_to_front(start);
            }
        } else {
            self.out.truncate(start);
            self.first = first;
        }
        Ok(())
    }

    fn end(mut self) -> Result<Wrote> {
        for (name, zero) in self.fields.missing() {
            self.key(name);
            self.out.extend_from_slice(zero.as_bytes());
        }
        self.out.push(b'}');
        Ok(self.fields.wrote())
    }
}

fn bit(at: usize) -> u64 {
    u32::try_from(at)
        .ok()
        .and_then(|at| 1_u64.checked_shl(at))
        .unwrap_or(0)
}
