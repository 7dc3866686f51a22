//! RFC 6902, by the `json-patch` crate, within limits: a few copies of copies would otherwise
//! fill the memory, and a few moves nest deeper than any stack.

use std::borrow::Cow;

use json_patch::{AddOperation, PatchOperation, jsonptr::Pointer};
use serde_json::Value;

use super::{PatchError, text};

/// Upstream: `maxJSONPatchOperations` in `endpoints/handlers/patch.go`.
const MAX_OPERATIONS: usize = 10_000;
/// What all `copy` operations of a patch may add, in bytes of JSON; upstream allows a body's size.
const MAX_COPIED: usize = 3 << 20;
/// How deep a patch may nest an object.
const MAX_DEPTH: usize = 512;

/// Operations of a JSON patch. One that makes no sense fails where its turn comes, as upstream.
#[derive(Clone, Debug)]
pub struct JsonPatch(Vec<Result<PatchOperation, String>>);

impl JsonPatch {
    pub(super) fn new(body: Value) -> Result<Self, PatchError> {
        let Value::Array(operations) = body else {
            return Err(not_a_patch(&body, "Patch"));
        };
        if operations.len() > MAX_OPERATIONS {
            return Err(PatchError::TooLarge(format!(
                "The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {}",
                operations.len()
            )));
        }
        operations
            .into_iter()
            .map(|operation| {
                if !operation.is_object() {
                    return Err(not_a_patch(&operation, "Operation"));
                }
                Ok(serde_json::from_value(operation).map_err(|e| e.to_string()))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    pub(super) fn apply(&self, original: &Value) -> Result<Value, PatchError> {
        let mut patched = original.clone();
        let mut limits = Limits {
            copied: 0,
            depth: depth(original),
        };
        for operation in &self.0 {
            let operation = operation.as_ref().map_err(|e| unprocessable(e))?;
            limits.admit(operation, &patched)?;
            if let Some(operation) = as_upstream(operation, &patched) {
                json_patch::patch_unsafe(&mut patched, std::slice::from_ref(operation.as_ref()))
                    .map_err(|e| unprocessable(&e.to_string()))?;
            }
        }
        Ok(patched)
    }
}

/// Where upstream's library is laxer than the RFC: a `test` for null holds where nothing is, and
/// `replace` adds a member that an object does not have.
fn as_upstream<'o>(
    operation: &'o PatchOperation,
    document: &Value,
) -> Option<Cow<'o, PatchOperation>> {
    match operation {
        PatchOperation::Test(test)
            if test.value.is_null() && document.pointer(test.path.as_str()).is_none() =>
        {
            None
        }
        PatchOperation::Replace(op) if document.pointer(op.path.as_str()).is_none() => {
            let parent = op.path.split_back().map(|(parent, _)| parent);
            let in_object = parent
                .and_then(|p| document.pointer(p.as_str()))
                .is_some_and(Value::is_object);
            Some(if in_object {
                Cow::Owned(PatchOperation::Add(AddOperation {
                    path: op.path.clone(),
                    value: op.value.clone(),
                }))
            } else {
                Cow::Borrowed(operation)
            })
        }
        _ => Some(Cow::Borrowed(operation)),
    }
}

/// What a patch has used up of what it may.
struct Limits {
    copied: usize,
    /// No value is nested deeper than this.
    depth: usize,
}

impl Limits {
    fn admit(&mut self, operation: &PatchOperation, document: &Value) -> Result<(), PatchError> {
        let at_least = match operation {
            PatchOperation::Add(op) => op.path.count() + depth(&op.value),
            PatchOperation::Replace(op) => op.path.count() + depth(&op.value),
            PatchOperation::Move(op) => self.carried(&op.from, &op.path),
            PatchOperation::Copy(op) => {
                let source = document.pointer(op.from.as_str());
                self.copied += source.map_or(0, |v| v.to_string().len());
                self.carried(&op.from, &op.path)
            }
            PatchOperation::Remove(_) | PatchOperation::Test(_) => 0,
        };
        self.depth = self.depth.max(at_least);
        if self.copied > MAX_COPIED {
            return Err(unprocessable("copies exceed the accumulated size limit"));
        }
        if self.depth > MAX_DEPTH {
            return Err(unprocessable("the patch nests objects too deep"));
        }
        Ok(())
    }

    fn carried(&self, from: &Pointer, to: &Pointer) -> usize {
        (to.count() + self.depth).saturating_sub(from.count())
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
        text::json_kind(found)
    ))
}

fn unprocessable(why: &str) -> PatchError {
    PatchError::Unprocessable(why.to_owned())
}
