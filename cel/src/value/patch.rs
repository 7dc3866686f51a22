//! Values of expressions as the patches that they describe.

use serde_json::{Map as JsonMap, Value as Json};

use crate::decl::unescape;
use crate::error::EvalError;
use crate::value::json::{key_text, to_json};
use crate::value::{List, Map, Value};

/// The type of objects that are laid over another, and the beginning of the names of their parts' types.
pub(crate) const OBJECT: &str = "Object";
/// The type of the operations of JSON patches.
pub(crate) const OPERATION: &str = "JSONPatch";

/// A value as JSON, whose objects are parts of one that is laid over another: each must have the type
/// that its place says.
///
/// # Errors
/// If a type does not fit, or the value cannot be JSON.
pub fn to_patch(value: &Value<'_>) -> Result<Json, EvalError> {
    part(value, None)
}

/// `path` is the name of the type that an object at this place must have; `None` if any may be there.
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
            // an operation may be about any part of an object
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
