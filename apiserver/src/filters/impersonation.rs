//! Acting as somebody else, as far as one may.
//!
//! Upstream: `k8s.io/apiserver/pkg/endpoints/filters/impersonation.go`.

use std::collections::BTreeMap;

use http::HeaderMap;
use percent_encoding::percent_decode_str;
use portcullis_api::{Status, UserInfo};
use portcullis_rbac::{Attributes, ResourceTarget, Target};

use super::authorization;
use crate::app::App;

const USER: &str = "impersonate-user";
const UID: &str = "impersonate-uid";
const GROUP: &str = "impersonate-group";
const EXTRA: &str = "impersonate-extra-";
const AUTHENTICATION: &str = "authentication.k8s.io";

/// The identity a request is judged by: its own, or the one it asks for.
///
/// # Errors
/// 403 for an identity, or part of one, that the user may not take on; 400 for parts without a user.
pub fn impersonate(app: &App, user: UserInfo, headers: &HeaderMap) -> Result<UserInfo, Status> {
    let Some(wanted) = requested(headers)? else {
        return Ok(user);
    };
    for target in targets(&wanted) {
        let target = Target::Resource(target.as_attributes());
        authorization::check(
            app,
            &Attributes {
                user: &user,
                verb: "impersonate",
                target,
            },
        )?;
    }
    tracing::debug!(
        user.name = user.name,
        user.impersonated = wanted.name,
        "impersonation"
    );
    Ok(completed(wanted))
}

/// Something an impersonation needs permission for.
struct Needed<'a> {
    group: &'static str,
    resource: &'static str,
    subresource: &'a str,
    namespace: &'a str,
    name: &'a str,
}

impl Needed<'_> {
    fn as_attributes(&self) -> ResourceTarget<'_> {
        ResourceTarget {
            group: self.group,
            resource: self.resource,
            subresource: self.subresource,
            namespace: self.namespace,
            name: self.name,
        }
    }
}

fn text(value: &http::HeaderValue) -> Result<String, Status> {
    let invalid = |_| Status::bad_request("an impersonation header is no UTF-8");
    std::str::from_utf8(value.as_bytes())
        .map(str::to_owned)
        .map_err(invalid)
}

fn requested(headers: &HeaderMap) -> Result<Option<UserInfo>, Status> {
    let first = |name: &str| {
        headers
            .get(name)
            .map(text)
            .transpose()
            .map(Option::unwrap_or_default)
    };
    let mut wanted = UserInfo {
        name: first(USER)?,
        uid: first(UID)?,
        ..UserInfo::default()
    };
    for value in headers.get_all(GROUP) {
        wanted.groups.push(text(value)?);
    }
    let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (name, value) in headers {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            let key = percent_decode_str(key).decode_utf8_lossy().into_owned();
            extra.entry(key).or_default().push(text(value)?);
        }
    }
    wanted.extra = extra;
    if !wanted.name.is_empty() {
        return Ok(Some(wanted));
    }
    if wanted.uid.is_empty() && wanted.groups.is_empty() && wanted.extra.is_empty() {
        return Ok(None);
    }
    Err(Status::bad_request(
        "groups, uid or extra fields cannot be impersonated without impersonating a user",
    ))
}

fn targets(wanted: &UserInfo) -> Vec<Needed<'_>> {
    let plain = |group, resource, name| Needed {
        group,
        resource,
        subresource: "",
        namespace: "",
        name,
    };
    let mut needed = vec![match service_account(&wanted.name) {
        Some((namespace, name)) => Needed {
            namespace,
            ..plain("", "serviceaccounts", name)
        },
        None => plain("", "users", &wanted.name),
    }];
    needed.extend(wanted.groups.iter().map(|group| plain("", "groups", group)));
    if !wanted.uid.is_empty() {
        needed.push(plain(AUTHENTICATION, "uids", &wanted.uid));
    }
    for (key, values) in &wanted.extra {
        needed.extend(values.iter().map(|value| Needed {
            subresource: key,
            ..plain(AUTHENTICATION, "userextras", value)
        }));
    }
    needed
}

fn service_account(name: &str) -> Option<(&str, &str)> {
    name.strip_prefix("system:serviceaccount:")?.split_once(':')
}

/// Adds the groups that every such user is in.
fn completed(mut user: UserInfo) -> UserInfo {
    if let (Some((namespace, name)), true) = (service_account(&user.name), user.groups.is_empty()) {
        user.groups = UserInfo::service_account(namespace, name).groups;
    }
    let everybody = if user.name == UserInfo::ANONYMOUS {
        UserInfo::UNAUTHENTICATED
    } else {
        UserInfo::AUTHENTICATED
    };
    let has = user.is_in(UserInfo::AUTHENTICATED) || user.is_in(UserInfo::UNAUTHENTICATED);
    if !has {
        user.groups.push(everybody.into());
    }
    user
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, http::HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn each_part_needs_permission() {
        let headers = headers(&[
            (USER, "system:serviceaccount:ns:sa"),
            (GROUP, "a"),
            (GROUP, "b"),
            (UID, "7"),
            ("impersonate-extra-example.com%2fscope", "x"),
        ]);
        let wanted = requested(&headers).unwrap().unwrap();
        let needed: Vec<_> = targets(&wanted)
            .iter()
            .map(|n| {
                format!(
                    "{}/{}/{} {}/{}",
                    n.group, n.resource, n.subresource, n.namespace, n.name
                )
            })
            .collect();
        assert_eq!(
            needed,
            [
                "/serviceaccounts/ ns/sa",
                "/groups/ /a",
                "/groups/ /b",
                "authentication.k8s.io/uids/ /7",
                "authentication.k8s.io/userextras/example.com/scope /x",
            ]
        );
    }

    #[test]
    fn an_impersonated_user_is_in_the_groups_all_such_users_are_in() {
        let completed = |name: &str| {
            completed(UserInfo {
                name: name.into(),
                ..UserInfo::default()
            })
            .groups
        };
        assert_eq!(completed("alice"), ["system:authenticated"]);
        assert_eq!(completed("system:anonymous"), ["system:unauthenticated"]);
        assert_eq!(completed("system:serviceaccount:n:s").len(), 3);
    }

    #[test]
    fn parts_without_a_user_are_refused() {
        assert_eq!(requested(&headers(&[(GROUP, "a")])).unwrap_err().code, 400);
        assert_eq!(requested(&headers(&[])).unwrap(), None);
    }
}
