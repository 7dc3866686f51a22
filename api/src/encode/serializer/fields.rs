//! A struct's fields: which are left out, and which are written though nobody set them.

use serde::ser::{self, Serialize};

use super::{EncodeError, Result, Writer, Wrote, write_string};
use crate::facts::{self, Field};

/// A struct being written.
pub(super) struct Struct<'o> {
    out: &'o mut Vec<u8>,
    /// What is known of the fields; those always written stand first.
    facts: &'static [Field],
    /// Which of the first 64 of them were written, a bit each.
    written: u64,
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
            facts: facts::fields(name),
            written: 0,
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

    /// Whether what was written of a field stays.
    fn stays(&self, wrote: Wrote, fact: Option<usize>) -> bool {
        let Some(fact) = fact.and_then(|at| self.facts.get(at)) else {
            return wrote == Wrote::Something;
        };
        match wrote {
            Wrote::Something => true,
            Wrote::Zero => fact.keeps_empty || fact.always.is_some(),
            Wrote::Null | Wrote::NoItems => false,
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
        let fact = self.facts.iter().position(|f| f.name == key);
        if self.stays(wrote, fact) {
            self.written |= fact.map_or(0, bit);
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
        for (at, fact) in self.facts.iter().enumerate() {
            let Some(zero) = fact.always else { break };
            if self.written & bit(at) == 0 {
                self.key(fact.name);
                self.out.extend_from_slice(zero.as_bytes());
            }
        }
        self.out.push(b'}');
        Ok(Wrote::Something)
    }
}

fn bit(at: usize) -> u64 {
    u32::try_from(at)
        .ok()
        .and_then(|at| 1_u64.checked_shl(at))
        .unwrap_or(0)
}
