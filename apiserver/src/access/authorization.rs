//! Whether a user may do what a request is for.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use portcullis_admission::AuditAnnotations;
use portcullis_api::field_error::go_quote;
use portcullis_api::{GroupResource, Status, UserInfo};
use portcullis_rbac::{Attributes, Authorizer, Decided, Decision, ResourceTarget, Target};

use crate::request::{Described, Query, RequestInfo, ResourceRequest};
use crate::response::{self, Response};

/// A request that is allowed, and its user. Only [`authorize`] and [`authorize_async`] make one.
///
/// Handlers take it as an extractor: without the authorization layer in front of them it is missing, and the
/// response is a 500.
#[derive(Clone, Debug)]
pub struct Authorized {
    request: Arc<Described>,
    user: Arc<UserInfo>,
}

impl Authorized {
    /// The request.
    pub fn info(&self) -> &RequestInfo {
        &self.request.info
    }

    /// The parameters of its URL.
    pub fn query(&self) -> &Query {
        &self.request.query
    }

    /// Its user.
    pub fn user(&self) -> &UserInfo {
        &self.user
    }

    /// The error of a handler or a layer that needs one and has none.
    pub fn missing() -> Status {
        Status::internal("a request without an authorization decision")
    }
}

impl<S: Sync> FromRequestParts<S> for Authorized {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Response> {
        let authorized = parts.extensions.get::<Self>().cloned();
        authorized.ok_or_else(|| response::status(&Self::missing()))
    }
}

/// Decides whether a request is allowed, and notes the decision for the audit log.
///
/// # Errors
/// 403, with upstream's text.
pub fn authorize(
    authorizer: &dyn Authorizer,
    request: Arc<Described>,
    user: UserInfo,
    annotations: Option<&AuditAnnotations>,
) -> Result<Authorized, Status> {
    let attributes = attributes(&request.info, &user);
    let decided = Decided {
        decision: authorizer.authorize(&attributes),
        error: None,
    };
    conclude(decided, &attributes, annotations)?;
    let user = Arc::new(user);
    Ok(Authorized { request, user })
}

/// As [`authorize`], where a webhook may have to be called.
///
/// # Errors
/// 403; 500 if no authorizer allows the request and a webhook failed.
pub async fn authorize_async(
    authorizer: &dyn Authorizer,
    request: Arc<Described>,
    user: UserInfo,
    annotations: Option<&AuditAnnotations>,
) -> Result<Authorized, Status> {
    let attributes = attributes(&request.info, &user);
    let decided = authorizer.decide(&attributes).await;
    conclude(decided, &attributes, annotations)?;
    let user = Arc::new(user);
    Ok(Authorized { request, user })
}

/// As [`check_async`], but a failed webhook is a 500.
///
/// # Errors
/// As [`authorize_async`].
pub async fn check_reporting_failures(
    authorizer: &dyn Authorizer,
    attributes: &Attributes<'_>,
) -> Result<(), Status> {
    allowed(outcome(authorizer.decide(attributes).await)?, attributes)
}

/// As [`check`], but may call webhooks. A failed webhook is a 403 unless another authorizer allows the action.
///
/// # Errors
/// 403, with upstream's text.
pub async fn check_async(
    authorizer: &dyn Authorizer,
    attributes: &Attributes<'_>,
) -> Result<(), Status> {
    allowed(authorizer.decide(attributes).await.decision, attributes)
}

/// Decides whether a user may do something.
///
/// # Errors
/// 403, with upstream's text.
pub fn check(authorizer: &dyn Authorizer, attributes: &Attributes<'_>) -> Result<(), Status> {
    allowed(authorizer.authorize(attributes), attributes)
}

/// Notes the outcome for the audit log; an error unless the request is allowed.
fn conclude(
    decided: Decided,
    attributes: &Attributes<'_>,
    annotations: Option<&AuditAnnotations>,
) -> Result<(), Status> {
    let outcome = outcome(decided);
    if let Some(annotations) = annotations {
        match &outcome {
            Ok(decision) => annotate(annotations, decision),
            Err(_) => annotations.add(REASON, "internal error"),
        }
    }
    allowed(outcome?, attributes)
}

/// The decision; a 500 if no authorizer allows the request and a webhook failed.
fn outcome(Decided { decision, error }: Decided) -> Result<Decision, Status> {
    match error.filter(|_| !decision.is_allowed()) {
        None => Ok(decision),
        Some(error) => Err(Status::internal(error)),
    }
}

fn allowed(decision: Decision, attributes: &Attributes<'_>) -> Result<(), Status> {
    match decision {
        Decision::Allow { .. } => Ok(()),
        Decision::Deny { reason } | Decision::NoOpinion { reason } => {
            Err(forbidden(attributes, &reason))
        }
    }
}

const REASON: &str = "authorization.k8s.io/reason";

/// Upstream: `k8s.io/apiserver/pkg/endpoints/filters/authorization.go`.
fn annotate(annotations: &AuditAnnotations, decision: &Decision) {
    let (decision, reason) = match decision {
        Decision::Allow { reason } => ("allow", reason),
        Decision::Deny { reason } | Decision::NoOpinion { reason } => ("forbid", reason),
    };
    annotations.add("authorization.k8s.io/decision", decision);
    annotations.add(REASON, reason);
}

/// A request as authorizers see it.
fn attributes<'a>(info: &'a RequestInfo, user: &'a UserInfo) -> Attributes<'a> {
    match info {
        RequestInfo::Path { verb, path } => Attributes {
            user,
            verb,
            target: Target::Path(path),
        },
        RequestInfo::Resource(request) => Attributes {
            user,
            verb: request.verb.map_or("", portcullis_api::Verb::as_str),
            target: Target::Resource(target(request)),
        },
    }
}

fn target(request: &ResourceRequest) -> ResourceTarget<'_> {
    ResourceTarget {
        group: &request.group,
        version: &request.version,
        resource: &request.resource,
        subresource: &request.subresource,
        namespace: &request.namespace,
        name: &request.name,
    }
}

/// Upstream: `k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go`.
fn forbidden(attributes: &Attributes<'_>, reason: &str) -> Status {
    let because = if reason.is_empty() {
        String::new()
    } else {
        format!(": {reason}")
    };
    let why = format!("{}{because}", escape_html(&cannot(attributes)));
    match attributes.target {
        Target::Path(_) => {
            let nothing = GroupResource {
                group: "",
                resource: "",
            };
            Status::forbidden(nothing, "", &why)
        }
        Target::Resource(t) => {
            let resource = GroupResource {
                group: t.group,
                resource: t.resource,
            };
            Status::forbidden(resource, t.name, &why)
        }
    }
}

/// Such as `User "alice" cannot get path "/metrics"`.
fn cannot(attributes: &Attributes<'_>) -> String {
    let (user, verb) = (go_quote(&attributes.user.name), attributes.verb);
    let target = match attributes.target {
        Target::Path(path) => {
            return format!("User {user} cannot {verb} path {}", go_quote(path));
        }
        Target::Resource(target) => target,
    };
    let resource = if target.subresource.is_empty() {
        target.resource.to_owned()
    } else {
        format!("{}/{}", target.resource, target.subresource)
    };
    let place = if target.namespace.is_empty() {
        "at the cluster scope".to_owned()
    } else {
        format!("in the namespace {}", go_quote(target.namespace))
    };
    let (resource, group) = (go_quote(&resource), go_quote(target.group));
    format!("User {user} cannot {verb} resource {resource} in API group {group} {place}")
}

/// The text with HTML's special characters escaped.
fn escape_html(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}
