//! `/openapi/v2`: one document for all groups.

use portcullis_api::GroupVersion;
use serde_json::{Map, Value, json};

use super::ANSWERS;
use super::definitions::{Definitions, REF_PREFIX};
use super::normalize::GVK;
use super::parameters::{PRETTY, Parameter};
use super::paths::{Operation, Path, paths};
use super::text::{self, Object};
use crate::discovery::Group;

/// The positions in a document where further paths and definitions are inserted.
pub(super) struct Seams {
    paths: usize,
    definitions: usize,
}

/// The document of built-in kinds, which [`Seams::split`] divides if there are others.
pub(super) fn document(groups: &[Group], version: &str) -> (String, Seams) {
    let definitions = Definitions::new(groups);
    let group_versions = groups
        .iter()
        .flat_map(|group| group.versions.iter().map(move |version| (group, version)));
    let items = group_versions
        .flat_map(|(group, version)| {
            let group_version = GroupVersion {
                group: group.name,
                version: version.name,
            };
            paths(&definitions.kinds, group_version, &version.resources)
        })
        .map(|path| (path.path.clone(), path_item(&path)));
    let document = Object::new()
        .with("swagger", &"2.0".into())
        .with("info", &text::info(version))
        .with_each("paths", items);
    let paths = document.inside();
    let document = document.with_each("definitions", definitions.schemas.into_iter());
    let seams = Seams {
        paths,
        definitions: document.inside(),
    };
    let document = document
        .with("securityDefinitions", &text::security())
        .with("security", &json!([{"BearerToken": []}]));
    (document.finish(), seams)
}

impl Seams {
    /// The pieces of the document: up to the end of its paths, up to that of its definitions, the rest.
    pub(super) fn split<'d>(&self, document: &'d [u8]) -> [&'d [u8]; 3] {
        let (start, rest) = document.split_at(self.paths);
        let (middle, end) = rest.split_at(self.definitions - self.paths);
        [start, middle, end]
    }
}

/// Members of the object of paths.
pub(super) fn paths_of(paths: Vec<Path>) -> String {
    let items = paths.into_iter().map(|path| {
        let item = path_item(&path);
        (path.path, item)
    });
    Object::new().with_all(items).members()
}

/// Members of the object of definitions.
pub(super) fn definitions_of(schemas: impl Iterator<Item = (String, Value)>) -> String {
    Object::new().with_all(schemas).members()
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
        "consumes": operation.consumes,
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
