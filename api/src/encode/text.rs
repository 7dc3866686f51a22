//! Strings, with the escapes of Go's encoder.

use std::borrow::Cow;

/// Writes a JSON string with the escapes of Go's encoder, which include characters special in HTML.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let (mut plain, mut next) = (0, 0);
    while let Some(at) = next_special(bytes, next) {
        next = at + 1;
        let Some((escape, length)) = escape(&bytes[at..]) else {
            continue;
        };
        out.extend_from_slice(&bytes[plain..at]);
        out.extend_from_slice(escape.as_bytes());
        plain = at + length;
        next = plain;
    }
    out.extend_from_slice(&bytes[plain..]);
    out.push(b'"');
}

/// Whether a string needs no escape.
pub fn is_plain(text: &str) -> bool {
    next_special(text.as_bytes(), 0).is_none()
}

/// Where the next byte is that may need an escape. Nearly all need none, so they are looked at in blocks,
/// which the compiler does with vector instructions, and one by one only where one of a block is special.
fn next_special(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(block) = bytes[at..].first_chunk::<16>() {
        // all of them, without a branch for each
        if block
            .iter()
            .fold(false, |any, byte| any | is_special(*byte))
        {
            break;
        }
        at += block.len();
    }
    let rest = bytes[at..].iter();
    let mut rest = rest
        .zip(at..)
        .filter(|(byte, _)| MAY_NEED_ESCAPE[usize::from(**byte)]);
    rest.next().map(|(_, at)| at)
}

const fn is_special(byte: u8) -> bool {
    (byte < 0x20)
        | (byte == b'"')
        | (byte == b'\\')
        | (byte == b'<')
        | (byte == b'>')
        | (byte == b'&')
        | (byte == 0xe2)
}

/// The bytes that are escaped, or start a character that may be.
static MAY_NEED_ESCAPE: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < table.len() {
        table[byte] = is_special(byte as u8);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Blocks begin anywhere, and what is special may be anywhere in them.
    #[test]
    fn escapes_are_found_wherever_they_are() {
        let escapes = [
            ("\"", "\\\""),
            ("<", "\\u003c"),
            ("\u{1}", "\\u0001"),
            ("\u{2028}", "\\u2028"),
            // begins as the last one does
            ("\u{2027}", "\u{2027}"),
            ("é", "é"),
        ];
        for (plain, escaped) in escapes {
            for before in 0..40 {
                let after = "x".repeat(39 - before);
                let text = |middle| ["a".repeat(before).as_str(), middle, middle, &after].concat();
                let mut out = Vec::new();
                write_string(&text(plain), &mut out);
                let expected = format!("\"{}\"", text(escaped));
                assert_eq!(String::from_utf8(out).unwrap(), expected);
            }
        }
    }
}
