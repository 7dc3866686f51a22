//! Patches of JSON values: RFC 6902, RFC 7386 and Kubernetes' strategic merge.
//!
//! A patch is parsed once and may be applied several times, as an update is retried after a
//! conflict. Applying it returns a new value.

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

/// The patch types, by media type.
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
    /// The type of a media type without parameters.
    pub fn of(media_type: &str) -> Option<Self> {
        match media_type {
            "application/json-patch+json" => Some(Self::Json),
            "application/merge-patch+json" => Some(Self::Merge),
            "application/strategic-merge-patch+json" => Some(Self::Strategic),
            _ => None,
        }
    }
}

/// A parsed patch.
#[derive(Clone, Debug)]
pub enum Patch {
    /// Operations, applied in order.
    Json(JsonPatch),
    /// Fields to set; null removes a field.
    Merge(Map<String, Value>),
    /// The same, with directives, and with lists merged by key.
    Strategic(Map<String, Value>),
}

impl Patch {
    /// Parses a patch.
    ///
    /// # Errors
    /// [`PatchError::BadRequest`] if the body is not a patch of that type,
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

    /// Applies the patch to an object of the Go type `root`, such as `Deployment`.
    ///
    /// # Errors
    /// [`PatchError`] if the patch cannot be applied to the object.
    pub fn apply(&self, original: &Value, root: &str) -> Result<Value, PatchError> {
        match self {
            Self::Json(patch) => patch.apply(original),
            Self::Merge(patch) => Ok(merge::merge(original, patch)),
            Self::Strategic(patch) => strategic_merge(original, patch, root),
        }
    }

    /// Whether the result has the type of the patched object, whatever `kind` and `apiVersion` the
    /// patch has: upstream decodes the result of a strategic patch into that type.
    pub const fn keeps_type(&self) -> bool {
        matches!(self, Self::Strategic(_))
    }

    /// 422: the patch could be applied, but the result cannot be decoded as its kind. Upstream
    /// reports the result, or a strategic patch itself, as an invalid value of a field `patch`,
    /// without a kind.
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
    /// 422: the patch cannot be applied to the object.
    #[error("{0}")]
    Unprocessable(String),
    /// 422: a value is not the one that the patch tests for.
    #[error("{0}")]
    FailedTest(String),
    /// 413: the patch has too many operations.
    #[error("{0}")]
    TooLarge(String),
}

impl From<PatchError> for Status {
    /// Upstream's response does not include the reason of a 422.
    fn from(error: PatchError) -> Self {
        match error {
            PatchError::BadRequest(why) => Self::bad_request(why),
            PatchError::Unprocessable(_) | PatchError::FailedTest(_) => Self::failure(
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
