//! Decodes JSON to objects in two steps: text to a [`Document`] or a [`serde_json::Value`], and that to a kind's
//! type.
//!
//! The first step reports duplicate keys; the second reports wrong types and unknown fields. Patches operate on
//! values, which can be changed; what need not be is a document, which borrows from the text.
//!
//! This is the only deserializer of the server. It decodes as Go does: `null` is the zero value of
//! any type. Messages are those of Go's `encoding/json` as Kubernetes uses it (`sigs.k8s.io/json`).

mod document;
mod json;
mod typed;

use serde::de::DeserializeOwned;
use thiserror::Error;

pub use document::Document;
pub use json::{Parsed, check_size, parse, parse_document, parse_stored, parse_stored_document};
pub use typed::source::Source;
pub use typed::time::seconds as parse_time;

/// A decoded value, and what decoding reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoded<T> {
    /// The decoded value.
    pub value: T,
    /// The paths of unknown fields, such as `spec.containers[0].bogus`, in document order.
    pub unknown_fields: Vec<String>,
    /// JSON pointers to empty lists and maps in fields that are always written. Go distinguishes
    /// these from unset ones until they are stored.
    pub empty: Vec<String>,
}

impl<T> Decoded<T> {
    /// Converts the value and keeps the rest.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Decoded<U> {
        Decoded {
            value: f(self.value),
            unknown_fields: self.unknown_fields,
            empty: self.empty,
        }
    }
}

/// Why JSON could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DecodeError {
    /// It is not valid JSON.
    #[error("{0}")]
    Syntax(String),
    /// A value does not have the type of its field.
    #[error("json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {wanted}")]
    Type {
        /// The JSON type, as Go names it: `string`, `number`, `object`…
        found: String,
        /// The struct of the field.
        owner: String,
        /// The field path, without indices.
        path: String,
        /// The Go type of the field.
        wanted: String,
    },
    /// A field of bytes is not valid base64, at this offset.
    #[error("illegal base64 data at input byte {0}")]
    Base64(usize),
    /// A value is invalid for its type, such as a malformed quantity or time.
    #[error("{0}")]
    Value(String),
}

impl DecodeError {
    /// The message of Go's converter from parsed values to objects, as upstream uses it for the
    /// result of a strategic merge patch (`runtime.DefaultUnstructuredConverter`).
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
            // Go could convert these, but the converter rejects them
            format!("cannot convert {kind} to {wanted}")
        } else {
            format!("unrecognized type: {wanted}")
        }
    }
}

/// Decodes a type from JSON. `kind` and `apiVersion` at the root are left to the caller.
///
/// The result is in the form in which it is stored, as if it had been encoded and decoded again.
///
/// # Errors
/// [`DecodeError::Type`], [`DecodeError::Base64`] or [`DecodeError::Value`] for the first invalid
/// field.
pub fn decode<'d, T: DeserializeOwned>(
    document: impl Into<Source<'d>>,
) -> Result<Decoded<T>, DecodeError> {
    decode_source(document.into())
}

fn decode_source<T: DeserializeOwned>(document: Source<'_>) -> Result<Decoded<T>, DecodeError> {
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
