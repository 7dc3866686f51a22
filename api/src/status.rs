//! `Status`: the body of every error response.
//!
//! Messages, reasons and codes are those of upstream's
//! `k8s.io/apimachinery/pkg/api/errors/errors.go`.

mod reason;

use serde::Serialize;

use crate::field_error::{FieldError, aggregate};
use crate::gvk::{GroupKind, GroupResource};

pub use reason::Reason;

/// The number of errors that a response lists at most, because a small body can have a million of
/// them.
pub const CAUSES_MAX: usize = 1000;

/// A response that is not an object: a failure, or the success of a deletion.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Status {
    kind: &'static str,
    api_version: &'static str,
    metadata: ListMeta,
    /// `Success` or `Failure`.
    pub status: &'static str,
    /// The human-readable message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The machine-readable reason; unset on success.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<Reason>,
    /// A reason that another server has set; it replaces `reason`.
    #[serde(rename = "reason", skip_serializing_if = "Option::is_none")]
    other_reason: Option<Box<Text>>,
    /// The object and the errors.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Details>>,
    /// The HTTP status code; upstream leaves it out on success.
    #[serde(skip_serializing_if = "is_success")]
    pub code: u16,
}

/// The metadata of an expired list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
struct ListMeta {
    #[serde(rename = "continue", skip_serializing_if = "Option::is_none")]
    continues: Option<Box<Text>>,
}

/// Text that few responses have, behind a thin pointer: a `Status` is returned by most functions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Text(String);

fn is_success(code: &u16) -> bool {
    *code == 200
}

/// The object of a [`Status`], and its errors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Details {
    /// The object's name.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The object's group.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// The object's resource, or in some cases its kind.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub kind: String,
    /// The object's uid.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// One entry per error.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<Cause>,
    /// Seconds after which to retry; zero for no retry.
    #[serde(skip_serializing_if = "is_zero")]
    pub retry_after_seconds: u32,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// One of several errors.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Cause {
    /// The machine-readable reason.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The human-readable message.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
    /// The field path.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub field: String,
}

impl Status {
    /// A failure of the given reason.
    pub fn failure(reason: Reason, message: impl Into<String>) -> Self {
        Self {
            kind: "Status",
            api_version: "v1",
            metadata: ListMeta::default(),
            status: "Failure",
            message: message.into(),
            reason: Some(reason),
            other_reason: None,
            details: None,
            code: reason.code(),
        }
    }

    /// 200: the response to a deletion.
    pub fn success(details: Details) -> Self {
        Self {
            status: "Success",
            message: String::new(),
            reason: None,
            details: Some(Box::new(details)),
            code: 200,
            ..Self::failure(Reason::InternalError, "")
        }
    }

    /// 201: the response to an action on an object, such as a binding.
    pub fn created() -> Self {
        Self {
            details: None,
            code: 201,
            ..Self::success(Details::default())
        }
    }

    /// Sets the details.
    #[must_use]
    pub fn with_details(mut self, details: Details) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// Sets the reason, which may be any text; an empty text removes it. The code stays the same.
    #[must_use]
    pub fn with_reason(mut self, reason: &str) -> Self {
        self.reason = Reason::named(reason);
        let is_other = self.reason.is_none() && !reason.is_empty();
        self.other_reason = is_other.then(|| Box::new(Text(reason.to_owned())));
        self
    }

    fn about(self, resource: GroupResource<'_>, name: &str) -> Self {
        self.with_details(Details {
            name: name.into(),
            group: resource.group.into(),
            kind: resource.resource.into(),
            ..Details::default()
        })
    }

    /// 404 for an object.
    pub fn not_found(resource: GroupResource<'_>, name: &str) -> Self {
        Self::failure(Reason::NotFound, format!("{resource} {name:?} not found"))
            .about(resource, name)
    }

    /// 404 for a path, or a resource, that is not served.
    pub fn no_such_resource() -> Self {
        Self::failure(
            Reason::NotFound,
            "the server could not find the requested resource",
        )
        .with_details(Details::default())
    }

    /// 409 for a name that is taken.
    pub fn already_exists(resource: GroupResource<'_>, name: &str) -> Self {
        Self::failure(
            Reason::AlreadyExists,
            format!("{resource} {name:?} already exists"),
        )
        .about(resource, name)
    }

    /// 409 for a change of a stale object, or a failed precondition.
    pub fn conflict(resource: GroupResource<'_>, name: &str, why: &str) -> Self {
        let message = format!("Operation cannot be fulfilled on {resource} {name:?}: {why}");
        Self::failure(Reason::Conflict, message).about(resource, name)
    }

