//! URLs as parsed by Go's `net/url`.

use crate::error::EvalError;

/// A URL: absolute, or the path of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub(crate) scheme: String,
    /// With the port.
    pub(crate) host: String,
    pub(crate) escaped_path: String,
    pub(crate) query: String,
    user: String,
    opaque: String,
    fragment: String,
}

impl Url {
    /// Parses a URL.
    pub(crate) fn parse(text: &str) -> Result<Self, EvalError> {
        read(text).map_err(|why| {
            EvalError::new(format!(
                "URL parse error during conversion from string: parse {text:?}: {why}"
            ))
        })
    }

    pub(crate) fn hostname(&self) -> &str {
        let (host, _) = split_port(&self.host);
        host.strip_prefix('[')
            .and_then(|h| h.strip_suffix(']'))
            .unwrap_or(host)
    }

    pub(crate) fn port(&self) -> &str {
        split_port(&self.host).1
    }

    /// Names and values of the query; those with invalid escapes are left out.
    pub(crate) fn query_pairs(&self) -> impl Iterator<Item = (String, String)> {
        let pairs = self
            .query
            .split('&')
            .filter(|pair| !pair.is_empty() && !pair.contains(';'));
        pairs.filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((unescape(name, true).ok()?, unescape(value, true).ok()?))
        })
    }
}

fn read(text: &str) -> Result<Url, String> {
    if text.bytes().any(|b| b < 0x20 || b == 0x7f) {
        return Err("net/url: invalid control character in URL".to_owned());
    }
    if text.is_empty() {
        return Err("empty url".to_owned());
    }
    let (scheme, rest) = scheme(text)?;
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut url = Url {
        scheme: scheme.to_ascii_lowercase(),
        host: String::new(),
        escaped_path: String::new(),
        query: query.to_owned(),
        user: String::new(),
        opaque: String::new(),
        fragment: unescape(fragment, false)?,
    };
    if !rest.starts_with('/') {
        if scheme.is_empty() {
            return Err("invalid URI for request".to_owned());
        }
        rest.clone_into(&mut url.opaque);
        return Ok(url);
    }
    let mut path = rest;
    if let Some(after) = rest.strip_prefix("//")
        && (!scheme.is_empty() || !rest.starts_with("///"))
        && !scheme.is_empty()
    {
        let end = after.find('/').unwrap_or(after.len());
        authority(&after[..end], &mut url)?;
        path = &after[end..];
    }
    let plain = unescape(path, false)?;
    url.escaped_path = if is_escaped(path) {
        path.to_owned()
    } else {
        escape_path(&plain)
    };
    Ok(url)
}

/// The scheme, if there is a valid one before a colon, and the rest.
fn scheme(text: &str) -> Result<(&str, &str), String> {
    for (at, c) in text.char_indices() {
        match c {
            'a'..='z' | 'A'..='Z' => {}
            '0'..='9' | '+' | '-' | '.' if at > 0 => {}
            ':' if at == 0 => return Err("missing protocol scheme".to_owned()),
            ':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn authority(text: &str, url: &mut Url) -> Result<(), String> {
    let (user, host) = text.rsplit_once('@').unwrap_or(("", text));
    let is_user = |c: char| c.is_ascii_alphanumeric() || "-._:~!$&'()*+,;=%@".contains(c);
    if !user.chars().all(is_user) {
        return Err("net/url: invalid userinfo".to_owned());
    }
    url.user = unescape(user, false)?;
    let port = match host.strip_prefix('[') {
        Some(literal) => {
            let end = literal.find(']').ok_or("missing ']' in host")?;
            &literal[end + 1..]
        }
        None => host
            .find(':')
            .map_or("", |at| &host[host.rfind(':').unwrap_or(at)..]),
    };
    let digits = port
        .strip_prefix(':')
        .is_none_or(|p| p.bytes().all(|b| b.is_ascii_digit()));
    if !digits || !(port.is_empty() || port.starts_with(':')) {
        return Err(format!("invalid port {port:?} after host"));
    }
    if let Some(bad) = host.chars().find(|c| c.is_ascii() && !is_host(*c)) {
        return Err(format!(
            "invalid character {:?} in host name",
            bad.to_string()
        ));
    }
    url.host = unescape(host, false)?;
    Ok(())
}

fn is_host(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:[]<>\"%".contains(c)
}

fn split_port(host: &str) -> (&str, &str) {
    match host.rfind(':') {
        Some(at) if host[at + 1..].bytes().all(|b| b.is_ascii_digit()) => {
            (&host[..at], &host[at + 1..])
        }
        _ => (host, ""),
    }
}

fn unescape(text: &str, query: bool) -> Result<String, String> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'%' => {
                let digits = text
                    .get(at + 1..at + 3)
                    .filter(|d| d.bytes().all(|b| b.is_ascii_hexdigit()));
                let code = digits
                    .and_then(|d| u8::from_str_radix(d, 16).ok())
                    .ok_or_else(|| {
                        let shown: String = text[at..].chars().take(3).collect();
                        format!("invalid URL escape {shown:?}")
                    })?;
                out.push(code);
                at += 3;
                continue;
            }
            b'+' if query => out.push(b' '),
            other => out.push(other),
        }
        at += 1;
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}

const PATH_MARKS: &str = "-_.~$&+,/:;=@";

/// Whether a path is already escaped.
fn is_escaped(path: &str) -> bool {
    path.chars()
        .all(|c| c.is_ascii_alphanumeric() || PATH_MARKS.contains(c) || "!'()*[]%".contains(c))
}

fn escape_path(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        let c = char::from(byte);
        if c.is_ascii_alphanumeric() || PATH_MARKS.contains(c) {
            out.push(c);
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_parsed_as_in_go() {
        let url =
            Url::parse("https://user:pw@example.com:80/path%20a b?k=v%3D&k=w&x#frag").unwrap();
        assert_eq!(
            (url.scheme.as_str(), url.host.as_str()),
            ("https", "example.com:80")
        );
        assert_eq!((url.hostname(), url.port()), ("example.com", "80"));
        assert_eq!(url.escaped_path, "/path%20a%20b");
        let pairs: Vec<_> = url.query_pairs().collect();
        assert_eq!(pairs[0], ("k".to_owned(), "v=".to_owned()));
        assert_eq!(pairs.len(), 3);
        let six = Url::parse("https://[::1]:80/").unwrap();
        assert_eq!((six.hostname(), six.port()), ("::1", "80"));
        assert_eq!(Url::parse("/path?a").unwrap().escaped_path, "/path");
    }

    #[test]
    fn invalid_urls_are_rejected_as_in_go() {
        for text in [
            "",
            "../relative",
            "a b",
            "https://a:b/",
            ":foo",
            "https://[::1",
            "/%zz",
            "/\u{1}",
            "http://a b/",
        ] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
        assert_eq!(
            Url::parse("../relative").unwrap_err().to_string(),
            "URL parse error during conversion from string: parse \"../relative\": invalid URI for request"
        );
    }
}
