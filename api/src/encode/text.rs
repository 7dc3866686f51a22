//! Strings, with the escapes of Go's encoder.

use std::borrow::Cow;

/// Writes a JSON string with the escapes of Go's encoder, which include characters special in HTML.
pub(super) fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut plain = 0;
    // a table lookup per byte, as nearly all need no escape
    for (at, &byte) in bytes.iter().enumerate() {
        if !MAY_NEED_ESCAPE[usize::from(byte)] {
            continue;
        }
        let Some((escape, length)) = escape(&bytes[at..]) else {
            continue;
        };
        out.extend_from_slice(&bytes[plain..at]);
        out.extend_from_slice(escape.as_bytes());
        plain = at + length;
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// The bytes that are escaped, or start a character that may be.
static MAY_NEED_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = byte < 0x20 || matches!(byte as u8, b'"' | b'\\' | b'<' | b'>' | b'&' | 0xe2);
        byte += 1;
    }
    table
};

/// The escape of the first character of `bytes`, if it needs one, and the number of bytes it
/// replaces.
fn escape(bytes: &[u8]) -> Option<(Cow<'static, str>, usize)> {
    let text = match *bytes {
        [b'"', ..] => "\\\"",
        [b'\\', ..] => "\\\\",
        [b'\n', ..] => "\\n",
        [b'\r', ..] => "\\r",
        [b'\t', ..] => "\\t",
        [0xe2, 0x80, 0xa8, ..] => return Some(("\\u2028".into(), 3)),
        [0xe2, 0x80, 0xa9, ..] => return Some(("\\u2029".into(), 3)),
        [0xe2, ..] | [] => return None,
        [byte, ..] => return Some((format!("\\u{byte:04x}").into(), 1)),
    };
    Some((text.into(), 1))
}
