//! The values of literals.

use std::sync::Arc;

use crate::ast::Literal;
use crate::lexer::Token;

/// Parses a literal.
///
/// # Errors
/// The message of `cel-go`.
pub(super) fn parse(token: Token, text: &str, negative: bool) -> Result<Literal, String> {
    let sign = if negative { "-" } else { "" };
    match token {
        Token::Int => integer(text, sign)
            .map(Literal::Int)
            .ok_or("invalid int literal".to_owned()),
        Token::Uint => {
            let digits = text.trim_end_matches(['u', 'U']);
            let value = match digits.strip_prefix("0x") {
                Some(hex) => u64::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            value
                .map(Literal::Uint)
                .map_err(|_| "invalid uint literal".to_owned())
        }
        Token::Double => match format!("{sign}{text}").parse::<f64>() {
            Ok(value) if value.is_finite() => Ok(Literal::Double(value)),
            _ => Err("invalid double literal".to_owned()),
        },
        Token::Bytes => {
            let bytes = unquote(&text[1..], true)?;
            Ok(Literal::Bytes(Arc::from(bytes)))
        }
        _ => {
            let bytes = unquote(text, false)?;
            let text =
                String::from_utf8(bytes).map_err(|_| "invalid unicode code point".to_owned())?;
            Ok(Literal::String(text.into()))
        }
    }
}

fn integer(text: &str, sign: &str) -> Option<i64> {
    match text.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(&format!("{sign}{hex}"), 16).ok(),
        None => format!("{sign}{text}").parse().ok(),
    }
}

fn unquote(text: &str, bytes: bool) -> Result<Vec<u8>, String> {
    let raw = text.starts_with(['r', 'R']);
    let text = if raw { &text[1..] } else { text };
    let quotes = if text.len() >= 6 && (text.starts_with("'''") || text.starts_with("\"\"\"")) {
        3
    } else {
        1
    };
    let inner = text.get(quotes..text.len() - quotes).unwrap_or_default();
    // normalize line endings
    let inner = inner.replace("\r\n", "\n").replace('\r', "\n");
    if raw || !inner.contains('\\') {
        return Ok(inner.into_bytes());
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner.as_str();
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        rest = unescape(&rest[at + 1..], bytes, &mut out)?;
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// Resolves the escape after a backslash, and returns the rest.
fn unescape<'t>(rest: &'t str, bytes: bool, out: &mut Vec<u8>) -> Result<&'t str, String> {
    let wrong = || "unable to unescape string".to_owned();
    let first = rest.chars().next().ok_or_else(wrong)?;
    let plain = match first {
        'a' => Some(7),
        'b' => Some(8),
        'f' => Some(12),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(11),
        '\\' | '\'' | '"' | '`' | '?' => u8::try_from(first).ok(),
        _ => None,
    };
    if let Some(plain) = plain {
        out.push(plain);
        return Ok(&rest[1..]);
    }
    let (from, digits, radix) = match first {
        'x' | 'X' => (1, 2, 16),
        'u' if !bytes => (1, 4, 16),
        'U' if !bytes => (1, 8, 16),
        '0'..='3' => (0, 3, 8),
        _ => return Err(wrong()),
    };
    let number = rest.get(from..from + digits).ok_or_else(wrong)?;
    let code = u32::from_str_radix(number, radix).map_err(|_| wrong())?;
    if bytes {
        out.push(u8::try_from(code).map_err(|_| wrong())?);
    } else {
        let c = char::from_u32(code).ok_or("invalid unicode code point")?;
        out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
    }
    Ok(&rest[from + digits..])
}
