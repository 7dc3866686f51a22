//! Escapes names of properties for expressions, and unescapes them.

use crate::words::{KEYWORDS, RESERVED};

const ESCAPES: [(&str, &str); 4] = [
    ("__", "underscores"),
    (".", "dot"),
    ("-", "dash"),
    ("/", "slash"),
];

pub(crate) fn is_reserved(name: &str) -> bool {
    KEYWORDS.contains(&name) || RESERVED.contains(&name)
}

/// The escaped name of a property; `None` if it cannot be escaped.
pub fn escape(name: &str) -> Option<String> {
    if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    if is_reserved(name) {
        return Some(format!("__{name}__"));
    }
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(c) = rest.chars().next() {
        if let Some((from, to)) = ESCAPES.iter().find(|(from, _)| rest.starts_with(from)) {
            out.push_str(&format!("__{to}__"));
            rest = &rest[from.len()..];
        } else if c.is_ascii_alphanumeric() || c == '_' {
            out.push(c);
            rest = &rest[1..];
        } else {
            return None;
        }
    }
    Some(out)
}

/// The property of an escaped name; `None` if it has an unknown escape.
pub fn unescape(name: &str) -> Option<String> {
    let mut out = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(at) = rest.find("__") {
        let inner = &rest[at + 2..];
        let length = inner.find('_').unwrap_or(inner.len());
        if length == 0 || !inner[length..].starts_with("__") {
            // two underscores that are not an escape
            out.push_str(&rest[..=at]);
            rest = &rest[at + 1..];
            continue;
        }
        let word = &inner[..length];
        out.push_str(&rest[..at]);
        match ESCAPES.iter().find(|(_, to)| *to == word) {
            Some((from, _)) => out.push_str(from),
            None if is_reserved(word) && name.len() == word.len() + 4 => out.push_str(word),
            None => return None,
        }
        rest = &inner[length + 2..];
    }
    out.push_str(rest);
    Some(out)
}
