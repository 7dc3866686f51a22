//! Acting as somebody else, as far as one may.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/impersonation.go`.

use http::HeaderMap;
use portcullis_api::{Status, UserInfo};
use portcullis_authn::Impersonation;
use portcullis_authn::impersonation::Need;
use portcullis_rbac::{Attributes, ResourceTarget, Target};

use super::authorization;
use crate::app::App;

/// The identity a request is judged by: its own, or the one it asks for.
///
/// # Errors
/// 403 for an identity, or part of one, that the user may not take on; 400 for parts without a user.
pub fn impersonate(app: &App, user: UserInfo, headers: &HeaderMap) -> Result<UserInfo, Status> {
    let wish = Impersonation::requested(headers)
        .map_err(|mistake| Status::bad_request(mistake.to_string()))?;
    let Some(wish) = wish else {
        return Ok(user);
    };
    for need in &wish.needs {
        authorization::check(app, &attributes(&user, need))?;
    }
    Ok(wish.user)
}

/// What `user` must be allowed.
pub fn attributes<'a>(user: &'a UserInfo, need: &'a Need) -> Attributes<'a> {
    Attributes {
        user,
        verb: "impersonate",
        target: Target::Resource(target(need)),
    }
}

fn target(need: &Need) -> ResourceTarget<'_> {
    ResourceTarget {
        group: need.group,
        resource: need.resource,
        subresource: &need.subresource,
        namespace: &need.namespace,
        name: &need.name,
    }
}
