//! Converts schemas to what Swagger 2.0, and kubectl's parser of it, supports
//! (`k8s.io/apiextensions-apiserver/pkg/controller/openapi/v2/conversion.go`).

use serde_json::{Map, Value};

use super::clean::{PRESERVE, each_child};

/// Removes junctors and `nullable`, and the types and fields of schemas that accept other types,
/// too.
pub(super) fn convert(schema: &mut Value) {
    if let Value::Object(fields) = schema {
        for junctor in ["allOf", "oneOf", "anyOf", "not"] {
            fields.remove(junctor);
        }
        let nullable = fields.remove("nullable").is_some();
        let preserves = fields.get(PRESERVE) == Some(&Value::Bool(true));
        if nullable || preserves {
            fields.remove("items");
            fields.remove("properties");
        }
        let kind = fields
            .get("type")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let bare_list = kind == "array" && !fields.contains_key("items");
        if nullable || bare_list || preserves && kind == "object" {
            fields.remove("type");
        }
        // a schema that has lost its fields keeps what it requires
        let nullable_fields = nullable_fields(fields);
        optional(fields, &nullable_fields);
    }
    each_child(schema, &mut convert);
}

/// The fields that may be null, or all if the entries of a map may.
enum Nullable {
    All,
    These(Vec<String>),
}

fn nullable_fields(schema: &Map<String, Value>) -> Nullable {
    let is_nullable = |s: &Value| s.get("nullable") == Some(&Value::Bool(true));
    if schema.get("additionalProperties").is_some_and(is_nullable) {
        return Nullable::All;
    }
    let properties = schema.get("properties").and_then(Value::as_object);
    let nullable = properties
        .into_iter()
        .flatten()
        .filter(|(_, s)| is_nullable(s));
    Nullable::These(nullable.map(|(name, _)| name.clone()).collect())
}

fn optional(fields: &mut Map<String, Value>, nullable: &Nullable) {
    let Some(Value::Array(required)) = fields.get_mut("required") else {
        return;
    };
    match nullable {
        Nullable::All => required.clear(),
        Nullable::These(names) => required.retain(|r| !names.iter().any(|name| r == name)),
    }
    if required.is_empty() {
        fields.remove("required");
    }
}
