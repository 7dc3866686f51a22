//! What other servers say of the versions that they serve.
//!
//! Upstream: `kube-aggregator/pkg/controllers/openapi` and `openapiv3`, and `pkg/aggregator` of
//! `kube-openapi`, which merges documents of version 2.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use portcullis_api::GroupVersion;
use serde_json::{Map, Value, json};

use super::definitions::REF_PREFIX;
use super::normalize::GVK;
use super::tagged;
use super::text::Object;
use crate::document::Document;

/// What other servers say, by the path of the version below `/openapi/v3/`, such as
/// `apis/metrics.k8s.io/v1beta1`.
pub type RemoteSpecs = BTreeMap<String, RemoteSpec>;

/// What another server says of a version.
#[derive(Clone, Debug, Default)]
pub struct RemoteSpec {
    /// The document of OpenAPI v3.
    pub v3: Option<Document>,
    /// Its part of the server's document of OpenAPI v2.
    pub v2: Option<RemoteV2>,
}

/// Paths and definitions of one version, as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteV2(Bytes);

impl RemoteSpec {
    /// How many bytes of it are kept.
    pub fn size(&self) -> usize {
        let v3 = self.v3.as_ref().map_or(0, |v3| v3.body.kept().len());
        v3 + self.v2.as_ref().map_or(0, |v2| v2.0.len())
    }
}

/// A document of version 3, to be asked for by its hash; `None` if it is no JSON object.
pub fn v3_document(body: &[u8]) -> Option<Document> {
    let document: Map<String, Value> = serde_json::from_slice(body).ok()?;
    Some(tagged(Value::Object(document).to_string()))
}

impl RemoteV2 {
    /// The part of a document of version 2 that is about a version; `None` if there is none.
    pub fn of(document: &[u8], version: GroupVersion<'_>) -> Option<Self> {
        let mut document: Value = serde_json::from_slice(document).ok()?;
        let below = format!("/apis/{version}/");
        let mut paths = taken(&mut document, "paths");
        paths.retain(|path, _| path.starts_with(&below) || *path == below[..below.len() - 1]);
        if paths.is_empty() {
            return None;
        }
        let mut definitions = taken(&mut document, "definitions");
        let mut needed = BTreeSet::new();
        let mut ahead = Vec::new();
        paths.values().for_each(|path| references(path, &mut ahead));
        while let Some(name) = ahead.pop() {
            if let Some(definition) = definitions.get(&name)
                && needed.insert(name)
            {
                references(definition, &mut ahead);
            }
        }
        definitions.retain(|name, _| needed.contains(name));
        let part = json!({"paths": paths, "definitions": definitions});
        Some(Self(part.to_string().into()))
    }
}

fn taken(document: &mut Value, field: &str) -> Map<String, Value> {
    match document.get_mut(field).map(Value::take) {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    }
}

