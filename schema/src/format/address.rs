//! Addresses of hosts and networks, and mail addresses.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::LazyLock;

use regex::Regex;

/// Parses an IP address as Go did before 1.17, with leading zeros in IPv4 addresses.
pub(super) fn ip(text: &str) -> Option<IpAddr> {
    if text.contains(':') {
        return text.parse().ok().map(IpAddr::V6);
    }
    let mut octets = [0; 4];
    let mut parts = text.split('.');
    for octet in &mut octets {
        let part = parts.next()?;
        if part.is_empty() || part.len() > 10 || !part.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        *octet = part
            .trim_start_matches('0')
            .parse()
            .or_else(|e| {
                if part.bytes().all(|b| b == b'0') {
                    Ok(0)
                } else {
                    Err(e)
                }
            })
            .ok()?;
    }
    parts
        .next()
        .is_none()
        .then(|| Ipv4Addr::from(octets).into())
}

pub(super) fn is_cidr(text: &str) -> bool {
    let Some((address, prefix)) = text.split_once('/') else {
        return false;
    };
    let max = match ip(address) {
        Some(IpAddr::V4(_)) => 32,
        Some(IpAddr::V6(_)) => 128,
        None => return false,
    };
    let digits = !prefix.is_empty() && prefix.bytes().all(|b| b.is_ascii_digit());
    digits && prefix.parse::<u32>().is_ok_and(|p| p <= max)
}

/// Six, eight or twenty bytes: separated by colons or dashes after every two digits, or by dots
/// after every four.
pub(super) fn is_mac(text: &str) -> bool {
    let hex = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_hexdigit());
    let (separator, len, groups): (char, usize, &[usize]) = match text.as_bytes() {
        [_, _, b':', ..] => (':', 2, &[6, 8, 20]),
        [_, _, b'-', ..] => ('-', 2, &[6, 8, 20]),
        [_, _, _, _, b'.', ..] => ('.', 4, &[3, 4, 10]),
        _ => return false,
    };
    groups.contains(&text.split(separator).count()) && text.split(separator).all(|p| hex(p, len))
}

pub(super) fn is_hostname(text: &str) -> bool {
    /// A single label, or a domain whose last label has only letters. Letters and symbols of any
    /// script are accepted.
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let label = r"[a-zA-Z0-9\p{S}\p{L}]";
        let inner = r"[a-zA-Z0-9\-\p{S}\p{L}]";
        Regex::new(&format!(
            r"^({label}((-?{label}{{0,62}})?)|({label}(({inner}{{0,61}}{label})?)(\.)){{1,}}([a-zA-Z\p{{L}}]){{2,63}})$"
        ))
        .ok()
    });
    let labels = text.split('.').all(|label| label.len() <= 63);
    text.len() <= 255 && labels && PATTERN.as_ref().is_some_and(|p| p.is_match(text))
}

/// An absolute URI or an absolute path, as in the first line of an HTTP request.
pub(super) fn is_uri(text: &str) -> bool {
    if text.is_empty() || text.bytes().any(|b| b < b' ' || b == 0x7f) {
        return false;
    }
    if text == "*" {
        return true;
    }
    let Some((scheme, rest)) = scheme(text) else {
        return false;
    };
    let path_and_query = match rest.strip_prefix("//") {
        // `//x` without a scheme is a path
        Some(authority) if !scheme.is_empty() => {
            let end = authority.find(['/', '?']).unwrap_or(authority.len());
            if !is_authority(&authority[..end]) {
                return false;
            }
            &authority[end..]
        }
        _ if rest.starts_with('/') => rest,
        // an opaque URI, such as `mailto:a@b`
        _ => return !scheme.is_empty(),
    };
    let path = path_and_query.split('?').next().unwrap_or_default();
    is_escaped(path)
}

/// The scheme, which may be empty, and the rest; `None` if a colon is not preceded by a valid
/// scheme.
fn scheme(text: &str) -> Option<(&str, &str)> {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)));
    match end {
        Some(0) if text.starts_with(':') => None,
        Some(end) if text[end..].starts_with(':') => text
            .starts_with(|c: char| c.is_ascii_alphabetic())
            .then(|| (&text[..end], &text[end + 1..])),
        _ => Some(("", text)),
    }
}

fn is_authority(text: &str) -> bool {
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let user = &text[..text.len() - host.len()];
    let user_valid = user
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&b));
    let port_valid = |port: &str| {
        port.is_empty()
            || port
                .strip_prefix(':')
                .is_some_and(|p| p.bytes().all(|b| b.is_ascii_digit()))
    };
    let host_valid = if let Some(inner) = host.strip_prefix('[') {
        inner
            .find(']')
            .is_some_and(|end| port_valid(&inner[end + 1..]))
    } else {
        let port = host.find(':').map_or("", |at| &host[at..]);
        let name = &host[..host.len() - port.len()];
        port_valid(port)
            && is_escaped(name)
            && !name.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '|', '}', '#'])
    };
    user_valid && host_valid
}

/// Whether every `%` starts a valid escape.
fn is_escaped(text: &str) -> bool {
    let mut parts = text.split('%');
    parts.next();
    parts.all(|part| {
        part.get(..2)
            .is_some_and(|code| code.bytes().all(|b| b.is_ascii_hexdigit()))
    })
}

/// An address of RFC 5322: alone, or in angle brackets after a display name.
pub(super) fn is_email(text: &str) -> bool {
    let text = text.trim_matches([' ', '\t']);
    if is_address(text) {
        return true;
    }
    let Some((name, rest)) = text.split_once('<') else {
        return false;
    };
    let Some(address) = rest.strip_suffix('>') else {
        return false;
    };
    is_phrase(name.trim_matches([' ', '\t'])) && is_address(address.trim_matches([' ', '\t']))
}

fn is_phrase(text: &str) -> bool {
    if text.is_empty() {
        return true;
    }
    let quoted = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    match quoted {
        Some(inner) => is_quoted(inner),
        None => text
            .split([' ', '\t'])
            .filter(|word| !word.is_empty())
            .all(|word| word.chars().all(|c| is_atom_char(c) || c == '.')),
    }
}

fn is_quoted(inner: &str) -> bool {
    let mut escaped = false;
    for c in inner.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return false,
            c if c.is_control() && c != '\t' => return false,
            _ => {}
        }
    }
    !escaped
}

fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else {
        return false;
    };
    let quoted = local.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    let local_valid = quoted.map_or_else(|| is_dot_atom(local), |q| !q.is_empty() && is_quoted(q));
    let literal = domain.strip_prefix('[').and_then(|d| d.strip_suffix(']'));
    let domain_valid = literal.map_or_else(
        || is_dot_atom(domain),
        |d| ip(d.trim_start_matches("IPv6:")).is_some(),
    );
    local_valid && domain_valid
}

fn is_dot_atom(text: &str) -> bool {
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

fn is_atom_char(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~".contains(c)
        || (!c.is_ascii() && !c.is_control())
}
