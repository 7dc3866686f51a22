//! A struct's fields: which are left out, and which are written though nobody set them.

use serde::ser::{self, Serialize};

use super::{EncodeError, Result, Writer, Wrote, write_string};
use crate::facts::{self, Field};

/// What is known of a struct's fields, and which of them have been written.
pub(in crate::encode) struct Known {
    /// See [`facts::pointers_to_anything`].
    pointers: &'static [&'static str],
    /// Those always written stand first.
    facts: &'static [Field],
    /// Which of the first 64 of them were written, a bit each.
    written: u64,
    /// Whether any field was set, be it to nothing.
    any: bool,
}

impl Known {
    /// The facts of a type.
    pub(in crate::encode) fn of(name: &str) -> Self {
        Self {
            pointers: facts::pointers_to_anything(name),
            facts: facts::fields(name),
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

    /// Whether what was written of a field stays; notes it, if so.
    pub(in crate::encode) fn keep(&mut self, key: &str, wrote: Wrote) -> bool {
        self.any = true;
        let found = self.facts.iter().position(|f| f.name == key);
        let fact = found.and_then(|at| self.facts.get(at));
        let stays = match wrote {
            Wrote::Something => true,
            Wrote::NoFields => fact.is_none_or(|fact| fact.always != Some("null")),
            Wrote::Zero => {
                fact.is_some_and(|fact| fact.keeps_empty || fact.always.is_some())
                    || self.pointers.contains(&key)
            }
            Wrote::NoItems => self.pointers.contains(&key),
            Wrote::Null => false,
        };
        if stays {
            self.written |= found.map_or(0, bit);
        }
        stays
    }

    /// The fields to be written though nobody set them, and as what.
    pub(in crate::encode) fn missing(
        &self,
    ) -> impl Iterator<Item = (&'static str, &'static str)> + use<> {
        let (facts, written) = (self.facts, self.written);
        let always = facts.iter().map_while(|f| Some((f.name, f.always?)));
        let unwritten = always
            .enumerate()
            .filter(move |(at, _)| written & bit(*at) == 0);
        unwritten.map(|(_, field)| field)
    }
}

/// A struct being written.
pub(super) struct Struct<'o> {
    out: &'o mut Vec<u8>,
    known: Known,
    first: bool,
    root: bool,
    /// Where the fields begin.
    begin: usize,
}

impl<'o> Struct<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, name: &str, root: bool) -> Self {
        Self {
            begin: out.len(),
            out,
            known: Known::of(name),
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

    /// Moves what was written last to the front: kube-apiserver writes metadata first, and stored
    /// objects are given their version there, whatever the order of the type's fields.
    fn lead_with(&mut self, start: usize) {
        let moved = self.out.len() - start;
        if let Some(fields) = self.out.get_mut(self.begin..) {
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
        if self.known.keep(key, wrote) {
            if self.root && key == "metadata" {
                self.lead_with(start);
            }
        } else {
            self.out.truncate(start);
            self.first = first;
        }
        Ok(())
    }

    fn end(mut self) -> Result<Wrote> {
        for (name, zero) in self.known.missing() {
            self.key(name);
            self.out.extend_from_slice(zero.as_bytes());
        }
        self.out.push(b'}');
        Ok(self.known.wrote())
    }
}

fn bit(at: usize) -> u64 {
    u32::try_from(at)
        .ok()
        .and_then(|at| 1_u64.checked_shl(at))
        .unwrap_or(0)
}
