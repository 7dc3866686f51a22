//! A parsed document that borrows from its text.
//!
//! Objects are decoded from this form: it allocates nothing for text without escapes, and one block for each
//! list or object. Patches, which change documents, operate on [`serde_json::Value`].

use std::borrow::Cow;

use serde_json::Number;

/// A JSON value in a text that outlives it.
#[derive(Clone, Debug, PartialEq)]
pub enum Document<'t> {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A string, borrowed unless it has escapes.
    String(Cow<'t, str>),
    /// A list.
    Array(Vec<Self>),
    /// An object, in the order of the text; each key is there once.
    Object(Vec<Field<'t>>),
    /// The JSON of a value: the `fieldsV1` of a stored object.
    Text(String),
}

/// A field of an object.
pub(crate) type Field<'t> = (Cow<'t, str>, Document<'t>);
