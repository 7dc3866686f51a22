//! Patches: RFC 6902, RFC 7386 and Kubernetes' own strategic merge, on plain JSON.
//!
//! A patch is read once and may be applied often, to whatever the object has become meanwhile. It
//! never changes what it is applied to.

mod directive;
mod json;
mod list;
mod merge;
mod strategic;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::decode::DecodeError;
use crate::status::{Details, Reason, Status};
use crate::{FieldError, GroupKind, Path, go_text};

pub use json::JsonPatch;
pub use strategic::strategic_merge;

/// The three media types, each its own way to change an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// `application/json-patch+json`
    Json,
    /// `application/merge-patch+json`
    Merge,
    /// `application/strategic-merge-patch+json`
    Strategic,
}

impl PatchType {
    /// By media type, parameters left off.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            _ => None,
        }
    }
}

/// A patch as a client sent it.
#[derive(Clone, Debug)]
pub enum Patch {
    /// Operations, one after the other.
    Json(JsonPatch),
    /// Fields to set, and nulls for those to drop.
    Merge(Map<String, Value>),
    /// The same, with lists merged by key and directives.
    Strategic(Map<String, Value>),
}

impl Patch {
    /// Reads a patch from the request's body.
    ///
    /// # Errors
    /// [`PatchError::BadRequest`] if the body is no patch of that type at all,
    /// [`PatchError::TooLarge`] if it has too many operations.
    pub fn new(patch_type: PatchType, body: Value) -> Result<Self, PatchError> {
        match (patch_type, body) {
            (PatchType::Json, body) => JsonPatch::new(body).map(Self::Json),
            (PatchType::Merge, Value::Object(fields)) => Ok(Self::Merge(fields)),
            (PatchType::Strategic, Value::Object(fields)) => Ok(Self::Strategic(fields)),
            (PatchType::Merge | PatchType::Strategic, other) => {
                Err(PatchError::BadRequest(format!(
                    "json: cannot unmarshal {} into Go value of type map[string]interface {{}}",
                    go_text::json_kind(&other)
                )))
            }
        }
    }

    /// The object with the patch applied; `root` is its Go type, such as `Deployment`.
    ///
    /// # Errors
    /// [`PatchError`], if the patch does not fit the object.
    pub fn apply(&self, original: &Value, root: &str) -> Result<Value, PatchError> {
        match self {
            Self::Json(patch) => patch.apply(original),
            Self::Merge(patch) => Ok(merge::merge(original, patch)),
            Self::Strategic(patch) => strategic_merge(original, patch, root),
        }
    }

    /// Whether the outcome is of the type that is patched, whatever `kind` and `apiVersion` the patch
    /// has: upstream puts what a strategic patch comes to into an object of that type.
    pub const fn keeps_type(&self) -> bool {
        matches!(self, Self::Strategic(_))
    }

    /// 422: the patch could be applied, but what came out cannot be read as its kind. Upstream shows
    /// the outcome, or a strategic patch itself, as a bad value of a field `patch`, and names no kind.
    pub fn unreadable(&self, outcome: &Value, why: &DecodeError) -> Status {
        let (shown, why) = match self {
            Self::Json(_) | Self::Merge(_) => (outcome.to_string(), why.to_string()),
            Self::Strategic(patch) => (
                go_text::go_value(&Value::Object(patch.clone())),
                why.of_conversion(),
            ),
        };
        let kind = GroupKind {
            group: "",
            kind: "",
        };
        let error = FieldError::invalid(&Path::new("patch"), shown.as_str(), why);
        Status::invalid(kind, "", &[error])
    }
}

/// Why a patch could not be applied.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PatchError {
    /// 400: the patch is malformed, whatever it is applied to.
    #[error("{0}")]
    BadRequest(String),
    /// 422: the patch does not fit the object.
    #[error("{0}")]
    Unprocessable(String),
    /// 413: more operations than anyone may ask for.
    #[error("{0}")]
    TooLarge(String),
}

impl From<PatchError> for Status {
    /// Upstream keeps the reason of a 422 to itself.
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::BadRequest(why) => Self::bad_request(why),
            PatchError::Unprocessable(_) => Self::failure(
                Reason::Invalid,
                "the server rejected our request due to an error in our request",
            )
            .with_details(Details::default()),
            PatchError::TooLarge(why) => Self::failure(Reason::RequestEntityTooLarge, why),
        }
    }
}

#[cfg(test)]
mod tests;
