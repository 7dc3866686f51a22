//! The path of a request, and the part of it that is for the other server.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::super::call::Call;

/// The characters that must be encoded in a path segment (RFC 3986: `pchar`).
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=')
    .remove(b':')
    .remove(b'@');

/// A path in two parts.
#[derive(Debug, PartialEq, Eq)]
pub struct Paths {
    /// Up to `proxy`, in the client's spelling.
    pub prefix: String,
    /// What follows, cleaned of dots. Empty if nothing follows, not even a slash.
    pub target: String,
}

impl Paths {
    /// The paths of a call.
    pub fn of(call: &Call<'_>) -> Self {
        Self::split(call.parts.uri.path(), &call.info.rest)
    }

    /// `rest` are the decoded segments at the end of the path that are for the other server.
    fn split(path: &str, rest: &[String]) -> Self {
        let segments: Vec<_> = path.split('/').filter(|s| !s.is_empty()).collect();
        let own = segments.len().saturating_sub(rest.len());
        let prefix: String = segments.iter().take(own).flat_map(|s| ["/", s]).collect();
        let mut clean: Vec<&str> = Vec::new();
        for segment in rest {
            match segment.as_str() {
                "." => {}
                ".." => drop(clean.pop()),
                segment => clean.push(segment),
            }
        }
        let encoded = clean
            .iter()
            .map(|s| utf8_percent_encode(s, ENCODED).to_string());
        let mut target: String = encoded.flat_map(|s| ["/".to_owned(), s]).collect();
        if path.ends_with('/') || (target.is_empty() && !rest.is_empty()) {
            target.push('/');
        }
        Self { prefix, target }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Query, RequestInfo};

    #[test]
    fn what_follows_is_for_the_other_server() {
        let split = |path: &str| {
            let info = RequestInfo::parse(&http::Method::GET, path, &Query::default());
            let RequestInfo::Resource(info) = info else {
                panic!("{path}");
            };
            let paths = Paths::split(path, &info.rest);
            (paths.prefix, paths.target)
        };
        let prefix = "/api/v1/namespaces/n/pods/web:80/proxy";
        for (after, target) in [
            ("", ""),
            ("/", "/"),
            ("/a/b", "/a/b"),
            ("/a//b/", "/a/b/"),
            ("/a/../../%2e%2e/b", "/b"),
            ("/..", "/"),
            ("/a%2Fb%20c/:@", "/a%2Fb%20c/:@"),
        ] {
            let found = split(&format!("{prefix}{after}"));
            assert_eq!(found, (prefix.to_owned(), target.to_owned()), "{after}");
        }
    }
}
