//! Converts values of expressions to patches.

use serde_json::{Map as JsonMap, Value as Json};

use crate::decl::unescape;
use crate::error::EvalError;
use crate::value::json::{key_text, to_json};
use crate::value::{List, Map, Value};

/// The type of apply configurations, and the prefix of the names of the types of their parts.
pub(crate) const OBJECT: &str = "Object";
/// The type of the operations of JSON patches.
pub(crate) const OPERATION: &str = "JSONPatch";

/// Converts a value to JSON. Its objects are parts of an apply configuration: each must have the type of its
/// path.
///
/// # Errors
/// If a type does not match, or the value cannot be converted to JSON.
pub fn to_patch(value: &Value<'_>) -> Result<Json, EvalError> {
    part(value, None)
}

/// `path` is the name of the type that an object at this position must have; `None` allows any.
fn part(value: &Value<'_>, path: Option<&str>) -> Result<Json, EvalError> {
    match value {
        Value::List(List::Values(values) | List::Typed(values, _)) => {
            let parts = values.iter().map(|value| part(value, path));
            Ok(Json::Array(parts.collect::<Result<_, _>>()?))
        }
        Value::Map(Map::Values(entries)) => {
            let name = entries.object.as_ref().map(|object| &*object.name);
            if let (Some(name), Some(path)) = (name, path)
                && name != path
            {
                return Err(EvalError::new(format!(
                    "type mismatch: unexpected type name {name:?}, expected {path:?}, which matches field name path from root Object type"
                )));
            }
            // an operation may apply to any part of an object
            let own = name.filter(|name| *name != OPERATION);
            let mut fields = JsonMap::new();
            for (key, value) in &entries.entries {
                let key = key_text(key);
                let below = own.map(|own| format!("{own}.{key}"));
                let json_name = match own {
                    Some(_) => unescape(&key).unwrap_or(key),
                    None => key,
                };
                fields.insert(json_name, part(value, below.as_deref())?);
            }
            Ok(Json::Object(fields))
        }
        other => to_json(other),
    }
}
