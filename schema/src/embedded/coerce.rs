//! Coerces the metadata of embedded resources to its type.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::decode::{self, Decoded};
use portcullis_api::{FieldError, Path, encode};
use serde_json::{Map, Value};

use super::Malformed;
use crate::arena::{Flags, NodeRef, Schema};
use crate::location::Location;
use crate::value::bad_value;

impl Schema {
    /// Coerces the metadata of embedded resources, and returns the paths of unknown fields, which
    /// are dropped. The caller handles the metadata of the object itself.
    ///
    /// # Errors
    /// The first field of the wrong type, unless these are dropped.
    pub fn coerce(
        &self,
        object: &mut Value,
        malformed: Malformed,
    ) -> Result<Vec<String>, FieldError> {
        coerce(self.root(), object, "", false, malformed)
    }
}

/// The same for any value; `is_root` if it is an object with metadata itself.
pub(crate) fn coerce(
    node: NodeRef<'_>,
    value: &mut Value,
    base: &str,
    is_root: bool,
    malformed: Malformed,
) -> Result<Vec<String>, FieldError> {
    let mut walk = Walk {
        base,
        malformed,
        dropped: Vec::new(),
    };
    walk.node(node, is_root, value, &Location::ROOT)?;
    walk.dropped.sort();
    Ok(walk.dropped)
}

struct Walk<'b> {
    base: &'b str,
    malformed: Malformed,
    dropped: Vec<String>,
}

impl Walk<'_> {
    fn node(
        &mut self,
        node: NodeRef<'_>,
        is_root: bool,
        value: &mut Value,
        location: &Location<'_>,
    ) -> Result<(), FieldError> {
        let embedded = is_root || node.has(Flags::EMBEDDED);
        if !embedded && !node.has(Flags::EMBEDS) {
            return Ok(());
        }
        match value {
            Value::Object(fields) => {
                if embedded {
                    self.resource(fields, location)?;
                }
                for (name, value) in fields {
                    if let Some(property) = node.property(name) {
                        self.node(property, false, value, &location.field(name))?;
                    } else if let Some(entry) = node.values() {
                        self.node(entry, false, value, &location.key(name))?;
                    }
                }
                Ok(())
            }
            Value::Array(items) => {
                let Some(item) = node.items() else {
                    return Ok(());
                };
                let mut items = items.iter_mut().enumerate();
                items.try_for_each(|(i, value)| self.node(item, false, value, &location.index(i)))
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
        }
    }

    fn resource(
        &mut self,
        fields: &mut Map<String, Value>,
        location: &Location<'_>,
    ) -> Result<(), FieldError> {
        for name in ["apiVersion", "kind"] {
            let Some(value) = fields.get(name).filter(|v| !v.is_string()) else {
                continue;
            };
            if self.malformed == Malformed::Reject {
                let path = Path::new(&location.field(name).path(self.base));
                return Err(FieldError::invalid(
                    &path,
                    bad_value(value),
                    "must be a string",
                ));
            }
            fields.remove(name);
        }
        let Some(metadata) = fields.get_mut("metadata") else {
            return Ok(());
        };
        let here = location.field("metadata");
        match read(metadata) {
            Ok(read) => {
                let above = here.path(self.base);
                let unknown = read
                    .unknown_fields
                    .iter()
                    .map(|field| format!("{above}.{field}"));
                self.dropped.extend(unknown);
                *metadata = write(&read.value);
            }
            Err(error) if self.malformed == Malformed::Reject => {
                let path = Path::new(&here.path(self.base));
                return Err(FieldError::invalid(&path, bad_value(metadata), error));
            }
            Err(_) => *metadata = salvage(metadata),
        }
        Ok(())
    }
}

/// Decodes metadata.
pub(super) fn read(metadata: &Value) -> Result<Decoded<ObjectMeta>, String> {
    decode::decode(metadata).map_err(|error| error.to_string())
}

/// Encodes metadata as Go does.
fn write(meta: &ObjectMeta) -> Value {
    let mut value = serde_json::from_slice(&encode::encode_part(meta)).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.retain(|_, value| !value.is_null());
    }
    value
}

/// The fields of malformed metadata that can be decoded.
fn salvage(metadata: &Value) -> Value {
    let fields = metadata.as_object().into_iter().flatten();
    let readable = fields.filter(|(name, value)| {
        let alone = Map::from_iter([((*name).clone(), (*value).clone())]);
        read(&Value::Object(alone)).is_ok()
    });
    let kept = readable.map(|(name, value)| (name.clone(), value.clone()));
    let kept = Value::Object(kept.collect());
    read(&kept).map_or_else(|_| Value::Object(Map::new()), |read| write(&read.value))
}
