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

/// Why a webhook has not allowed a request.
pub(super) enum Failure {
    /// It did not give a valid response; its failure policy says what that means.
    Call(String),
    /// The request is denied, whatever the policy.
    Denied(Status),
}

/// Sends the review of a request to a webhook, and returns the response if that allows the request.
pub(super) async fn call(
    hook: &Hook,
    reviewed: &Reviewed<'_>,
    objects: &Documents,
    may_patch: bool,
) -> Result<Response, Failure> {
    if reviewed.attributes.dry_run && !hook.supports_dry_run {
        let why = format!("admission webhook {:?} does not support dry run", hook.name);
        return Err(Failure::Denied(Status::bad_request(why)));
    }
    let unknown = "could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)";
    let version = hook.review_version;
    let version = version.ok_or_else(|| Failure::Call(unknown.to_owned()))?;
    let uid = Uuid::new_v4().to_string();
    let review = review::encode(reviewed, version, &uid, objects);
    let body = hook.endpoint.post(review, hook.timeout).await;
    let body = body.map_err(|failure| Failure::Call(failure.to_string()))?;
    let response = response::read(&body, version, &uid, may_patch).map_err(Failure::Call)?;
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

impl From<Status> for Failure {
    fn from(status: Status) -> Self {
        Self::Denied(status)
    }
}

impl Failure {
    /// The response to the client; `None` if the webhook's policy is to ignore the failure.
    pub(super) fn denies(self, hook: &Hook) -> Option<Status> {
        let reason = match self {
            Self::Denied(status) => return Some(status),
            Self::Call(reason) => reason,
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
