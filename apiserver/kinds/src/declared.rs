//! The types of objects in expressions.

use std::collections::BTreeMap;

use portcullis_cel::{DeclType, SchemaRoot, decl_type};
use serde_json::{Map, Value, json};

use crate::resource::Resource;
use crate::schemas::{REF_PREFIX, Schemas};

/// How deep types are described that contain themselves.
const DEPTH_MAX: usize = 24;
/// The most parts of a type that are described.
const PARTS_MAX: usize = 50_000;

/// The type of the objects of a resource in a version; `None` if it is not known.
pub fn declared(resource: &Resource, api_version: &str) -> Option<DeclType> {
    if let Some(kind) = resource.strategy.custom() {
        return kind.schema(api_version)?.declared();
    }
    let schemas = Schemas::load();
    let name = schemas.name_of(api_version, resource.kind)?;
    let root = json!({"$ref": format!("{REF_PREFIX}{name}")});
    let mut resolver = Resolver {
        definitions: schemas.with_parts([name]),
        parts_left: PARTS_MAX,
    };
    let schema = resolver.resolve(&root, 0);
    decl_type(&schema, SchemaRoot::Resource, resource.kind)
}

/// Resolves the references in schemas.
struct Resolver {
    definitions: BTreeMap<String, Value>,
    parts_left: usize,
}

impl Resolver {
    fn resolve(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(left) = self.parts_left.checked_sub(1) else {
            return json!({});
        };
        self.parts_left = left;
        if depth > DEPTH_MAX {
            return json!({});
        }
        let Some(schema) = schema.as_object() else {
            return json!({});
        };
        if let Some(found) = self.referred(schema) {
            return self.resolve(&found, depth + 1);
        }
        let mut out = Map::new();
        for (key, value) in schema {
            let resolved = match (key.as_str(), value) {
                ("properties", Value::Object(properties)) => {
                    let resolved = properties.iter();
                    let resolved = resolved.map(|(k, v)| (k.clone(), self.resolve(v, depth + 1)));
                    Value::Object(resolved.collect())
                }
                ("items" | "additionalProperties", Value::Object(_)) => {
                    self.resolve(value, depth + 1)
                }
                // a nullable field has its other type
                ("type", Value::Array(types)) => {
                    let mut types = types.iter().filter(|of| *of != "null");
                    types.next().cloned().unwrap_or_default()
                }
                ("type" | "format" | "x-kubernetes-int-or-string", _) => value.clone(),
                _ => continue,
            };
            out.insert(key.clone(), resolved);
        }
        Value::Object(out)
    }

    /// The definition that a schema refers to.
    fn referred(&self, schema: &Map<String, Value>) -> Option<Value> {
        if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
            return self
                .definitions
                .get(name.strip_prefix(REF_PREFIX)?)
                .cloned();
        }
        let of = ["anyOf", "allOf", "oneOf"]
            .iter()
            .find_map(|key| schema.get(*key)?.as_array());
        let mut of = of?
            .iter()
            .filter(|s| s.get("type").is_none_or(|t| t != "null"));
        match (of.next(), of.next()) {
            (Some(only), None) => Some(only.clone()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[test]
    fn objects_have_the_types_of_their_fields() {
        let deployments = table::find("apps/v1", "deployments").unwrap();
        let decl = declared(deployments, "apps/v1").unwrap();
        let environment = portcullis_cel::Environment::of_request(&decl);
        for expression in [
            "object.spec.replicas > 1",
            "object.metadata.labels['a'] == 'b'",
            "object.spec.template.spec.containers.all(c, c.image.startsWith('x'))",
            "object.metadata.creationTimestamp > timestamp('2020-01-01T00:00:00Z')",
            "object.spec.template.spec.containers.all(c, quantity(c.resources.limits['cpu']).isGreaterThan(quantity('1')))",
            "object.spec.strategy.rollingUpdate.maxSurge == 1",
            "object.kind == 'Deployment' && object.apiVersion == 'apps/v1'",
        ] {
            let compiled = environment.compile(expression);
            assert!(compiled.is_ok(), "{expression}: {compiled:?}");
        }
        for (expression, wrong) in [
            (
                "object.spec.replicas > '1'",
                "'_>_' applied to '(int, string)'",
            ),
            ("object.spec.replica > 1", "undefined field 'replica'"),
        ] {
            let error = environment.compile(expression).unwrap_err().to_string();
            assert!(error.contains(wrong), "{expression}: {error}");
        }
    }

    #[test]
    fn all_kinds_have_types() {
        for row in table::RESOURCES {
            for version in row.api_versions() {
                assert!(declared(row, &version).is_some(), "{version} {}", row.kind);
            }
        }
    }
}
