//! `/openapi/v2`: one document of everything.

use serde_json::{Map, Value, json};

use super::definitions::{Definitions, REF_PREFIX};
use super::normalize::GVK;
use super::parameters::{PRETTY, Parameter};
use super::paths::{Operation, Path, paths};
use super::text::{self, Object};
use super::{ANSWERS, body_types};
use crate::discovery::Group;

/// The whole document.
pub(super) fn document(groups: &[Group], version: &str) -> String {
    let definitions = Definitions::new(groups);
    let group_versions = groups
        .iter()
        .flat_map(|group| group.versions.iter().map(move |version| (group, version)));
    let paths = group_versions
        .flat_map(|(group, version)| paths(&definitions, group, version))
        .map(|path| (path.path.clone(), path_item(&path)));
    let document = Object::new()
        .with("swagger", &"2.0".into())
        .with("info", &text::info(version))
        .with_each("paths", paths);
    document
        .with_each("definitions", definitions.schemas.into_iter())
        .with("securityDefinitions", &text::security())
        .with("security", &json!([{"BearerToken": []}]))
        .finish()
}

fn path_item(path: &Path) -> Value {
    let mut item: Map<String, Value> = path
        .operations
        .iter()
        .map(|o| (o.method.to_owned(), operation(o)))
        .collect();
    let variables = path.variables.iter().map(|(name, description)| {
        json!({"name": name, "in": "path", "required": true, "type": "string",
            "uniqueItems": true, "description": description})
    });
    let parameters = variables.chain([query(PRETTY)]).collect();
    item.insert("parameters".to_owned(), Value::Array(parameters));
    Value::Object(item)
}

fn query(parameter: &Parameter) -> Value {
    json!({"name": parameter.name, "in": "query", "type": parameter.kind,
        "uniqueItems": true, "description": parameter.description})
}

fn operation(operation: &Operation) -> Value {
    let body = operation.body.as_ref().map(|(definition, required)| {
        let mut body = json!({"name": "body", "in": "body", "schema": reference(definition)});
        if *required {
            body["required"] = true.into();
        }
        body
    });
    let queries = operation.parameters.iter().map(query);
    let parameters: Vec<Value> = body.into_iter().chain(queries).collect();
    let mut responses = Map::new();
    for (code, meaning) in operation.codes {
        let schema = match &operation.answer {
            Some(definition) => reference(definition),
            None => json!({"type": "string"}),
        };
        responses.insert(
            (*code).to_owned(),
            json!({"description": meaning, "schema": schema}),
        );
    }
    responses.insert("401".to_owned(), json!({"description": "Unauthorized"}));
    json!({
        "description": operation.description,
        "operationId": operation.id,
        "tags": [operation.tag],
        "schemes": ["https"],
        "consumes": body_types(operation.method),
        "produces": ANSWERS,
        "parameters": parameters,
        "responses": responses,
        "x-kubernetes-action": operation.action,
        GVK: operation.gvk,
    })
}

fn reference(definition: &str) -> Value {
    json!({"$ref": format!("{REF_PREFIX}{definition}")})
}
