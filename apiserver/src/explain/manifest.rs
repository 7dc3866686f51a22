//! Manifests named on the command line.

use std::io::Read;
use std::path::Path;

use serde_json::Value;

use crate::endpoints::body;

/// What begins a line between two documents.
const SEPARATOR: &str = "---";

/// The objects of a manifest, in YAML or JSON: those of all its documents, and of the lists among them. `-` is
/// standard input.
///
/// # Errors
/// Why it cannot be read, or which of its documents is no object.
pub fn read(path: &Path) -> Result<Vec<Value>, String> {
    let mut text = String::new();
    let read = match path == Path::new("-") {
        true => std::io::stdin().lock().read_to_string(&mut text).map(drop),
        false => std::fs::read_to_string(path).map(|read| text = read),
    };
    read.map_err(|error| error.to_string())?;
    objects(&text)
}

fn objects(text: &str) -> Result<Vec<Value>, String> {
    let mut objects = Vec::new();
    let documents = documents(text);
    let one_of_many = documents.len() > 1;
    for (at, document) in documents.iter().enumerate() {
        let read = body::yaml(document.as_bytes()).map_err(|error| error.to_string());
        let added = read.and_then(|value| add(value, &mut objects));
        added.map_err(|why| match one_of_many {
            true => format!("document {}: {why}", at + 1),
            false => why,
        })?;
    }
    match objects.is_empty() {
        true => Err("it contains no object".to_owned()),
        false => Ok(objects),
    }
}

/// The documents of a YAML stream, as kubectl splits it (upstream: `splitYAMLDocument` in
/// `k8s.io/apimachinery/pkg/util/yaml`).
fn documents(text: &str) -> Vec<String> {
    let mut documents = vec![String::new()];
    for line in text.split_inclusive('\n') {
        match documents.last_mut() {
            Some(document) if !line.starts_with(SEPARATOR) => document.push_str(line),
            _ => documents.push(String::new()),
        }
    }
    documents.retain(|document| !document.trim().is_empty());
    documents
}

/// Adds an object, or the objects of a list.
fn add(value: Value, objects: &mut Vec<Value>) -> Result<(), String> {
    // nothing but comments
    if value.is_null() {
        return Ok(());
    }
    if !value.is_object() {
        return Err("it is not an object".to_owned());
    }
    let text = |field: &str| value.get(field).and_then(Value::as_str).unwrap_or_default();
    for field in ["apiVersion", "kind"] {
        if text(field).is_empty() {
            return Err(format!("the object has no {field}"));
        }
    }
    if (text("apiVersion"), text("kind")) != ("v1", "List") {
        objects.push(value);
        return Ok(());
    }
    let items = value.get("items").and_then(Value::as_array);
    let mut items = items.into_iter().flatten().enumerate();
    items.try_for_each(|(at, item)| {
        let added = add(item.clone(), objects);
        added.map_err(|why| format!("items[{at}]: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Result<Vec<String>, String> {
        let objects = objects(text)?;
        let kinds = objects.iter().map(|object| object["kind"].to_string());
        Ok(kinds.collect())
    }

    #[test]
    fn every_document_is_read_and_every_item_of_a_list() {
        let many = "# first\n---\napiVersion: v1\nkind: A\n--- # second\n\n---\napiVersion: v1\nkind: List\nitems:\n- {apiVersion: v1, kind: B}\n- {apiVersion: v1, kind: C}\n";
        assert_eq!(kinds(many).unwrap(), ["\"A\"", "\"B\"", "\"C\""]);
        let json = r#"{"apiVersion": "v1", "kind": "A"}"#;
        assert_eq!(kinds(json).unwrap(), ["\"A\""]);
    }

    #[test]
    fn errors_say_what_is_missing_and_where() {
        let good = "apiVersion: v1\nkind: A\n";
        for (text, why) in [
            ("", "it contains no object"),
            ("# nothing\n---\n", "it contains no object"),
            ("kind: A", "the object has no apiVersion"),
            ("apiVersion: v1", "the object has no kind"),
            ("a list", "it is not an object"),
            (
                &format!("{good}---\nkind: B"),
                "document 2: the object has no apiVersion",
            ),
            (
                "apiVersion: v1\nkind: List\nitems: [{kind: B}]",
                "items[0]: the object has no apiVersion",
            ),
        ] {
            assert_eq!(kinds(text), Err(why.to_owned()), "{text}");
        }
    }
}
