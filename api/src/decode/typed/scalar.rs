//! Types that are text in JSON, with rules of their own: quantities, times and bytes.

use std::fmt::{self, Write};

use super::source::{Shape, Source};
use super::{Error, Node, base64};
use crate::decode::DecodeError;
use crate::go_text::json_kind;
use crate::quantity::Quantity;
use ::base64::Engine;
use ::base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::de::{Error as _, Visitor};

/// A quantity in canonical form. As Go, accepts text or a number, and trims spaces.
pub(super) fn quantity(value: Source<'_>) -> Result<String, Error> {
    let text = match value.shape() {
        Shape::Null => return Ok("0".to_owned()),
        Shape::String(text) => text.to_owned(),
        _ => value.to_value().to_string(),
    };
    Quantity::parse(text.trim())
        .map(|q| q.to_string())
        .map_err(Error::custom)
}

/// A time in the form that its type deserializes; null is the zero time of a required field.
pub(super) fn time(
    value: Source<'_>,
    read: fn(&str) -> Result<Timestamp, String>,
) -> Result<String, Error> {
    match value.shape() {
        Shape::Null => Ok(Timestamp::UNIX_EPOCH.to_string()),
        Shape::String(text) => read(text).map(|t| t.to_string()).map_err(Error::custom),
        _ => Err(Error::custom(format_args!(
            "json: cannot unmarshal {} into Go value of type string",
            json_kind(&value.to_value())
        ))),
    }
}

/// Whether a visitor decodes bytes from base64. Serde has no method for that, so the visitor is
/// recognized by its `expecting` message.
pub(super) fn is_bytes<'de>(visitor: &impl Visitor<'de>) -> bool {
    struct Expected<'v, V>(&'v V);

    impl<'de, V: Visitor<'de>> fmt::Display for Expected<'_, V> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.expecting(f)
        }
    }

    expects_bytes(&Expected(visitor))
}

/// Not generic, since it would be compiled for each field of each kind.
#[inline(never)]
fn expects_bytes(expected: &dyn fmt::Display) -> bool {
    /// The rest of the expected text, to compare without allocation.
    struct Left(&'static str);

    impl Write for Left {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            self.0 = self.0.strip_prefix(text).ok_or(fmt::Error)?;
            Ok(())
        }
    }

    let mut left = Left("a base64-encoded string");
    write!(left, "{expected}").is_ok() && left.0.is_empty()
}

impl Node<'_, '_> {
    /// Bytes in strict base64. As Go, accepts base64 or a list of numbers.
    pub(super) fn bytes(self) -> Result<String, Error> {
        let bytes: Vec<u8> = match self.value.shape() {
            Shape::String(text) => {
                base64::read(text).map_err(|at| Error(Box::new(DecodeError::Base64(at))))?
            }
            Shape::Array(items) => items
                .iter()
                .map(|item| {
                    Self {
                        value: item,
                        ..self
                    }
                    .integer("uint8")
                })
                .collect::<Result<_, _>>()?,
            _ => return Err(self.wrong_type("[]uint8")),
        };
        self.record_zero(bytes.is_empty());
        Ok(STANDARD.encode(bytes))
    }
}
