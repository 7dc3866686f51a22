//! Conversions between JSON and values.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value as Json};

use crate::decl::{DYN, DYN_LIST, DeclKind, DeclType};
use crate::error::EvalError;
use crate::value::map::Shape;
use crate::value::{Duration, Evaluated, Key, List, Map, Text, Timestamp, Value, text_of};

impl<'a> Value<'a> {
    /// The value of data with a declared type. Lists and maps are not copied; their parts are
    /// converted on access.
    pub(crate) fn of_json(json: &'a Json, decl: &'a DeclType) -> Evaluated<'a> {
        if let DeclKind::Dyn = decl.kind {
            return Ok(plain(json));
        }
        Ok(match (json, &decl.kind) {
            (Json::Null, _) => Value::Null,
            (Json::Number(number), DeclKind::Double) => {
                Value::Double(number.as_f64().unwrap_or_default())
            }
            (Json::String(text), DeclKind::Bytes) => {
                let bytes = STANDARD
                    .decode(text)
                    .map_err(|e| EvalError::new(e.to_string()))?;
                Value::Bytes(bytes.into())
            }
            (Json::String(text), DeclKind::Timestamp(date_only)) => {
                Value::Timestamp(timestamp(text, *date_only)?)
            }
            (Json::String(text), DeclKind::Duration) => {
                let duration = Duration::parse(text)
                    .ok_or_else(|| EvalError::new(format!("invalid duration {text:?}")))?;
                Value::Duration(duration)
            }
            (Json::Array(items), DeclKind::List(list)) => Value::List(List::Json(items, list)),
            (Json::Object(map), DeclKind::Map(values)) => {
                Value::Map(Map::Json(map, Shape::Map(values)))
            }
            (Json::Object(map), DeclKind::Object(object)) => {
                Value::Map(Map::Json(map, Shape::Object(object)))
            }
            _ => plain(json),
        })
    }
}

/// The value of data without a declared type.
fn plain(json: &Json) -> Value<'_> {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Double(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => Value::String(Text::Borrowed(text)),
        Json::Array(items) => Value::List(List::Json(items, &DYN_LIST)),
        Json::Object(map) => Value::Map(Map::Json(map, Shape::Map(&DYN))),
    }
}

fn timestamp(text: &str, date_only: bool) -> Result<Timestamp, EvalError> {
    let parsed = if date_only {
        Timestamp::parse(&format!("{text}T00:00:00Z"))
    } else {
        Timestamp::parse(text)
    };
    parsed.ok_or_else(|| EvalError::new(format!("invalid date {text:?}")))
}

/// A value as JSON: bytes in base64, timestamps and durations as text, as in protobuf.
///
/// # Errors
/// If the value has a library type, or is NaN or infinite.
pub fn to_json(value: &Value<'_>) -> Result<Json, EvalError> {
    Ok(match value {
        Value::Null | Value::Optional(None) => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Int(value) => Json::from(*value),
        Value::Uint(value) => Json::from(*value),
        Value::Double(value) => Number::from_f64(*value)
            .map(Json::Number)
            .ok_or_else(|| EvalError::new(format!("unsupported value: {value}")))?,
        Value::String(text) => Json::from(text.as_str()),
        Value::Bytes(bytes) => Json::from(STANDARD.encode(bytes)),
        Value::Timestamp(_) | Value::Duration(_) => Json::from(value.to_string()),
        Value::List(List::Json(items, _)) => Json::Array(items.to_vec()),
        Value::List(List::Values(values) | List::Typed(values, _)) => {
            Json::Array(values.iter().map(to_json).collect::<Result<_, _>>()?)
        }
        Value::Map(Map::Json(map, _)) => Json::Object((*map).clone()),
        Value::Map(Map::Values(values)) => {
            let entry = |(key, value)| Ok((key_text(key), to_json(value)?));
            let object = values.entries.iter().map(entry);
            Json::Object(object.collect::<Result<_, EvalError>>()?)
        }
        Value::Optional(Some(value)) => to_json(&Value::clone(&Arc::clone(value)))?,
        Value::Type(of) => Json::from(of.value_name()),
        Value::Opaque(opaque) => {
            let name = opaque.type_name();
            return Err(EvalError::new(format!("unsupported type: {name}")));
        }
    })
}

pub(super) fn key_text(key: &Key<'_>) -> String {
    text_of(&key.to_value()).unwrap_or_default()
}
