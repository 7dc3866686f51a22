//! Copies a value from one text to another, as Go writes it, without a tree of it.

use std::fmt;

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Number;

use crate::encode::write_string;
use crate::go_number;

/// Appends a value to a text.
pub(super) struct Transcribe<'o>(pub(super) &'o mut Vec<u8>);

impl Transcribe<'_> {
    fn number(self, number: &Number) {
        self.0.extend_from_slice(go_number::json(number).as_bytes());
    }
}

impl<'de> DeserializeSeed<'de> for Transcribe<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Transcribe<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<(), E> {
        self.0.extend_from_slice(if v { b"true" } else { b"false" });
        Ok(())
    }

    fn visit_i64<E>(self, v: i64) -> Result<(), E> {
        self.number(&v.into());
        Ok(())
    }

    fn visit_u64<E>(self, v: u64) -> Result<(), E> {
        self.number(&v.into());
        Ok(())
    }

    fn visit_f64<E: de::Error>(self, v: f64) -> Result<(), E> {
        match Number::from_f64(v) {
            Some(number) => self.number(&number),
            None => return self.visit_unit(),
        }
        Ok(())
    }

    fn visit_str<E>(self, v: &str) -> Result<(), E> {
        write_string(v, self.0);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.extend_from_slice(b"null");
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.0.push(b'[');
        let start = self.0.len();
        while seq
            .next_element_seed(Item { out: self.0, start })?
            .is_some()
        {}
        self.0.push(b']');
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.0.push(b'{');
        let start = self.0.len();
        while map.next_key_seed(Item { out: self.0, start })?.is_some() {
            self.0.push(b':');
            map.next_value_seed(Transcribe(self.0))?;
        }
        self.0.push(b'}');
        Ok(())
    }
}

/// An item, or a key, with a comma before it if it is not the first.
struct Item<'o> {
    out: &'o mut Vec<u8>,
    start: usize,
}

impl<'de> DeserializeSeed<'de> for Item<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.out.len() > self.start {
            self.out.push(b',');
        }
        Transcribe(self.out).deserialize(deserializer)
    }
}
