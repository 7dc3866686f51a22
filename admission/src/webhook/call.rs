//! One call of a webhook.

use portcullis_api::Status;
use uuid::Uuid;

use super::annotations;
use super::denial::denial;
use super::response::{self, Response};
use super::review;
use crate::hooks::compiled::Hook;
use crate::matching::documents::Documents;
use crate::matching::request::Reviewed;
use crate::metrics::webhooks::Outcome;

/// Why a webhook has not allowed a request.
pub(super) enum Failure {
    /// It did not give a valid response; its failure policy says what that means.
    Call {
        why: String,
        /// Of the Status that upstream makes of it.
        code: u16,
    },
    /// It denied the request.
    Denied(Status),
    /// The request is denied, whatever the policy.
    Internal(Status),
}

/// The code of an error in a webhook's response.
const UNAVAILABLE: u16 = 503;

/// Sends the review of a request to a webhook, and returns the response if that allows the request.
pub(super) async fn call(
    hook: &Hook,
    reviewed: &Reviewed<'_>,
    objects: &Documents,
    may_patch: bool,
) -> Result<Response, Failure> {
    if reviewed.attributes.dry_run && !hook.supports_dry_run {
        let why = format!("admission webhook {:?} does not support dry run", hook.name);
        return Err(Failure::Internal(Status::bad_request(why)));
    }
    let unknown = "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)";
    let version = hook.review_version;
    let version = version.ok_or_else(|| Failure::Call {
        why: unknown.to_owned(),
        code: 400,
    })?;
    let uid = Uuid::new_v4().to_string();
    let review = review::encode(reviewed, version, &uid, objects);
    let body = hook.endpoint.post(review, hook.timeout).await;
    let body = body.map_err(|failure| Failure::Call {
        why: failure.to_string(),
        code: failure.code(),
    })?;
    let response = response::read(&body, version, &uid, may_patch);
    let response = response.map_err(Failure::invalid_response)?;
    let attributes = reviewed.attributes;
    for (key, value) in &response.audit_annotations {
        annotations::own(&attributes.audit_annotations, hook, key, value);
    }
    for warning in &response.warnings {
        attributes.warnings.add(warning.clone());
    }
    if response.is_allowed {
        return Ok(response);
    }
    let said = response.status.as_ref();
    Err(Failure::Denied(denial(&hook.name, said)))
}

/// How a call is counted.
pub(super) fn outcome<T>(called: &Result<T, Failure>, hook: &Hook) -> Outcome {
    let allowed = |_: &T| Outcome::Allowed;
    called
        .as_ref()
        .map_or_else(|failure| failure.outcome(hook), allowed)
}

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Internal(status)
    }
}

impl Failure {
    /// A response that says nothing valid.
    pub(super) const fn invalid_response(why: String) -> Self {
        Self::Call {
            why,
            code: UNAVAILABLE,
        }
    }

    const fn outcome(&self, hook: &Hook) -> Outcome {
        match self {
            Self::Call { code, .. } if hook.fails_open => Outcome::FailedOpen(*code),
            Self::Call { code, .. } => Outcome::FailedClosed(*code),
            Self::Denied(status) => Outcome::Denied(status.code),
            Self::Internal(_) => Outcome::Internal,
        }
    }

    /// The response to the client; `None` if the webhook's policy is to ignore the failure.
    pub(super) fn denies(self, hook: &Hook) -> Option<Status> {
        let reason = match self {
            Self::Denied(status) | Self::Internal(status) => return Some(status),
            Self::Call { why, .. } => why,
        };
        tracing::warn!(
            configuration = hook.configuration,
            webhook = hook.name,
            ignored = hook.fails_open,
            error = reason,
            "a webhook could not be called"
        );
        let failed = format!("failed calling webhook {:?}: {reason}", hook.name);
        (!hook.fails_open).then(|| Status::internal(failed))
    }
}
