//! Complete objects made from the schema of their type.

use std::collections::BTreeMap;

use portcullis_api::type_metadata;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::schemas::Schemas;
use serde_json::{Map, Value, json};

/// The depth to which recursive types are followed.
const DEPTH_MAX: usize = 14;

/// Fields for which upstream distinguishes an empty list or map from an absent one.
const TOLD_APART: [(&str, &str); 5] = [
    ("ConfigMap", "binaryData"),
    ("ConfigMap", "data"),
    ("HPAScalingRules", "policies"),
    ("Secret", "data"),
    ("StorageClass", "parameters"),
];

/// The value of the fields that Go omits when they have the zero value of their type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaves {
    /// A value other than zero.
    Full,
    /// The zero.
    Zero,
    /// Absent.
    None,
}

/// The schemas of a type and of all types in it.
pub(super) struct Samples {
    root: String,
    definitions: BTreeMap<String, Value>,
    zeros: usize,
}

impl Samples {
    pub(super) fn of(resource: &Resource, api_version: &str) -> Self {
        let schemas = Schemas::load();
        let root = schemas.name_of(api_version, resource.kind).unwrap();
        Self {
            definitions: schemas.with_parts([root.clone()]),
            root,
            zeros: 0,
        }
    }

    /// How many zeros have been written.
    pub(super) const fn zeros(&self) -> usize {
        self.zeros
    }

    /// An object of the type; its own kind replaces its type in the type metadata.
    pub(super) fn object(&mut self, kind: &str, leaves: Leaves) -> Value {
        let schema = self
            .definitions
            .get(&self.root)
            .cloned()
            .unwrap_or_default();
        Value::Object(self.properties(kind, &schema, leaves, DEPTH_MAX))
    }

    fn properties(
        &mut self,
        owner: &str,
        whole: &Value,
        leaves: Leaves,
        depth: usize,
    ) -> Map<String, Value> {
        let mut fields = Map::new();
        // a type with metadata is an object, and has a kind
        let is_object = whole["properties"].get("metadata").is_some();
        for (name, schema) in whole["properties"].as_object().into_iter().flatten() {
            if is_object && matches!(name.as_str(), "kind" | "apiVersion") {
                continue;
            }
            let omitted =
                !type_metadata::keeps_empty(owner, name) && !TOLD_APART.contains(&(owner, name));
            let zero = omitted.then(|| self.zero(schema)).flatten();
            let value = match (leaves, zero) {
                (Leaves::None, Some(_)) => continue,
                (Leaves::Zero, Some(zero)) => {
                    self.zeros += 1;
                    zero
                }
                _ if depth == 0 => continue,
                _ => self.value(schema, leaves, depth - 1),
            };
            fields.insert(name.clone(), value);
        }
        fields
    }

    /// The zero of a scalar, a list or a map; structs have no zero that Go omits.
    fn zero(&self, schema: &Value) -> Option<Value> {
        if let Some(definition) = self.referred(schema) {
            return (definition.1["type"] == "array").then(|| json!([]));
        }
        match (type_of(schema)?, schema["format"].as_str()) {
            ("boolean", _) => Some(json!(false)),
            ("integer" | "number", _) => Some(json!(0)),
            // a pointer in Go, or a struct
            ("string", Some("date-time")) => None,
            ("string", _) => Some(json!("")),
            ("array", _) => Some(json!([])),
            ("object", _) if schema.get("additionalProperties").is_some() => Some(json!({})),
            _ => None,
        }
    }

    fn value(&mut self, schema: &Value, leaves: Leaves, depth: usize) -> Value {
        if let Some((name, definition)) = self.referred(schema) {
            let owner = name.rsplit('.').next().unwrap_or_default();
            return match owner {
                "Quantity" => json!("1"),
                "IntOrString" => json!(1),
                "JSONSchemaPropsOrBool" => json!(true),
                "JSONSchemaPropsOrArray" => json!({"type": "string"}),
                "JSONSchemaPropsOrStringArray" => json!(["a"]),
                "Time" => json!("2021-01-02T03:04:05Z"),
                "MicroTime" => json!("2021-01-02T03:04:05.000006Z"),
                "RawExtension" | "FieldsV1" => json!({"f:a": {}}),
                _ if definition.get("properties").is_some() => {
                    // schemas hold schemas in a dozen fields
                    let depth = if owner == "JSONSchemaProps" {
                        depth.min(1)
                    } else {
                        depth
                    };
                    Value::Object(self.properties(owner, &definition, leaves, depth))
                }
                _ => self.value(&definition, leaves, depth),
            };
        }
        match (type_of(schema), schema["format"].as_str()) {
            (Some("boolean"), _) => json!(true),
            (Some("integer" | "number"), _) => json!(1),
            (Some("string"), Some("date-time")) => json!("2021-01-02T03:04:05Z"),
            (Some("string"), Some("byte")) => json!("YQ=="),
            (Some("array"), _) => json!([self.value(&schema["items"], leaves, depth)]),
            (Some("object"), _) if schema.get("additionalProperties").is_some() => {
                json!({"a": self.value(&schema["additionalProperties"], leaves, depth)})
            }
            (Some("object"), _) => json!({}),
            _ => json!("a"),
        }
    }

    /// The definition that a schema refers to, by its name.
    fn referred(&self, schema: &Value) -> Option<(String, Value)> {
        let parts = ["allOf", "anyOf"].map(|of| schema.get(of).and_then(|all| all.get(0)));
        let whole = parts.into_iter().flatten().next().unwrap_or(schema);
        let name = name_of(whole);
        let definition = self.definitions.get(&name)?.clone();
        Some((name, definition))
    }
}

/// The type of a value that is not null.
fn type_of(schema: &Value) -> Option<&str> {
    let several = schema["type"].as_array().and_then(|types| types.first());
    several.unwrap_or(&schema["type"]).as_str()
}

fn name_of(schema: &Value) -> String {
    let reference = schema["$ref"].as_str().unwrap_or_default();
    reference.rsplit('/').next().unwrap_or_default().to_owned()
}
