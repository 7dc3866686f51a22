//! Impersonation, requested by the `Impersonate-*` headers of `kubectl --as`.
//!
//! Upstream: `pkg/endpoints/filters/impersonation.go`. The headers are only a request: the caller
//! must be allowed to `impersonate` each of [`Impersonation::needs`].

use http::HeaderMap;
use http::header::{HeaderName, HeaderValue};
use portcullis_api::UserInfo;
use portcullis_api::name::{dns1123_label, dns1123_subdomain};

const USER: HeaderName = HeaderName::from_static("impersonate-user");
const GROUP: HeaderName = HeaderName::from_static("impersonate-group");
const UID: HeaderName = HeaderName::from_static("impersonate-uid");
const EXTRA: &str = "impersonate-extra-";
const AUTHENTICATION: &str = "authentication.k8s.io";

/// A requested impersonation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonation {
    /// The impersonated user, who is used if all of `needs` are allowed.
    pub user: UserInfo,
    /// What the caller must be allowed to `impersonate`, in the order of the checks.
    pub needs: Vec<Need>,
}

/// A resource that the verb `impersonate` is checked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// The API group, empty for core.
    pub group: &'static str,
    /// `users`, `serviceaccounts`, `groups`, `userextras` or `uids`.
    pub resource: &'static str,
    /// The key of an extra field.
    pub subresource: String,
    /// The namespace of a service account.
    pub namespace: String,
    /// The name of the user, account or group, or the value of the extra field or uid.
    pub name: String,
}

/// Why the headers are invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Groups, a uid or extra fields without a user.
    #[error("impersonating groups, a uid or extra fields requires a user to impersonate")]
    NoUser,
    /// A header value that is not UTF-8.
    #[error("header {0} is not UTF-8 text")]
    NotText(HeaderName),
}

impl Impersonation {
    /// The impersonation that the headers request, if any.
    ///
    /// # Errors
    /// [`HeaderError`], if they are incomplete or not text.
    pub fn requested(headers: &HeaderMap) -> Result<Option<Self>, HeaderError> {
        let groups = texts(headers, &GROUP)?;
        let extra = extra(headers)?;
        let uid = first(headers, &UID)?;
        let Some(name) = first(headers, &USER)? else {
            let absent = groups.is_empty() && extra.is_empty() && uid.is_none();
            return if absent {
                Ok(None)
            } else {
                Err(HeaderError::NoUser)
            };
        };
        let mut requested = Self::of(name);
        if !groups.is_empty() {
            requested.user.groups = groups.clone();
        }
        requested.needs.extend(groups.into_iter().map(|name| Need {
            resource: "groups",
            name,
            ..Need::default()
        }));
        for (key, value) in extra {
            requested.needs.push(Need {
                group: AUTHENTICATION,
                resource: "userextras",
                subresource: key.clone(),
                name: value.clone(),
                ..Need::default()
            });
            requested.user.extra.entry(key).or_default().push(value);
        }
        if let Some(uid) = uid {
            let need = Need {
                group: AUTHENTICATION,
                resource: "uids",
                ..Need::default()
            };
            requested.needs.push(Need {
                name: uid.clone(),
                ..need
            });
            requested.user.uid = uid;
        }
        requested.add_authentication_group();
        Ok(Some(requested))
    }

    /// The impersonation of a user or service account. Accounts have their default groups.
    fn of(name: String) -> Self {
        let need = match account(&name) {
            Some((namespace, account)) => Need {
                resource: "serviceaccounts",
                namespace: namespace.to_owned(),
                name: account.to_owned(),
                ..Need::default()
            },
            None => Need {
                resource: "users",
                name: name.clone(),
                ..Need::default()
            },
        };
        let user = match account(&name) {
            Some((namespace, account)) => UserInfo::service_account(namespace, account),
            None => UserInfo {
                name,
                ..UserInfo::default()
            },
        };
        Self {
            user,
            needs: vec![need],
        }
    }

    fn add_authentication_group(&mut self) {
        let user = &mut self.user;
        let unauthenticated = user.is_in(UserInfo::UNAUTHENTICATED);
        let group = if user.name == UserInfo::ANONYMOUS {
            (!unauthenticated).then_some(UserInfo::UNAUTHENTICATED)
        } else {
            let decided = unauthenticated || user.is_in(UserInfo::AUTHENTICATED);
            (!decided).then_some(UserInfo::AUTHENTICATED)
        };
        user.groups.extend(group.map(str::to_owned));
    }
}

/// The namespace and name of a service account, if `user` is the user name of one.
fn account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    let valid = dns1123_label(namespace).is_empty() && dns1123_subdomain(name).is_empty();
    valid.then_some((namespace, name))
}

/// The values of all headers whose name begins with [`EXTRA`], by percent-decoded key.
fn extra(headers: &HeaderMap) -> Result<Vec<(String, String)>, HeaderError> {
    let mut found = Vec::new();
    for name in headers.keys() {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            let key = percent_decoded(key);
            found.extend(
                texts(headers, name)?
                    .into_iter()
                    .map(|value| (key.clone(), value)),
            );
        }
    }
    // The sort is stable, so the values of a key keep their order.
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Decodes percent-encoding; returns the key unchanged if the encoding is invalid.
fn percent_decoded(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let (byte, after) = match (first, after) {
            (b'%', [high, low, after @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => (high << 4 | low, after),
                _ => return key.to_owned(),
            },
            (b'%', _) => return key.to_owned(),
            (byte, after) => (*byte, after),
        };
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| key.to_owned())
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

fn first(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, HeaderError> {
    let value = headers
        .get(name)
        .map(|value| text(name, value))
        .transpose()?;
    Ok(value.filter(|value| !value.is_empty()))
}

fn texts(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<String>, HeaderError> {
    headers
        .get_all(name)
        .iter()
        .map(|value| text(name, value))
        .collect()
}

fn text(name: &HeaderName, value: &HeaderValue) -> Result<String, HeaderError> {
    let text = std::str::from_utf8(value.as_bytes());
    text.map(str::to_owned)
        .map_err(|_| HeaderError::NotText(name.clone()))
}

#[cfg(test)]
mod tests;
