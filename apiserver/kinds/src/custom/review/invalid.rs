//! Objects of a response that are not accepted, with upstream's texts.

use serde_json::Value;

use super::{Review, text};

/// Why a converted object is not accepted.
pub(super) enum Invalid {
    /// It is not an object with a kind.
    Document(String),
    /// It has another version or kind than the requested one.
    Type(String),
    /// It is another object.
    Identity(String),
    /// Its metadata are malformed.
    Metadata(String),
}

impl Invalid {
    /// The text for the only object of a request.
    pub(super) fn alone(self, review: &Review<'_>) -> String {
        match self {
            Self::Document(why) => why,
            Self::Type(why) => review.error(&format!("returned invalid object at index 0: {why}")),
            Self::Identity(why) => review.error(&format!("returned invalid object: {why}")),
            Self::Metadata(why) => review.error(&format!("returned invalid metadata: {why}")),
        }
    }

    /// The text for one of several objects.
    pub(super) fn among(self, review: &Review<'_>, at: usize) -> String {
        let (what, why) = match self {
            Self::Document(why) | Self::Type(why) | Self::Identity(why) => {
                ("converted object at", why)
            }
            Self::Metadata(why) => ("metadata in object at", why),
        };
        review.error(&format!("returned invalid {what} index {at}: {why}"))
    }
}

/// Go's errors for documents that are no objects with a kind. Of a null its decoder keeps no bytes at all
/// (upstream: `getRawExtensionObject`).
pub(super) fn decode(document: &Value) -> Result<(), String> {
    let kind = match document {
        Value::Object(_) if text(document, "kind").is_empty() => {
            return Err(format!("Object 'Kind' is missing in '{document}'"));
        }
        Value::Object(_) => return Ok(()),
        Value::Null => return Err("unexpected end of JSON input".to_owned()),
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
    };
    Err(format!(
        "json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
    ))
}
