//! The headers in which a front proxy names a user.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis_api::UserInfo;

use crate::Error;

/// The names of the headers, each list in order of preference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RequestHeaders {
    /// The user's name; the first header with a value counts.
    pub username: Vec<HeaderName>,
    /// The user's uid; the first header with a value counts.
    pub uid: Vec<HeaderName>,
    /// The user's groups; all values of all headers count.
    pub group: Vec<HeaderName>,
    /// What begins the headers of further attributes, in lower case.
    pub extra_prefixes: Vec<String>,
}

impl RequestHeaders {
    /// The headers that kube-apiserver sends as a front proxy.
    pub fn standard() -> Self {
        let one = |name| vec![HeaderName::from_static(name)];
        Self {
            username: one("x-remote-user"),
            uid: one("x-remote-uid"),
            group: one("x-remote-group"),
            extra_prefixes: vec!["x-remote-extra-".to_owned()],
        }
    }

    /// These and others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.username.extend(others.username);
        self.uid.extend(others.uid);
        self.group.extend(others.group);
        self.extra_prefixes.extend(others.extra_prefixes);
        self
    }

    /// Removes these headers from a request, so that no other server receives them.
    pub fn remove(&self, headers: &mut HeaderMap) {
        for name in self.username.iter().chain(&self.uid).chain(&self.group) {
            headers.remove(name);
        }
        let extra = headers.keys().filter(|name| self.suffix(name).is_some());
        for name in extra.cloned().collect::<Vec<_>>() {
            headers.remove(name);
        }
    }

    /// What follows the prefix in the name of a header with a further attribute.
    fn suffix<'n>(&self, name: &'n HeaderName) -> Option<&'n str> {
        let mut prefixes = self.extra_prefixes.iter();
        prefixes.find_map(|prefix| name.as_str().strip_prefix(prefix.as_str()))
    }

    /// The user of a request; `None` if no header names one.
    pub(super) fn user(&self, headers: &HeaderMap) -> Result<Option<UserInfo>, Error> {
        let Some(name) = first(headers, &self.username)? else {
            return Ok(None);
        };
        let mut groups = Vec::new();
        for header in &self.group {
            for value in headers.get_all(header) {
                let group = text(header, value)?;
                if !group.is_empty() {
                    groups.push(group.to_owned());
                }
            }
        }
        Ok(Some(UserInfo {
            name: name.to_owned(),
            uid: first(headers, &self.uid)?.unwrap_or_default().to_owned(),
            groups,
            extra: self.extra(headers)?,
        }))
    }

    fn extra(&self, headers: &HeaderMap) -> Result<BTreeMap<String, Vec<String>>, Error> {
        let mut extra: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for prefix in &self.extra_prefixes {
            for (name, value) in headers {
                if let Some(key) = name.as_str().strip_prefix(prefix.as_str()) {
                    let values = extra.entry(unescaped(key)).or_default();
                    values.push(text(name, value)?.to_owned());
                }
            }
        }
        Ok(extra)
    }
}

/// The first value of the first header that has one.
fn first<'h>(headers: &'h HeaderMap, names: &[HeaderName]) -> Result<Option<&'h str>, Error> {
    for name in names {
        if let Some(value) = headers.get(name).filter(|value| !value.is_empty()) {
            return text(name, value).map(Some);
        }
    }
    Ok(None)
}

fn text<'v>(name: &HeaderName, value: &'v HeaderValue) -> Result<&'v str, Error> {
    let why = || Error::FrontProxy(format!("the header {name} is not UTF-8 text"));
    std::str::from_utf8(value.as_bytes()).map_err(|_| why())
}

/// A key without its escapes; as it is written, if they are malformed (upstream: `unescapeExtraKey`).
fn unescaped(key: &str) -> String {
    let mut bytes = Vec::with_capacity(key.len());
    let mut rest = key.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let (Some(high), Some(low)) = (digit(), digit()) else {
            return key.to_owned();
        };
        bytes.extend(u8::try_from(high * 16 + low));
    }
    String::from_utf8(bytes).unwrap_or_else(|_| key.to_owned())
}
