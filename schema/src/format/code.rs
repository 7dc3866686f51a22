//! Identifiers, numbers with check digits, colors, bytes.

pub(super) fn is_hex(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_hexdigit())
}

/// A UUID, optionally of a given version. Each dash is optional.
pub(super) fn is_uuid(text: &str, version: Option<char>) -> bool {
    let mut rest = text;
    for (i, len) in [8, 4, 4, 4, 12].into_iter().enumerate() {
        if i > 0 {
            rest = rest.strip_prefix('-').unwrap_or(rest);
        }
        let Some((group, after)) = rest.split_at_checked(len) else {
            return false;
        };
        let wrong_version = i == 2 && version.is_some_and(|v| !group.starts_with(v));
        // the variant is checked only for version 4
        let wrong_variant =
            i == 3 && version == Some('4') && !group.starts_with(|c: char| "89abAB".contains(c));
        if !is_hex(group) || wrong_version || wrong_variant {
            return false;
        }
        rest = after;
    }
    rest.is_empty()
}

fn without_separators(text: &str) -> Vec<u8> {
    let kept = |b: &u8| !matches!(b, b'-' | b' ' | b'\t' | b'\n' | b'\r' | 0xc);
    text.bytes().filter(kept).collect()
}

pub(super) fn is_isbn10(text: &str) -> bool {
    let digits = without_separators(text);
    let [number @ .., check] = digits.as_slice() else {
        return false;
    };
    if number.len() != 9 || !number.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let check = match check {
        b'X' => 10,
        b'0'..=b'9' => u32::from(check - b'0'),
        _ => return false,
    };
    let sum: u32 = (1..)
        .zip(number)
        .map(|(i, d)| i * u32::from(d - b'0'))
        .sum();
    (sum + 10 * check).is_multiple_of(11)
}

pub(super) fn is_isbn13(text: &str) -> bool {
    let digits = without_separators(text);
    if digits.len() != 13 || !digits.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let weigh = |(i, d): (usize, &u8)| (if i % 2 == 0 { 1 } else { 3 }) * u32::from(d - b'0');
    let sum: u32 = digits.iter().enumerate().map(weigh).sum();
    sum.is_multiple_of(10)
}

/// A number of a known issuer that passes the Luhn check. Other characters between digits are
/// ignored.
pub(super) fn is_credit_card(text: &str) -> bool {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let starts = |prefixes: &[&str]| prefixes.iter().any(|p| digits.starts_with(p));
    let known = match digits.len() {
        13 => starts(&["4"]),
        14 => starts(&["300", "301", "302", "303", "304", "305", "36", "38"]),
        15 => starts(&["34", "37", "2131", "1800"]),
        16 => starts(&["4", "51", "52", "53", "54", "55", "6011", "65", "35"]),
        _ => false,
    };
    let doubled = |d: u32| if d > 4 { 2 * d - 9 } else { 2 * d };
    let sum: u32 = digits
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .enumerate()
        .map(|(i, d)| if i % 2 == 1 { doubled(d) } else { d })
        .sum();
    known && sum.is_multiple_of(10)
}

/// Such as `111-22-3333`; the separators may be spaces.
pub(super) fn is_ssn(text: &str) -> bool {
    let bytes = text.as_bytes();
    let separator = |b: u8| matches!(b, b'-' | b' ');
    bytes.len() == 11
        && bytes.iter().enumerate().all(|(i, b)| match i {
            3 | 6 => separator(*b),
            _ => b.is_ascii_digit(),
        })
}

pub(super) fn is_hex_color(text: &str) -> bool {
    let digits = text.strip_prefix('#').unwrap_or(text);
    matches!(digits.len(), 3 | 6) && is_hex(digits)
}

pub(super) fn is_rgb_color(text: &str) -> bool {
    let inner = text.strip_prefix("rgb(").and_then(|t| t.strip_suffix(')'));
    let part = |part: &str| {
        let digits = part.trim_matches([' ', '\t', '\n', '\r', '\u{c}']);
        let canonical = digits == "0" || !digits.starts_with(['0', '+']);
        canonical && digits.parse::<u8>().is_ok()
    };
    inner.is_some_and(|inner| inner.split(',').count() == 3 && inner.split(',').all(part))
}

/// Standard base64 with its padding, of at least one byte.
pub(super) fn is_base64(text: &str) -> bool {
    let padding = text.bytes().rev().take_while(|b| *b == b'=').count();
    let digits = &text.as_bytes()[..text.len() - padding];
    !text.is_empty()
        && padding <= 2
        && text.len().is_multiple_of(4)
        && digits
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/'))
}
