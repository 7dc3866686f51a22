//! Validates embedded resources.

use portcullis_api::{ErrorList, FieldError, Path, name};
use serde_json::{Map, Value};

use super::{CheckMetadata, coerce};
use crate::arena::{Flags, NodeRef, Schema};
use crate::location::Location;
use crate::value::bad_value;

impl Schema {
    /// Checks the embedded resources of an object.
    pub fn validate_embedded(&self, object: &Value, check: CheckMetadata<'_>) -> ErrorList {
        validate(self.root(), object, "", false, check)
    }
}

/// The same for any value; `is_root` if it is an object with metadata itself.
pub(crate) fn validate(
    node: NodeRef<'_>,
    value: &Value,
    base: &str,
    is_root: bool,
    check: CheckMetadata<'_>,
) -> ErrorList {
    let mut walk = Walk {
        base,
        check,
        errors: Vec::new(),
    };
    walk.node(node, is_root, value, &Location::ROOT);
    walk.errors
}

struct Walk<'w> {
    base: &'w str,
    check: CheckMetadata<'w>,
    errors: ErrorList,
}

impl Walk<'_> {
    fn node(&mut self, node: NodeRef<'_>, is_root: bool, value: &Value, location: &Location<'_>) {
        let embedded = is_root || node.has(Flags::EMBEDDED);
        if !embedded && !node.has(Flags::EMBEDS) {
            return;
        }
        match value {
            Value::Object(fields) => {
                if embedded {
                    self.resource(fields, location);
                }
                for (name, value) in fields {
                    if let Some(property) = node.property(name) {
                        self.node(property, false, value, &location.field(name));
                    } else if let Some(entry) = node.values() {
                        self.node(entry, false, value, &location.key(name));
                    }
                }
            }
            Value::Array(items) => {
                let Some(item) = node.items() else { return };
                for (i, value) in items.iter().enumerate() {
                    self.node(item, false, value, &location.index(i));
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn resource(&mut self, fields: &Map<String, Value>, location: &Location<'_>) {
        for (name, rule) in [
            ("apiVersion", group_version as fn(&str) -> Option<String>),
            ("kind", kind),
        ] {
            let path = Path::new(&location.field(name).path(self.base));
            let error = match fields.get(name) {
                None => Some(FieldError::required(&path, "must not be empty")),
                Some(Value::String(text)) if text.is_empty() => {
                    Some(FieldError::invalid(&path, text, "must not be empty"))
                }
                Some(Value::String(text)) => {
                    rule(text).map(|detail| FieldError::invalid(&path, text, detail))
                }
                Some(other) => Some(FieldError::invalid(
                    &path,
                    bad_value(other),
                    "must be a string",
                )),
            };
            self.errors.extend(error);
        }
        if let Some(metadata) = fields.get("metadata") {
            let path = Path::new(&location.field("metadata").path(self.base));
            match coerce::read(metadata) {
                Ok(meta) => self.errors.extend((self.check)(&meta.value, &path)),
                Err(error) => {
                    self.errors
                        .push(FieldError::invalid(&path, bad_value(metadata), error));
                }
            }
        }
    }
}

fn group_version(text: &str) -> Option<String> {
    let parts = text.matches('/').count();
    (text != "/" && parts > 1).then(|| format!("unexpected GroupVersion string: {text}"))
}

fn kind(text: &str) -> Option<String> {
    let sentences = name::dns1035_label(&text.to_lowercase());
    (!sentences.is_empty()).then(|| {
        format!(
            "may have mixed case, but should otherwise match: {}",
            sentences.join(",")
        )
    })
}
