//! RFC 6902 as upstream's library implements it (`evanphx/json-patch` 4.12), with limits: otherwise
//! a few copies of copies could exhaust memory, and a few moves could nest values deep enough to
//! overflow the stack.
//!
//! That library is more lenient than the RFC: a negative index counts from the end, text before the
//! first slash of a path is ignored, a missing value is null, and a missing field of an object
//! reads as null, so that it can be replaced, copied and tested.

use serde_json::Value;

use super::PatchError;
use crate::go_text;

/// Upstream: `maxJSONPatchOperations` in `endpoints/handlers/patch.go`.
const MAX_OPERATIONS: usize = 10_000;
/// The size of JSON that all `copy` operations of a patch may add, in bytes; as upstream, that of a
/// body.
const MAX_COPIED: usize = 3 << 20;
/// The depth to which a patch may nest values.
const MAX_DEPTH: usize = 512;

/// Operations of a JSON patch. As upstream, an invalid one fails only when it is applied.
#[derive(Clone, Debug)]
pub struct JsonPatch(Vec<Operation>);

#[derive(Clone, Debug)]
struct Operation {
    /// `op`, or empty if that is not a string.
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
            Target::find(doc, path)?.add(value())
        }
        "remove" => Target::find(doc, operation.path()?)?.remove().map(drop),
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
            let moved = Target::find(doc, from)?.remove()?;
            Target::find(doc, to)?.add(moved)
        }
        "copy" => {
            let (from, to) = (operation.from()?, operation.path()?);
            limits.nest(to, limits.depth.saturating_sub(steps(from)))?;
            let copied = Target::find(doc, from)?.get()?.clone();
            limits.copy(&copied)?;
            Target::find(doc, to)?.add(copied)
        }
        "test" => test(doc, operation.path()?, &value()),
        other => Err(unprocessable(&format!("Unexpected kind: {other}"))),
    }
}

/// An empty path replaces the whole document, which must stay an object or a list.
fn replace(doc: &mut Value, path: &str, value: Value) -> Result<(), PatchError> {
    if !path.is_empty() {
        return Target::find(doc, path)?.set(value);
    }
    if !(value.is_object() || value.is_array()) {
        let why = "replace operation value must be object or array";
        return Err(unprocessable(why));
    }
    *doc = value;
    Ok(())
}

fn test(doc: &mut Value, path: &str, expected: &Value) -> Result<(), PatchError> {
    let same = if path.is_empty() {
        *doc == *expected
    } else {
        Target::find(doc, path)?.get()? == expected
    };
    if same {
        Ok(())
    } else {
        let why = format!("testing value {path} failed");
        Err(PatchError::FailedTest(unprocessable(&why).to_string()))
    }
}

/// The target of a path: an object or list, and a key in it.
struct Target<'d> {
    container: &'d mut Value,
    key: String,
}

impl<'d> Target<'d> {
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

    /// A missing field of an object is null.
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
                // the position after the last element is valid, also counted from the end
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

/// Parses an index into a list of `len` elements; a negative one counts from the end.
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

/// The number of steps of a path.
fn steps(path: &str) -> usize {
    path.matches('/').count()
}

/// What a patch has used of its limits.
struct Limits {
    copied: usize,
    /// An upper bound of the depth of the document.
    depth: usize,
}

impl Limits {
    /// Checks the limit before a value of this depth is added at a path.
    fn nest(&mut self, path: &str, depth: usize) -> Result<(), PatchError> {
        self.depth = self.depth.max(steps(path) + depth);
        if self.depth > MAX_DEPTH {
            return Err(unprocessable("the patch nests values too deeply"));
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
