//! RFC 6902 as upstream's library has it (`evanphx/json-patch` 4.12), within limits: a few copies of
//! copies would otherwise fill the memory, and a few moves nest deeper than any stack.
//!
//! That library is laxer than the RFC: an index may count from the end, what precedes the first slash
//! of a path is not looked at, a value that is not given is null, and what an object does not have
//! reads as null, so that it can be replaced, copied, and tested for.

use serde_json::Value;

use super::PatchError;
use crate::go_text;

/// Upstream: `maxJSONPatchOperations` in `endpoints/handlers/patch.go`.
const MAX_OPERATIONS: usize = 10_000;
/// What all `copy` operations of a patch may add, in bytes of JSON; upstream allows a body's size.
const MAX_COPIED: usize = 3 << 20;
/// How deep a patch may nest an object.
const MAX_DEPTH: usize = 512;

/// Operations of a JSON patch. One that makes no sense fails where its turn comes, as upstream.
#[derive(Clone, Debug)]
pub struct JsonPatch(Vec<Operation>);

#[derive(Clone, Debug)]
struct Operation {
    /// `op`, if it is text.
    name: String,
    path: Option<String>,
    from: Option<String>,
    value: Option<Value>,
}

impl Operation {
    fn new(operation: Value) -> Result<Self, PatchError> {
        let mut fields = match operation {
            Value::Null => serde_json::Map::new(),
            Value::Object(fields) => fields,
            other => return Err(not_a_patch(&other, "Operation")),
        };
        let mut text = |name| match fields.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => None,
        };
        Ok(Self {
            name: text("op").unwrap_or_default(),
            path: text("path"),
            from: text("from"),
            value: fields.remove("value"),
        })
    }

    fn path(&self) -> Result<&str, PatchError> {
        let missing = || unprocessable("operation missing path field");
        self.path.as_deref().ok_or_else(missing)
    }

    fn from(&self) -> Result<&str, PatchError> {
        let missing = || unprocessable("operation, missing from field");
        self.from.as_deref().ok_or_else(missing)
    }
}

impl JsonPatch {
    pub(super) fn new(body: Value) -> Result<Self, PatchError> {
        let operations = match body {
            Value::Null => Vec::new(),
            Value::Array(operations) => operations,
            other => return Err(not_a_patch(&other, "Patch")),
        };
        if operations.len() > MAX_OPERATIONS {
            return Err(PatchError::TooLarge(format!(
                "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
                operations.len()
            )));
        }
        let operations = operations.into_iter().map(Operation::new);
        operations.collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn apply(&self, original: &Value) -> Result<Value, PatchError> {
        let mut patched = original.clone();
        let mut limits = Limits {
            copied: 0,
            depth: depth(original),
        };
        for operation in &self.0 {
            apply(operation, &mut patched, &mut limits)?;
        }
        Ok(patched)
    }
}

fn apply(operation: &Operation, doc: &mut Value, limits: &mut Limits) -> Result<(), PatchError> {
    let value = || operation.value.clone().unwrap_or_default();
    match operation.name.as_str() {
        "add" => {
            let path = operation.path()?;
            limits.nest(
                path,
                depth(operation.value.as_ref().unwrap_or(&Value::Null)),
            )?;
            Place::find(doc, path)?.add(value())
        }
        "remove" => Place::find(doc, operation.path()?)?.remove().map(drop),
        "replace" => {
            let path = operation.path()?;
            limits.nest(
                path,
                depth(operation.value.as_ref().unwrap_or(&Value::Null)),
            )?;
            replace(doc, path, value())
        }
        "move" => {
            let (from, to) = (operation.from()?, operation.path()?);
            limits.nest(to, limits.depth.saturating_sub(steps(from)))?;
            let moved = Place::find(doc, from)?.remove()?;
            Place::find(doc, to)?.add(moved)
        }
        "copy" => {
            let (from, to) = (operation.from()?, operation.path()?);
            limits.nest(to, limits.depth.saturating_sub(steps(from)))?;
            let copied = Place::find(doc, from)?.get()?.clone();
            limits.copy(&copied)?;
            Place::find(doc, to)?.add(copied)
        }
        "test" => test(doc, operation.path()?, &value()),
        other => Err(unprocessable(&format!("Unexpected kind: {other}"))),
    }
}

/// An empty path is the whole document, which stays an object or a list.
fn replace(doc: &mut Value, path: &str, value: Value) -> Result<(), PatchError> {
    if !path.is_empty() {
        return Place::find(doc, path)?.set(value);
    }
    if !(value.is_object() || value.is_array()) {
        let why = "replace operation value must be object or array";
        return Err(unprocessable(why));
    }
    *doc = value;
    Ok(())
}

fn test(doc: &mut Value, path: &str, wanted: &Value) -> Result<(), PatchError> {
    let same = if path.is_empty() {
        *doc == *wanted
    } else {
        Place::find(doc, path)?.get()? == wanted
    };
    if same {
        Ok(())
    } else {
        Err(unprocessable(&format!("testing value {path} failed")))
    }
}

/// Where a path leads: into an object or a list, and what is meant there.
struct Place<'d> {
    container: &'d mut Value,
    key: String,
}

