//! Parses URLs as Go's `net/url` does, with its error texts, which API responses contain.

use crate::field_error::go_quote;

/// The parts of a URL, except opaque ones.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct GoUrl {
    /// In lower case; empty if the URL has no scheme.
    pub scheme: String,
    /// User and password as they are written; `None` without an `@`.
    pub user: Option<String>,
    /// With the port, unescaped.
    pub host: String,
    /// Unescaped.
    pub path: String,
    /// As it is written, without the `?`.
    pub query: String,
    /// Unescaped, without the `#`.
    pub fragment: String,
}

impl GoUrl {
    /// Parses a URL (Go: `url.Parse`).
    ///
    /// # Errors
    /// Go's text: `parse "URL": REASON`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let wrong = |of: &str, why: String| format!("parse {}: {why}", go_quote(of));
        let mut url = parse_before_fragment(before).map_err(|why| wrong(before, why))?;
        url.fragment = unescape(fragment, Part::Other).map_err(|why| wrong(text, why))?;
        Ok(url)
    }
}

fn parse_before_fragment(text: &str) -> Result<GoUrl, String> {
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    let (scheme, rest) = split_scheme(text)?;
    let mut url = GoUrl {
        scheme: scheme.to_ascii_lowercase(),
        ..GoUrl::default()
    };
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    query.clone_into(&mut url.query);
    let mut path = rest;
    if !rest.starts_with('/') {
        if !url.scheme.is_empty() {
            // such as mailto:a@b: opaque, not unescaped
            return Ok(url);
        }
        if rest.split('/').next().is_some_and(|s| s.contains(':')) {
            return Err("first path segment in URL cannot contain colon".to_owned());
        }
    }
    let may_have_host = !url.scheme.is_empty() || !rest.starts_with("///");
    if let Some(rest) = rest.strip_prefix("//").filter(|_| may_have_host) {
        let end = rest.find('/').unwrap_or(rest.len());
        let (authority, after) = rest.split_at(end);
        path = after;
        parse_authority(authority, &mut url)?;
    }
    url.path = unescape(path, Part::Other)?;
    Ok(url)
}

/// Host and port as Go writes them in a URL (Go: `escape` with `encodeHost`).
pub fn escape_host(host: &str) -> String {
    escape(host, is_host_byte)
}

/// A path as Go writes it in a URL (Go: `escape` with `encodePath`).
pub fn escape_path(path: &str) -> String {
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@".contains(&b);
    escape(path, is_plain)
}

fn escape(text: &str, is_plain: impl Fn(u8) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if is_plain(byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

/// Splits off the scheme, which may be empty.
fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (i, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if i > 0 => {}
            b':' if i == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => {
                let (scheme, rest) = text.split_at(i);
                return Ok((scheme, rest.strip_prefix(':').unwrap_or(rest)));
            }
            _ => break,
        }
    }
    Ok(("", text))
}

fn parse_authority(authority: &str, url: &mut GoUrl) -> Result<(), String> {
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    url.host = parse_host(host)?;
    let Some(user) = user else {
        return Ok(());
    };
    let is_valid = |b: u8| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b);
    if !user.bytes().all(is_valid) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    unescape(user, Part::Other)?;
    url.user = Some(user.to_owned());
    Ok(())
}

fn parse_host(host: &str) -> Result<String, String> {
    let port = if host.starts_with('[') {
        let Some(end) = host.rfind(']') else {
            return Err("missing ']' in host".to_owned());
        };
        host.get(end + 1..)
    } else {
        host.rfind(':').and_then(|at| host.get(at..))
    };
    let port = port.unwrap_or_default();
    let is_port = |p: &str| p.bytes().all(|b| b.is_ascii_digit());
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return Err(format!("invalid port {} after host", go_quote(port)));
    }
    match host.find("%25").filter(|_| host.starts_with('[')) {
        Some(zone) => {
            let (before, zone) = host.split_at(zone);
            let (before, zone) = (unescape(before, Part::Host)?, unescape(zone, Part::Other)?);
            Ok(before + &zone)
        }
        None => unescape(host, Part::Host),
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Host,
    Other,
}

