//! JSON to objects, in two steps: text to [`serde_json::Value`], where duplicate keys are found and
//! patches work, and from there to a kind's type, where wrong types and unknown fields are.
//!
//! This is the one deserializer stack of the server. It reads as Go does: `null` is the zero
//! value, of whatever type. Texts are those of Go's `encoding/json` as Kubernetes uses it
//! (`sigs.k8s.io/json`).

mod json;
mod typed;

use serde::de::DeserializeOwned;
use serde_json::Value;
use thiserror::Error;

pub use json::{Parsed, check_size, parse, parse_stored};

/// A value, and the paths of the fields nobody knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<T> {
    /// What was read.
    pub value: T,
    /// Such as `spec.containers[0].bogus`, in the order they were met.
    pub unknown_fields: Vec<String>,
}

impl<T> Decoded<T> {
    /// The same, of another type.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Decoded<U> {
        Decoded {
            value: f(self.value),
            unknown_fields: self.unknown_fields,
        }
    }
}

/// Why JSON could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// Not JSON at all.
    #[error("{0}")]
    Syntax(String),
    /// JSON of another shape than the type's.
    #[error("json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {wanted}")]
    Type {
        /// What stands there, as Go names it: `string`, `number`, `object`…
        found: String,
        /// The struct that has the field.
        owner: String,
        /// The way to the field, without indices.
        path: String,
        /// The Go type of the field.
        wanted: String,
    },
    /// A value that its type's own rules refuse, such as a malformed quantity or time.
    #[error("{0}")]
    Value(String),
}

/// Reads a type from JSON. `kind` and `apiVersion` at the root are the caller's business.
///
/// # Errors
/// [`DecodeError::Type`] and [`DecodeError::Value`], for the first field at fault.
pub fn decode<T: DeserializeOwned>(value: &Value) -> Result<Decoded<T>, DecodeError> {
    let report = typed::Report::default();
    let value = T::deserialize(typed::Node::root(value, &report))
        .map_err(typed::Error::into_decode_error)?;
    Ok(Decoded {
        value,
        unknown_fields: report.into_unknown_fields(),
    })
}

#[cfg(test)]
mod tests;
