//! Impersonation: a user who is authorized to may act as another.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/impersonation.go`.

use http::HeaderMap;
use portcullis_api::{Status, UserInfo};
use portcullis_authn::Impersonation;
use portcullis_authn::impersonation::Need;
use portcullis_rbac::{Attributes, Authorizer, ResourceTarget, Target};

use super::authorization;

/// The user that a request impersonates, if any.
///
/// # Errors
/// 403 if `user` may not impersonate this user, or a part of the identity; 400 for groups, a uid or extra
/// fields without a user.
pub fn impersonate(
    authorizer: &dyn Authorizer,
    user: &UserInfo,
    headers: &HeaderMap,
) -> Result<Option<UserInfo>, Status> {
    let Some(requested) = requested(headers)? else {
        return Ok(None);
    };
    for need in &requested.needs {
        authorization::check(authorizer, &attributes(user, need))?;
    }
    Ok(Some(requested.user))
}

/// As [`impersonate`], where a webhook may have to be called.
///
/// # Errors
/// As [`impersonate`].
pub async fn impersonate_async(
    authorizer: &dyn Authorizer,
    user: &UserInfo,
    headers: &HeaderMap,
) -> Result<Option<UserInfo>, Status> {
    let Some(requested) = requested(headers)? else {
        return Ok(None);
    };
    for need in &requested.needs {
        authorization::check_async(authorizer, &attributes(user, need)).await?;
    }
    Ok(Some(requested.user))
}

fn requested(headers: &HeaderMap) -> Result<Option<Impersonation>, Status> {
    Impersonation::requested(headers).map_err(|mistake| Status::bad_request(mistake.to_string()))
}

/// The permission that `user` needs for a part of the identity.
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
        ..ResourceTarget::default()
    }
}