fn unescape(text: &str, part: Part) -> Result<String, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [byte, after @ ..] = rest {
        rest = after;
        if *byte == b'%' {
            let value = escaped(after).filter(|value| {
                // a host may only escape what is not ASCII, and the mark of a zone
                part != Part::Host || *value >= 0x80 || after.starts_with(b"25")
            });
            let Some(value) = value else {
                let shown = [b"%", after.get(..2).unwrap_or(after)].concat();
                let shown = String::from_utf8_lossy(&shown).into_owned();
                return Err(format!("invalid URL escape {}", go_quote(&shown)));
            };
            out.push(value);
            rest = after.get(2..).unwrap_or_default();
            continue;
        }
        if part == Part::Host && byte.is_ascii() && !is_host_byte(*byte) {
            let shown = char::from(*byte).to_string();
            return Err(format!(
                "invalid character {} in host name",
                go_quote(&shown)
            ));
        }
        out.push(*byte);
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

fn is_host_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!$&'()*+,;=:[]<>\"-_.~".contains(&byte)
}

/// The byte that two hexadecimal digits stand for.
fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |at: usize| char::from(*digits.get(at)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        GoUrl::parse(text).unwrap_err()
    }

    #[test]
    fn parts_are_found() {
        let url = GoUrl::parse("HTTPS://u:p@[::1]:80/a%20b?q=1#f%20g").unwrap();
        assert_eq!(url.scheme, "https");
        assert_eq!(url.user.as_deref(), Some("u:p"));
        assert_eq!(url.host, "[::1]:80");
        assert_eq!(url.path, "/a b");
        assert_eq!((&*url.query, &*url.fragment), ("q=1", "f g"));
        assert_eq!(GoUrl::parse("https://é").unwrap().host, "é");
        assert_eq!(
            GoUrl::parse("https://@x").unwrap().user.as_deref(),
            Some("")
        );
    }

    #[test]
    fn parts_are_escaped() {
        assert_eq!(escape_host("bücher:1"), "b%C3%BCcher:1");
        assert_eq!(escape_host("[::1]:1"), "[::1]:1");
        assert_eq!(escape_path("/a b/ü?!@~"), "/a%20b/%C3%BC%3F%21@~");
    }

    #[test]
    fn what_has_no_host_is_a_url_too() {
        for text in [
            "",
            "x",
            "/x",
            "a/b",
            "https:",
            "https:x",
            "https:///a",
            "x:1",
            "?a",
            "mailto:a@b",
        ] {
            assert_eq!(GoUrl::parse(text).unwrap().host, "", "{text}");
        }
        assert_eq!(GoUrl::parse("mailto:a@b").unwrap().scheme, "mailto");
        assert_eq!(GoUrl::parse("///a").unwrap().scheme, "");
    }

    #[test]
    fn errors_are_gos() {
        for (text, why) in [
            ("://", r#"parse "://": missing protocol scheme"#),
            (
                "1:x",
                r#"parse "1:x": first path segment in URL cannot contain colon"#,
            ),
            (
                "https://x:a/",
                r#"parse "https://x:a/": invalid port ":a" after host"#,
            ),
            (
                "https://a:b:c",
                r#"parse "https://a:b:c": invalid port ":c" after host"#,
            ),
            (
                "https://[::1",
                r#"parse "https://[::1": missing ']' in host"#,
            ),
            (
                "https://a b",
                r#"parse "https://a b": invalid character " " in host name"#,
            ),
            (
                "https://%zz",
                r#"parse "https://%zz": invalid URL escape "%zz""#,
            ),
            (
                "https://%41",
                r#"parse "https://%41": invalid URL escape "%41""#,
            ),
            (
                "https://x/%z",
                r#"parse "https://x/%z": invalid URL escape "%z""#,
            ),
            (
                "https://x#%zz",
                r#"parse "https://x#%zz": invalid URL escape "%zz""#,
            ),
            (
                "https://a b@x",
                r#"parse "https://a b@x": net/url: invalid userinfo"#,
            ),
            (
                "https://x\n",
                r#"parse "https://x\n": net/url: invalid control character in URL"#,
            ),
        ] {
            assert_eq!(error(text), why);
        }
    }
}