/// Notes the definitions that a schema refers to.
fn references(schema: &Value, found: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value
                    .as_str()
                    .and_then(|text| text.strip_prefix(REF_PREFIX))
                {
                    Some(name) if key == "$ref" => found.push(name.to_owned()),
                    _ => references(value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// The members that other servers add to a document of version 2.
#[derive(Default)]
pub(super) struct Members {
    /// Of the object of paths.
    pub(super) paths: String,
    /// Of the object of definitions.
    pub(super) definitions: String,
}

/// What other servers add to a document that has these definitions. A definition that is the same
/// is not repeated; one that differs gets another name, as upstream: with `_v2` behind it.
pub(super) fn members(specs: &RemoteSpecs, mut known: HashMap<String, Value>) -> Members {
    let (mut paths, mut definitions) = (Object::new(), Object::new());
    for part in specs.values().filter_map(|spec| spec.v2.as_ref()) {
        // what was written as JSON reads as JSON
        let mut part: Value = serde_json::from_slice(&part.0).unwrap_or_default();
        let mut names = HashMap::new();
        let mut new = Vec::new();
        for (name, definition) in taken(&mut part, "definitions") {
            let (chosen, is_new) = choose(&name, &definition, &known);
            if is_new {
                new.push((chosen.clone(), definition));
            }
            if chosen != name {
                names.insert(name, chosen);
            }
        }
        for (name, mut definition) in new {
            known.insert(name.clone(), definition.clone());
            rename(&mut definition, &names);
            definitions = definitions.with(&name, &definition);
        }
        for (path, mut item) in taken(&mut part, "paths") {
            rename(&mut item, &names);
            paths = paths.with(&path, &item);
        }
    }
    Members {
        paths: paths.members(),
        definitions: definitions.members(),
    }
}

/// The name of a definition among others, and whether it is not there yet.
fn choose(name: &str, definition: &Value, known: &HashMap<String, Value>) -> (String, bool) {
    let mut chosen = name.to_owned();
    let mut number = 1;
    loop {
        match known.get(&chosen) {
            None => return (chosen, true),
            Some(same) if is_same(same, definition) => return (chosen, false),
            Some(_) => {
                number += 1;
                chosen = format!("{name}_v{number}");
            }
        }
    }
}

/// Whether two definitions are the same but for the kinds that they are said to be of.
fn is_same(one: &Value, other: &Value) -> bool {
    let without_kinds = |definition: &Value| {
        let mut definition = definition.clone();
        if let Some(fields) = definition.as_object_mut() {
            fields.remove(GVK);
        }
        definition
    };
    one == other || without_kinds(one) == without_kinds(other)
}

fn rename(schema: &mut Value, names: &HashMap<String, String>) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                let named = value
                    .as_str()
                    .and_then(|text| text.strip_prefix(REF_PREFIX));
                match named.and_then(|name| names.get(name)) {
                    Some(name) if key == "$ref" => *value = format!("{REF_PREFIX}{name}").into(),
                    _ => rename(value, names),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| rename(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: GroupVersion<'_> = GroupVersion {
        group: "g",
        version: "v1",
    };

    fn reference(name: &str) -> Value {
        json!({"$ref": format!("{REF_PREFIX}{name}")})
    }

    fn part(definitions: &Value) -> RemoteV2 {
        let document = json!({"swagger": "2.0", "paths": {
            "/apis/g/v1/": {"get": reference("List")},
            "/apis/g/v1/as": {"get": [reference("A")]},
            "/apis/g/v11/bs": {"get": reference("B")}}, "definitions": definitions});
        RemoteV2::of(document.to_string().as_bytes(), VERSION).unwrap()
    }

    fn read(members: &str) -> Value {
        serde_json::from_str(&format!("{{{members}}}")).unwrap()
    }

    #[test]
    fn only_what_is_about_the_version_is_taken() {
        let taken = part(&json!({"A": {"x": reference("C")}, "B": {}, "C": {"y": reference("A")}}));
        let taken: Value = serde_json::from_slice(&taken.0).unwrap();
        assert_eq!(taken["paths"].as_object().unwrap().len(), 2);
        let names: Vec<_> = taken["definitions"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["A", "C"]);
        assert_eq!(
            RemoteV2::of(b"{\"paths\": {\"/apis/h/v1/x\": {}}}", VERSION),
            None
        );
        assert_eq!(RemoteV2::of(b"no JSON", VERSION), None);
    }

    #[test]
    fn what_differs_gets_another_name_and_what_is_the_same_is_shared() {
        let own = HashMap::from([
            ("A".to_owned(), json!({"other": 1})),
            ("C".to_owned(), json!({"same": 1, GVK: ["ours"]})),
        ]);
        let spec = |definitions: &Value| RemoteSpec {
            v2: Some(part(definitions)),
            v3: None,
        };
        let first = json!({"A": {"x": reference("C")}, "C": {"same": 1, GVK: ["theirs"]}});
        let second = json!({"A": {"third": reference("A")}});
        let specs = [("a", &first), ("b", &first), ("c", &second)];
        let specs = specs.map(|(name, definitions)| (name.to_owned(), spec(definitions)));
        let members = members(&specs.into(), own);
        assert_eq!(
            read(&members.definitions),
            json!({"A_v2": {"x": reference("C")}, "A_v3": {"third": reference("A_v3")}})
        );
        assert!(members.paths.contains("A_v2") && members.paths.contains("A_v3"));
    }
}
