//! The fields of an entry of `metadata.managedFields`, kept as text.
//!
//! Every write of an object stores what its managers own, which may be larger than the rest of the object, and only
//! the field manager looks into it. The type's own form is a tree; this server keeps the tree's JSON in it as
//! one string, which is decoded, compared, copied and encoded as bytes.

use std::borrow::Cow;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::FieldsV1;
use serde_json::Value;

/// The name by which the type shows itself to serde.
pub(crate) const NAME: &str = "FieldsV1";

/// Fields with this JSON.
pub const fn from_text(json: String) -> FieldsV1 {
    FieldsV1(Value::String(json))
}

/// The JSON of fields.
pub fn text(fields: &FieldsV1) -> Cow<'_, str> {
    match &fields.0 {
        Value::String(json) => Cow::Borrowed(json),
        // made by other code than this server's
        tree => Cow::Owned(tree.to_string()),
    }
}
