//! `/openapi/v3`: a document for each version of a group, with all definitions it refers to.

use std::collections::BTreeSet;

use portcullis_api::GroupVersion;
use serde_json::{Map, Value, json};

use super::ANSWERS;
use super::definitions::{Definitions, REF_PREFIX, machinery};
use super::normalize::GVK;
use super::parameters::{PRETTY, Parameter};
use super::paths::{Operation, Path, paths};
use super::text::{self, Object};
use crate::discovery::Group;

const REF: &str = "#/components/schemas/";

/// The text of every document by its path below `/openapi/v3/`, such as `apis/apps/v1`.
pub(super) fn documents(
    definitions: &Definitions,
    groups: &[Group],
    version: &str,
) -> Vec<(String, String)> {
    let mut documents = Vec::new();
    for group in groups {
        let root = if group.name.is_empty() { "api" } else { "apis" };
        for served in &group.versions {
            let group_version = GroupVersion {
                group: group.name,
                version: served.name,
            };
            let paths = paths(&definitions.kinds, group_version, &served.resources);
            let always = ["WatchEvent", "APIResourceList"].map(machinery);
            let schemas = schemas(definitions, always, &paths);
            let name = format!("{root}/{group_version}");
            documents.push((name, document(&paths, &schemas, version)));
        }
    }
    documents
}

/// The text of a document.
pub(super) fn document(paths: &[Path], schemas: &Map<String, Value>, version: &str) -> String {
    let items = paths
        .iter()
        .map(|path| (path.path.clone(), path_item(path)));
    Object::new()
        .with("openapi", &"3.0.0".into())
        .with("info", &text::info(version))
        .with_each("paths", items)
        .with(
            "components",
            &json!({"schemas": schemas, "securitySchemes": text::security()}),
        )
        .finish()
}

/// The schemas of a document, as far as they are defined: those named, those that the paths refer to, and all
/// that these refer to.
pub(super) fn schemas(
    definitions: &Definitions,
    named: impl IntoIterator<Item = String>,
    paths: &[Path],
) -> Map<String, Value> {
    let mut needed = BTreeSet::new();
    for name in named {
        need(definitions, &name, &mut needed);
    }
    for operation in paths.iter().flat_map(|path| &path.operations) {
        let named = operation.body.iter().map(|(definition, _)| definition);
        for definition in named.chain(&operation.answer) {
            need(definitions, definition, &mut needed);
        }
    }
    let translated = needed.into_iter().filter_map(|name| {
        let schema = definitions.schemas.get(&name)?;
        Some((name, translate(schema)))
    });
    translated.collect()
}

/// Drops all definitions except those named and all that these refer to.
pub(super) fn retain(definitions: &mut Definitions, named: impl IntoIterator<Item = String>) {
    let mut needed = BTreeSet::new();
    for name in named {
        need(definitions, &name, &mut needed);
    }
    definitions.schemas.retain(|name, _| needed.contains(name));
}

/// Notes a definition and all that it refers to.
fn need(definitions: &Definitions, name: &str, needed: &mut BTreeSet<String>) {
    if !needed.insert(name.to_owned()) {
        return;
    }
    if let Some(schema) = definitions.schemas.get(name) {
        each_reference(schema, &mut |reference| {
            need(definitions, reference, needed);
        });
    }
}

fn each_reference(schema: &Value, visit: &mut dyn FnMut(&str)) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if key == "$ref" => {
                        visit(text.strip_prefix(REF_PREFIX).unwrap_or(text));
                    }
                    _ => each_reference(value, visit),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| each_reference(item, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A schema in the form of version 3: a reference has no siblings, and a value may have several types.
fn translate(schema: &Value) -> Value {
    match schema {
        Value::Object(fields) => {
            let mut translated: Map<String, Value> = fields
                .iter()
                .filter(|(key, _)| *key != "$ref")
                .map(|(key, value)| (key.clone(), translate(value)))
                .collect();
            if fields.get("format").and_then(Value::as_str) == Some("int-or-string") {
                translated.remove("type");
                let types = json!([{"type": "integer"}, {"type": "string"}]);
                translated.insert("oneOf".to_owned(), types);
            }
            if let Some(name) = fields.get("$ref").and_then(Value::as_str) {
                let reference = reference(name.strip_prefix(REF_PREFIX).unwrap_or(name));
                if translated.is_empty() {
                    return reference;
                }
                translated.insert("allOf".to_owned(), Value::Array(vec![reference]));
            }
            Value::Object(translated)
        }
        Value::Array(items) => Value::Array(items.iter().map(translate).collect()),
        other => other.clone(),
    }
}

fn reference(definition: &str) -> Value {
    json!({"$ref": format!("{REF}{definition}")})
}

fn path_item(path: &Path) -> Value {
    let mut item: Map<String, Value> = path
        .operations
        .iter()
        .map(|o| (o.method.to_owned(), operation(o)))
        .collect();
    let variables = path.variables.iter().map(|(name, description)| {
        json!({"name": name, "in": "path", "required": true, "description": description,
            "schema": {"type": "string", "uniqueItems": true}})
    });
    let parameters = variables.chain([query(PRETTY)]).collect();
    item.insert("parameters".to_owned(), Value::Array(parameters));
    Value::Object(item)
}

fn query(parameter: &Parameter) -> Value {
    json!({"name": parameter.name, "in": "query", "description": parameter.description,
        "schema": {"type": parameter.kind, "uniqueItems": true}})
}

fn operation(operation: &Operation) -> Value {
    let mut responses = Map::new();
    for (code, meaning) in operation.codes {
        let schema = match &operation.answer {
            Some(definition) => reference(definition),
            None => json!({"type": "string"}),
        };
        responses.insert(
            (*code).to_owned(),
            json!({"description": meaning, "content": content(&ANSWERS, &schema)}),
        );
    }
    responses.insert("401".to_owned(), json!({"description": "Unauthorized"}));
    let mut written = json!({
        "description": operation.description,
        "operationId": operation.id,
        "tags": [operation.tag],
        "parameters": operation.parameters.iter().map(query).collect::<Vec<_>>(),
        "responses": responses,
        "x-kubernetes-action": operation.action,
        GVK: operation.gvk,
    });
    if let Some((definition, required)) = &operation.body {
        let content = content(operation.consumes, &reference(definition));
        written["requestBody"] = json!({"content": content});
        if *required {
            written["requestBody"]["required"] = true.into();
        }
    }
    written
}

fn content(media_types: &[&str], schema: &Value) -> Value {
    media_types
        .iter()
        .map(|media_type| ((*media_type).to_owned(), json!({"schema": schema})))
        .collect::<Map<_, _>>()
        .into()
}