impl<'d> Place<'d> {
    fn find(doc: &'d mut Value, path: &str) -> Result<Self, PatchError> {
        let missing = || unprocessable(&format!("doc is missing path: {path:?}"));
        let mut parts = path.split('/').skip(1).map(decoded);
        let mut key = parts.next().ok_or_else(missing)?;
        let mut container = doc;
        for next in parts {
            let inner = match container {
                Value::Object(fields) => fields.get_mut(&key),
                Value::Array(items) => {
                    let at = index(&key, items.len())?;
                    items.get_mut(at)
                }
                _ => None,
            };
            container = inner.ok_or_else(missing)?;
            key = next;
        }
        if container.is_object() || container.is_array() {
            Ok(Self { container, key })
        } else {
            Err(missing())
        }
    }

    /// What an object does not have is null.
    fn get(&self) -> Result<&Value, PatchError> {
        match &*self.container {
            Value::Array(items) => {
                let at = index(&self.key, items.len())?;
                items.get(at).ok_or_else(|| invalid_index(&self.key))
            }
            container => Ok(container.get(&self.key).unwrap_or(&Value::Null)),
        }
    }

    fn set(self, value: Value) -> Result<(), PatchError> {
        match self.container {
            Value::Array(items) => {
                let at = index(&self.key, items.len())?;
                let item = items.get_mut(at);
                *item.ok_or_else(|| invalid_index(&self.key))? = value;
            }
            container => container[self.key.as_str()] = value,
        }
        Ok(())
    }

    fn add(self, value: Value) -> Result<(), PatchError> {
        match self.container {
            Value::Array(items) if self.key == "-" => items.push(value),
            Value::Array(items) => {
                // the place behind the last one counts, from the end too
                let at = index(&self.key, items.len() + 1)?;
                items.insert(at, value);
            }
            container => container[self.key.as_str()] = value,
        }
        Ok(())
    }

    fn remove(self) -> Result<Value, PatchError> {
        match self.container {
            Value::Array(items) => {
                let at = index(&self.key, items.len())?;
                Ok(items.remove(at))
            }
            Value::Object(fields) => fields.remove(&self.key).ok_or_else(|| {
                unprocessable(&format!("Unable to remove nonexistent key: {}", self.key))
            }),
            _ => Err(invalid_index(&self.key)),
        }
    }
}

/// A place among so many, which may be counted from the end.
fn index(key: &str, len: usize) -> Result<usize, PatchError> {
    let number: i64 = key.parse().map_err(|_| invalid_index(key))?;
    let at = usize::try_from(number.unsigned_abs()).map_err(|_| invalid_index(key))?;
    let at = if number < 0 {
        len.checked_sub(at)
    } else {
        Some(at)
    };
    at.filter(|at| *at < len).ok_or_else(|| invalid_index(key))
}

fn decoded(part: &str) -> String {
    part.replace("~1", "/").replace("~0", "~")
}

/// How many steps a path has.
fn steps(path: &str) -> usize {
    path.matches('/').count()
}

/// What a patch has used up of what it may.
struct Limits {
    copied: usize,
    /// No value is nested deeper than this.
    depth: usize,
}

impl Limits {
    /// A value of that depth comes to a path.
    fn nest(&mut self, path: &str, depth: usize) -> Result<(), PatchError> {
        self.depth = self.depth.max(steps(path) + depth);
        if self.depth > MAX_DEPTH {
            return Err(unprocessable("the patch nests objects too deep"));
        }
        Ok(())
    }

    fn copy(&mut self, value: &Value) -> Result<(), PatchError> {
        self.copied += value.to_string().len();
        if self.copied > MAX_COPIED {
            return Err(unprocessable("copies exceed the accumulated size limit"));
        }
        Ok(())
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}

fn not_a_patch(found: &Value, wanted: &str) -> PatchError {
    PatchError::BadRequest(format!(
        "json: cannot unmarshal {} into Go value of type jsonpatch.{wanted}",
        go_text::json_kind(found)
    ))
}

fn invalid_index(key: &str) -> PatchError {
    unprocessable(&format!("Unable to access invalid index: {key}"))
}

fn unprocessable(why: &str) -> PatchError {
    PatchError::Unprocessable(why.to_owned())
}