    /// 403, by authorization or admission.
    pub fn forbidden(resource: GroupResource<'_>, name: &str, why: &str) -> Self {
        let message = match (resource.resource.is_empty(), name.is_empty()) {
            (true, _) => format!("forbidden: {why}"),
            (false, true) => format!("{resource} is forbidden: {why}"),
            (false, false) => format!("{resource} {name:?} is forbidden: {why}"),
        };
        Self::failure(Reason::Forbidden, message).about(resource, name)
    }

    /// 422 with a cause for each error, up to [`CAUSES_MAX`].
    pub fn invalid(kind: GroupKind<'_>, name: &str, errors: &[FieldError]) -> Self {
        let shown = &errors[..errors.len().min(CAUSES_MAX)];
        let causes = shown
            .iter()
            .map(|e| Cause {
                reason: e.kind.reason().into(),
                message: e.body(),
                field: e.field.clone(),
            })
            .collect();
        let mut message = format!("{kind} {name:?} is invalid: {}", aggregate(shown));
        if shown.len() < errors.len() {
            message.push_str(&format!(", and {} more", errors.len() - shown.len()));
        }
        Self::failure(Reason::Invalid, message).with_details(Details {
            name: name.into(),
            group: kind.group.into(),
            kind: kind.kind.into(),
            causes,
            ..Details::default()
        })
    }

    /// 400 for a malformed request.
    pub fn bad_request(why: impl Into<String>) -> Self {
        Self::failure(Reason::BadRequest, why)
    }

    /// 401.
    pub fn unauthorized() -> Self {
        Self::failure(Reason::Unauthorized, "Unauthorized")
    }

    /// 410 for a resource version that has been compacted.
    pub fn expired(why: impl Into<String>) -> Self {
        Self::failure(Reason::Expired, why)
    }

    /// Sets the token with which the client can continue the list at a newer version.
    #[must_use]
    pub fn with_continue(mut self, token: impl std::fmt::Display) -> Self {
        self.metadata.continues = Some(Box::new(Text(token.to_string())));
        self
    }

    /// 500.
    pub fn internal(why: impl std::fmt::Display) -> Self {
        let why = why.to_string();
        Self::failure(
            Reason::InternalError,
            format!("Internal error occurred: {why}"),
        )
        .with_details(Details {
            causes: vec![Cause {
                message: why,
                ..Cause::default()
            }],
            ..Details::default()
        })
    }

    /// 503: something that this request needs is unavailable. As upstream's, it has no
    /// `Retry-After`, because clients would retry ten times before they report it.
    pub fn unavailable(why: impl Into<String>) -> Self {
        Self::failure(Reason::ServiceUnavailable, why)
    }

    /// 500 with only the text of an error, as upstream responds to errors that are not a Status.
    pub fn unknown(why: impl Into<String>) -> Self {
        Self {
            reason: None,
            ..Self::failure(Reason::InternalError, why)
        }
    }

    /// 504: what the request waited for did not happen before its deadline.
    pub fn timeout(why: impl Into<String>, retry_after_seconds: u32) -> Self {
        Self::failure(Reason::Timeout, format!("Timeout: {}", why.into())).with_details(Details {
            retry_after_seconds,
            ..Details::default()
        })
    }

    /// The JSON of the response body.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::field_error::Path;

    const ROLES: GroupResource<'_> = GroupResource {
        group: "rbac.authorization.k8s.io",
        resource: "roles",
    };

    #[test]
    fn names_the_object_in_message_and_details() {
        let json = String::from_utf8(Status::not_found(ROLES, "x").to_json()).unwrap();
        assert_eq!(
            json,
            r#"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"roles.rbac.authorization.k8s.io \"x\" not found","reason":"NotFound","details":{"name":"x","group":"rbac.authorization.k8s.io","kind":"roles"},"code":404}"#
        );
    }

    #[test]
    fn a_reason_may_be_any_text() {
        let json = |reason| {
            let status = Status::failure(Reason::BadRequest, "").with_reason(reason);
            String::from_utf8(status.to_json()).unwrap()
        };
        for (reason, expected) in [
            (
                "Conflict",
                r#""status":"Failure","reason":"Conflict","code":400}"#,
            ),
            ("mine", r#""status":"Failure","reason":"mine","code":400}"#),
            ("", r#""status":"Failure","code":400}"#),
        ] {
            assert!(json(reason).ends_with(expected), "{}", json(reason));
        }
    }

    #[test]
    fn an_invalid_object_carries_a_cause_per_field() {
        let kind = GroupKind {
            group: "",
            kind: "Pod",
        };
        let status = Status::invalid(kind, "p", &[FieldError::required(&Path::new("spec"), "")]);
        assert_eq!(
            status.message,
            r#"Pod "p" is invalid: spec: Required value"#
        );
        assert_eq!(status.code, 422);
        let causes = status.details.unwrap().causes;
        assert_eq!(
            (causes[0].field.as_str(), causes[0].reason.as_str()),
            ("spec", "FieldValueRequired")
        );
    }
}
