//! The text of `fieldsV1`: see [`crate::fields_v1`].

use super::source::{Shape, Source};
use crate::encode::encode_part;

/// The JSON of fields.
pub(super) fn text(fields: Source<'_>) -> String {
    match fields.shape() {
        Shape::Text(text) => text.to_owned(),
        _ => String::from_utf8(encode_part(&fields.to_value())).unwrap_or_default(),
    }
}
