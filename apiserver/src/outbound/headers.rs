//! The headers of a forwarded request: nothing about the client's connection, and the user, if the receiver
//! trusts this server.
//!
//! Upstream: `SetAuthProxyHeaders` in `client-go/transport/round_trippers.go`, and Go's `ReverseProxy`.

use std::fmt::Write;

use http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use portcullis_api::UserInfo;

const USER: &str = "x-remote-user";
const UID: &str = "x-remote-uid";
const GROUP: &str = "x-remote-group";
const EXTRA: &str = "x-remote-extra-";
/// The prefixes of headers that only a front proxy or this server may set.
const CLAIMS: [&str; 2] = ["x-remote-", "impersonate-"];
/// Headers for the next hop alone.
const HOPS: [&str; 4] = [
    "keep-alive",
    "proxy-connection",
    "proxy-authenticate",
    "proxy-authorization",
];

/// Turns a client's headers into those of a forwarded request, without credentials.
pub fn prepare_forwarded(headers: &mut HeaderMap) {
    without_hops(headers);
    for name in [AUTHORIZATION, CONTENT_LENGTH, EXPECT, HOST] {
        headers.remove(name);
    }
    let claims = headers.keys().filter(|name| {
        let name = name.as_str();
        CLAIMS.iter().any(|claim| name.starts_with(claim))
    });
    for name in claims.cloned().collect::<Vec<_>>() {
        headers.remove(name);
    }
}

/// As [`prepare_forwarded`], with the user that the request is for.
///
/// # Errors
/// The user has a name or a group that is not valid in a header.
pub fn prepare_forwarded_for(headers: &mut HeaderMap, user: &UserInfo) -> Result<(), String> {
    prepare_forwarded(headers);
    let mut add = |name: &str, value: &str| {
        let unusable = || format!("{value:?} is not valid in a header");
        let name = HeaderName::try_from(name).map_err(|_| unusable())?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| unusable())?;
        headers.append(name, value);
        Ok::<_, String>(())
    };
    add(USER, &user.name)?;
    if !user.uid.is_empty() {
        add(UID, &user.uid)?;
    }
    for group in &user.groups {
        add(GROUP, group)?;
    }
    for (key, values) in &user.extra {
        let name = format!("{EXTRA}{}", escaped(key));
        for value in values {
            add(&name, value)?;
        }
    }
    Ok(())
}

/// Removes the headers for the next hop.
pub fn without_hops(headers: &mut HeaderMap) {
    let named: Vec<String> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .collect();
    for name in named.iter().map(String::as_str).chain(HOPS) {
        headers.remove(name);
    }
    for name in [CONNECTION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE] {
        headers.remove(name);
    }
}

/// A key as part of a header's name (upstream: `headerKeyEscape`).
fn escaped(key: &str) -> String {
    let mut escaped = String::new();
    for byte in key.bytes() {
        let legal = byte.is_ascii_alphanumeric() || b"!#$&'*+-.^_`|~".contains(&byte);
        if legal {
            escaped.push(byte.to_ascii_lowercase().into());
        } else {
            // writing to a string does not fail
            let _ = write!(escaped, "%{byte:02X}");
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let pairs = pairs.iter();
        pairs
            .map(|(name, value)| (name.parse::<HeaderName>().unwrap(), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn only_this_server_names_the_user() {
        let mut sent = headers(&[
            ("Authorization", "Bearer secret"),
            ("X-Remote-User", "mallory"),
            ("X-Remote-Extra-Scope", "all"),
            ("Impersonate-User", "root"),
            ("Connection", "x-hop, keep-alive"),
            ("X-Hop", "1"),
            ("Accept", "application/json"),
        ]);
        let user = UserInfo {
            name: "alice".into(),
            uid: "7".into(),
            groups: vec!["a".into(), "b".into()],
            extra: [("example.org/Scope".to_owned(), vec!["one".to_owned()])].into(),
        };
        prepare_forwarded_for(&mut sent, &user).unwrap();
        let expected = headers(&[
            ("accept", "application/json"),
            ("x-remote-user", "alice"),
            ("x-remote-uid", "7"),
            ("x-remote-group", "a"),
            ("x-remote-extra-example.org%2fscope", "one"),
        ]);
        let groups: Vec<_> = sent.get_all("x-remote-group").iter().collect();
        assert_eq!(groups, ["a", "b"]);
        for (name, value) in &expected {
            assert_eq!(sent.get(name), Some(value), "{name}");
        }
        assert_eq!(sent.keys_len(), expected.len());
    }

    #[test]
    fn a_user_whose_name_fits_no_header_is_rejected() {
        let user = UserInfo {
            name: "a\nb".into(),
            ..UserInfo::default()
        };
        assert!(prepare_forwarded_for(&mut HeaderMap::new(), &user).is_err());
    }
}
