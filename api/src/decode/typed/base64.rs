//! Base64 as Go's `encoding/base64` decodes it: line breaks are skipped anywhere, and excess bits
//! of the last character are ignored.

/// The six bits that a character encodes.
const fn value(byte: u8) -> Option<u32> {
    let value = match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value as u32)
}

const fn is_line_break(byte: u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

/// Decodes padded base64.
///
/// # Errors
/// The offset that Go reports, which includes line breaks and is not always that of the invalid
/// byte.
pub(super) fn read(text: &str) -> Result<Vec<u8>, usize> {
    let text = text.as_bytes();
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let mut at = 0;
    while let Some(end) = quantum(text, at, &mut out)? {
        at = end;
    }
    Ok(out)
}

/// Decodes up to four characters. Returns the offset of the next ones, or `None` after the last.
fn quantum(text: &[u8], mut at: usize, out: &mut Vec<u8>) -> Result<Option<usize>, usize> {
    let mut bits = 0;
    let mut count = 0_u32;
    while count < 4 {
        let Some(byte) = text.get(at).copied() else {
            return if count == 0 {
                Ok(None)
            } else {
                Err(at - count as usize)
            };
        };
        at += 1;
        if let Some(six) = value(byte) {
            bits = bits << 6 | six;
            count += 1;
        } else if byte == b'=' {
            padding(text, at, count)?;
            // two characters are one byte, three are two
            let bytes = (bits << (6 * (4 - count))).to_be_bytes();
            out.extend_from_slice(&bytes[1..count as usize]);
            return Ok(None);
        } else if !is_line_break(byte) {
            return Err(at - 1);
        }
    }
    out.extend_from_slice(&u32::to_be_bytes(bits)[1..]);
    Ok(Some(at))
}

/// After the first `=`, only the rest of the padding may follow.
fn padding(text: &[u8], mut at: usize, count: u32) -> Result<(), usize> {
    let skip = |mut at: usize| {
        while text.get(at).copied().is_some_and(is_line_break) {
            at += 1;
        }
        at
    };
    if count < 2 {
        return Err(at - 1);
    }
    if count == 2 {
        at = skip(at);
        match text.get(at) {
            None => return Err(text.len()),
            Some(b'=') => at += 1,
            Some(_) => return Err(at - 1),
        }
    }
    match skip(at) {
        end if end < text.len() => Err(end),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_and_spare_bits_are_ignored() {
        for (text, bytes) in [
            ("", &b""[..]),
            ("\n", b""),
            ("YWJj", b"abc"),
            ("YWJj\n", b"abc"),
            ("YW\r\nJjZA==\n", b"abcd"),
            ("YW\nI\n=\n", b"ab"),
            ("YQ=\n=", b"a"),
            // the lowest two bits are excess
            ("YR==", b"a"),
            ("YWJ=", b"ab"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(bytes), "{text:?}");
        }
    }

    #[test]
    fn errors_have_the_offsets_of_go() {
        for (text, at) in [
            ("not base64", 3),
            ("YWJ", 0),
            ("YWJjY", 4),
            ("YWJjZA", 4),
            ("YWJjZA=", 7),
            ("YWJjZA=x", 6),
            ("=", 0),
            ("Y===", 1),
            ("YWJj====", 4),
            ("YWI=x", 4),
            ("YW\nJ", 1),
            ("YWJ_", 3),
            ("ä", 0),
        ] {
            assert_eq!(read(text), Err(at), "{text:?}");
        }
    }

    #[test]
    fn encoded_bytes_are_decoded() {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        for length in 0..70_u8 {
            let bytes: Vec<u8> = (0..length).map(|b| b.wrapping_mul(37)).collect();
            assert_eq!(read(&STANDARD.encode(&bytes)), Ok(bytes));
        }
    }
}
