//! The JSON schemas of built-in types, with the texts that `kubectl explain` prints.
//!
//! They were made from the types, by `examples/schemas.rs`, and are kept compressed: the code that makes them
//! would take many times the space.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::sync::{Arc, Weak};

use flate2::read::GzDecoder;
use parking_lot::Mutex;
use serde_json::Value;

/// What references in schemas begin with.
pub const REF_PREFIX: &str = "#/definitions/";
static LOADED: Mutex<Weak<Schemas>> = Mutex::new(Weak::new());
const COMPRESSED: &[u8] = include_bytes!("schemas.jsonl.gz");

/// All schemas as text, a definition a line: its name, a tab, its JSON. Kinds have lines too, by
/// `apiVersion` and kind, with the name of their definition.
pub struct Schemas {
    text: String,
    /// Where the lines are, which are in the order of what they begin with.
    lines: Vec<Range<usize>>,
}

impl Schemas {
    /// All schemas, which take some milliseconds to decompress. They stay in memory, some megabytes, as long
    /// as anybody has them.
    pub fn load() -> Arc<Self> {
        let mut loaded = LOADED.lock();
        if let Some(schemas) = loaded.upgrade() {
            return schemas;
        }
        let schemas = Arc::new(Self::decompress());
        *loaded = Arc::downgrade(&schemas);
        schemas
    }

    fn decompress() -> Self {
        let mut text = String::new();
        if let Err(error) = GzDecoder::new(COMPRESSED).read_to_string(&mut text) {
            debug_assert!(false, "schemas that were damaged: {error}");
        }
        let mut start = 0;
        let lines = text.split_inclusive('\n').map(|line| {
            let range = start..start + line.len();
            start = range.end;
            range
        });
        Self {
            lines: lines.collect(),
            text,
        }
    }

    /// The name of the definition of a kind.
    pub fn name_of(&self, api_version: &str, kind: &str) -> Option<String> {
        match self.find(&format!("{api_version} {kind}"))? {
            Value::String(name) => Some(name),
            _ => None,
        }
    }

    /// These definitions and all that they refer to, by name.
    pub fn with_parts(&self, names: impl IntoIterator<Item = String>) -> BTreeMap<String, Value> {
        let mut found = BTreeMap::new();
        let mut wanted: Vec<String> = names.into_iter().collect();
        while let Some(name) = wanted.pop() {
            if found.contains_key(&name) {
                continue;
            }
            if let Some(schema) = self.find(&name) {
                refer(&schema, &mut wanted);
                found.insert(name, schema);
            }
        }
        found
    }

    fn find(&self, wanted: &str) -> Option<Value> {
        let parts = |line: &Range<usize>| self.text.get(line.clone())?.split_once('\t');
        let name = |line: &Range<usize>| parts(line).map_or("", |(name, _)| name);
        let found = self.lines.binary_search_by(|line| name(line).cmp(wanted));
        let (_, json) = parts(self.lines.get(found.ok()?)?)?;
        serde_json::from_str(json).ok()
    }
}

/// The names that a schema refers to, at any depth.
fn refer(schema: &Value, names: &mut Vec<String>) {
    match schema {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str().and_then(|to| to.strip_prefix(REF_PREFIX)) {
                    Some(name) if key == "$ref" => names.push(name.to_owned()),
                    _ => refer(value, names),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| refer(item, names)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table;

    #[test]
    fn every_kind_has_a_schema_whose_parts_are_there() {
        let schemas = Schemas::load();
        let mut names = Vec::new();
        for row in table::RESOURCES {
            for version in row.api_versions() {
                let name = schemas.name_of(&version, row.kind);
                let missing = "has no schema: see \"Adding a kind\" in CONTRIBUTING.md";
                names.push(name.unwrap_or_else(|| panic!("{version} {} {missing}", row.kind)));
            }
        }
        let all = schemas.with_parts(names);
        let mut referred = Vec::new();
        all.values().for_each(|schema| refer(schema, &mut referred));
        assert!(referred.len() > 500 && referred.iter().all(|name| all.contains_key(name)));
    }
}
