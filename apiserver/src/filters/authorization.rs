//! May you?

use portcullis_api::field_error::go_quote;
use portcullis_api::{GroupResource, Status, UserInfo};
use portcullis_rbac::{Attributes, Decision, ResourceTarget, Target};

use crate::app::App;
use crate::request_info::{RequestInfo, ResourceRequest};

/// A request that may be carried out. Only [`authorize`] makes one.
#[derive(Debug)]
pub struct Authorized {
    info: RequestInfo,
    user: UserInfo,
}

impl Authorized {
    /// What may be carried out.
    pub const fn info(&self) -> &RequestInfo {
        &self.info
    }

    /// For whom.
    pub const fn user(&self) -> &UserInfo {
        &self.user
    }
}

/// Decides whether a request may be carried out.
///
/// # Errors
/// 403, in upstream's words.
pub fn authorize(app: &App, info: RequestInfo, user: UserInfo) -> Result<Authorized, Status> {
    check(app, &attributes(&info, &user))?;
    Ok(Authorized { info, user })
}

/// Decides whether somebody may do something.
///
/// # Errors
/// 403, in upstream's words.
pub fn check(app: &App, attributes: &Attributes<'_>) -> Result<(), Status> {
    match app.authorizer().authorize(attributes) {
        Decision::Allow { .. } => Ok(()),
        Decision::Deny { reason } | Decision::NoOpinion { reason } => {
            Err(forbidden(attributes, &reason))
        }
    }
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
    let why = format!("{}{because}", harmless(&cannot(attributes)));
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

/// Nothing that a browser would take for HTML.
fn harmless(text: &str) -> String {
    let text = text.replace('&', "&amp;");
    text.replace('<', "&lt;").replace('>', "&gt;")
}
