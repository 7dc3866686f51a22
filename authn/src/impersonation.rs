//! Acting as somebody else: what `kubectl --as` asks for in `Impersonate-*` headers.
//!
//! Upstream: `pkg/endpoints/filters/impersonation.go`. Headers are only a wish: whoever wants it
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

/// Somebody to act as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Impersonation {
    /// Who the request comes from, once all needs are met.
    pub user: UserInfo,
    /// What the caller must be allowed to `impersonate`, in the order to ask.
    pub needs: Vec<Need>,
}

/// One thing that takes the verb `impersonate`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Need {
    /// The API group, empty for core.
    pub group: &'static str,
    /// `users`, `serviceaccounts`, `groups`, `userextras` or `uids`.
    pub resource: &'static str,
    /// The key of a user's extra fact.
    pub subresource: String,
    /// A service account's namespace.
    pub namespace: String,
    /// Which one.
    pub name: String,
}

/// Why headers ask for nobody in particular.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// Groups, a uid or extra facts, but no user.
    #[error("impersonating groups, a uid or extra fields needs a user to impersonate")]
    NoUser,
    /// A header that is no text.
    #[error("header {0} is not UTF-8 text")]
    NotText(HeaderName),
}

impl Impersonation {
    /// What the headers ask for, if anything.
    ///
    /// # Errors
    /// [`Mistake`], if nobody can tell whom they mean.
    pub fn requested(headers: &HeaderMap) -> Result<Option<Self>, Mistake> {
        let groups = texts(headers, &GROUP)?;
        let extra = extra(headers)?;
        let uid = first(headers, &UID)?;
        let Some(name) = first(headers, &USER)? else {
            let nothing = groups.is_empty() && extra.is_empty() && uid.is_none();
            return if nothing {
                Ok(None)
            } else {
                Err(Mistake::NoUser)
            };
        };
        let mut wish = Self::of(name);
        if !groups.is_empty() {
            wish.user.groups = groups.clone();
        }
        wish.needs.extend(groups.into_iter().map(|name| Need {
            resource: "groups",
            name,
            ..Need::default()
        }));
        for (key, value) in extra {
            wish.needs.push(Need {
                group: AUTHENTICATION,
                resource: "userextras",
                subresource: key.clone(),
                name: value.clone(),
                ..Need::default()
            });
            wish.user.extra.entry(key).or_default().push(value);
        }
        if let Some(uid) = uid {
            let need = Need {
                group: AUTHENTICATION,
                resource: "uids",
                ..Need::default()
            };
            wish.needs.push(Need {
                name: uid.clone(),
                ..need
            });
            wish.user.uid = uid;
        }
        wish.add_everybodys_group();
        Ok(Some(wish))
    }

    /// A service account's groups go with its name, unless others are asked for.
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

    fn add_everybodys_group(&mut self) {
        let user = &mut self.user;
        let unauthenticated = user.is_in(UserInfo::UNAUTHENTICATED);
        let group = if user.name == UserInfo::ANONYMOUS {
            (!unauthenticated).then_some(UserInfo::UNAUTHENTICATED)
        } else {
            let known = unauthenticated || user.is_in(UserInfo::AUTHENTICATED);
            (!known).then_some(UserInfo::AUTHENTICATED)
        };
        user.groups.extend(group.map(str::to_owned));
    }
}

/// Namespace and name of a service account, if this is the user name of one.
fn account(user: &str) -> Option<(&str, &str)> {
    let (namespace, name) = user
        .strip_prefix("system:serviceaccount:")?
        .split_once(':')?;
    let valid = dns1123_label(namespace).is_empty() && dns1123_subdomain(name).is_empty();
    valid.then_some((namespace, name))
}

/// All values of headers whose name begins like [`EXTRA`], by key, which is percent-encoded.
fn extra(headers: &HeaderMap) -> Result<Vec<(String, String)>, Mistake> {
    let mut found = Vec::new();
    for name in headers.keys() {
        if let Some(key) = name.as_str().strip_prefix(EXTRA) {
            let key = unescaped(key);
            found.extend(
                texts(headers, name)?
                    .into_iter()
                    .map(|value| (key.clone(), value)),
            );
        }
    }
    // Stable, so that values of one key keep their order.
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}

/// Without percent-encoding; as it is, if that is broken.
fn unescaped(key: &str) -> String {
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

fn first(headers: &HeaderMap, name: &HeaderName) -> Result<Option<String>, Mistake> {
    let value = headers
        .get(name)
        .map(|value| text(name, value))
        .transpose()?;
    Ok(value.filter(|value| !value.is_empty()))
}

fn texts(headers: &HeaderMap, name: &HeaderName) -> Result<Vec<String>, Mistake> {
    headers
        .get_all(name)
        .iter()
        .map(|value| text(name, value))
        .collect()
}

fn text(name: &HeaderName, value: &HeaderValue) -> Result<String, Mistake> {
    let text = std::str::from_utf8(value.as_bytes());
    text.map(str::to_owned)
        .map_err(|_| Mistake::NotText(name.clone()))
}

#[cfg(test)]
mod tests;
