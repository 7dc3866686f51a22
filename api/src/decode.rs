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
pub use typed::time::seconds as parse_time;

/// A value, and the paths of the fields nobody knew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<T> {
    /// What was read.
    pub value: T,
    /// Such as `spec.containers[0].bogus`, in the order they were met.
    pub unknown_fields: Vec<String>,
    /// JSON pointers to the empty lists and maps that Go tells from unset ones until they are stored:
    /// those of fields that are always written.
    pub empty: Vec<String>,
}

impl<T> Decoded<T> {
    /// The same, of another type.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Decoded<U> {
        Decoded {
            value: f(self.value),
            unknown_fields: self.unknown_fields,
            empty: self.empty,
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
    /// Text that should be bytes in base64, and where it is not.
    #[error("illegal base64 data at input byte {0}")]
    Base64(usize),
    /// A value that its type's own rules refuse, such as a malformed quantity or time.
    #[error("{0}")]
    Value(String),
}

impl DecodeError {
    /// The same as Go puts it where it makes objects of values that were read before, and not of JSON:
    /// what a strategic merge patch comes to (`runtime.DefaultUnstructuredConverter`).
    pub fn of_conversion(&self) -> String {
        let Self::Type { found, wanted, .. } = self else {
            return match self {
                Self::Base64(_) => format!("error decoding from json: {self}"),
                other => other.to_string(),
            };
        };
        let kind = match found.as_str() {
            "array" => "slice",
            "object" => "map",
            "string" | "bool" => found,
            number => {
                let digits = number.trim_start_matches("number");
                let whole = !digits.contains(['.', 'e', 'E']);
                if whole { "int64" } else { "float64" }
            }
        };
        if wanted.starts_with("[]") {
            format!("cannot restore slice from {kind}")
        } else if wanted.starts_with("map[") {
            format!("cannot restore map from {kind}")
        } else if wanted.starts_with("v1.") {
            format!("cannot restore struct from: {kind}")
        } else if matches!((kind, wanted.as_str()), ("int64", "string"))
            || kind.ends_with("64") && wanted.contains("int")
        {
            // what Go could convert, but JSON does not
            format!("cannot convert {kind} to {wanted}")
        } else {
            format!("unrecognized type: {wanted}")
        }
    }
}

/// Reads a type from JSON. `kind` and `apiVersion` at the root are the caller's business.
///
/// It comes in the form in which it is stored: what reading its encoding would give.
///
/// # Errors
/// [`DecodeError::Type`] and [`DecodeError::Value`], for the first field at fault.
pub fn decode<T: DeserializeOwned>(document: &Value) -> Result<Decoded<T>, DecodeError> {
    let report = typed::Report::default();
    let value = T::deserialize(typed::Node::root(document, &report))
        .map_err(typed::Error::into_decode_error)?;
    let value = match report.without_zeros() {
        Some(second) => T::deserialize(typed::Node::root(document, &second))
            .map_err(typed::Error::into_decode_error)?,
        None => value,
    };
    let (unknown_fields, empty) = report.into_parts();
    Ok(Decoded {
        value,
        unknown_fields,
        empty,
    })
}

#[cfg(test)]
mod tests;
