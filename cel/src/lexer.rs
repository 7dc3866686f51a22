//! The lexer. As in ANTLR's lexer, invalid input is reported and skipped.

use crate::source::Issue;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Ident,
    /// An identifier in backticks.
    Escaped,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    True,
    False,
    Null,
    In,
    /// An operator or bracket, identified by its text.
    Punctuation,
    End,
}

/// A token with its text and offset.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lexeme<'s> {
    pub(crate) token: Token,
    pub(crate) offset: u32,
    pub(crate) text: &'s str,
}

/// Longer ones come first.
const PUNCTUATION: [&str; 25] = [
    "==", "!=", "<=", ">=", "&&", "||", "[", "]", "{", "}", "(", ")", ".", ",", "-", "!", "?", ":",
    "+", "*", "/", "%", "<", ">", "",
];

/// Splits an expression into tokens; the last is [`Token::End`].
pub(crate) fn tokens<'s>(source: &'s str, issues: &mut Vec<Issue>) -> Vec<Lexeme<'s>> {
    let mut lexemes = Vec::with_capacity(source.len() / 3 + 1);
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        let skip = blank(rest);
        if skip > 0 {
            at += skip;
            continue;
        }
        let offset = u32::try_from(at).unwrap_or(u32::MAX);
        let Some((token, length)) = token(rest) else {
            at += unrecognized(rest, offset, issues);
            continue;
        };
        let text = &rest[..length];
        lexemes.push(Lexeme {
            token,
            offset,
            text,
        });
        at += length;
    }
    let offset = u32::try_from(source.len()).unwrap_or(u32::MAX);
    lexemes.push(Lexeme {
        token: Token::End,
        offset,
        text: "<EOF>",
    });
    lexemes
}

/// The length of leading white space or of a comment.
fn blank(rest: &str) -> usize {
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    let is_blank = |c: char| matches!(c, '\t' | ' ' | '\r' | '\n' | '\u{c}');
    rest.find(|c| !is_blank(c)).unwrap_or(rest.len())
}

fn token(rest: &str) -> Option<(Token, usize)> {
    let bytes = rest.as_bytes();
    let first = *bytes.first()?;
    if let Some(found) = quoted(rest) {
        return found;
    }
    if first == b'`' {
        let inner = |c: char| c.is_ascii_alphanumeric() || "_.-/ ".contains(c);
        let end = rest[1..].find(|c| !inner(c))? + 1;
        return (end > 1 && bytes[end] == b'`').then_some((Token::Escaped, end + 1));
    }
    if first.is_ascii_alphabetic() || first == b'_' {
        let ident = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = rest.find(|c| !ident(c)).unwrap_or(rest.len());
        return Some((keyword(&rest[..end]), end));
    }
    if first.is_ascii_digit() || (first == b'.' && bytes.get(1).is_some_and(u8::is_ascii_digit)) {
        return Some(number(bytes));
    }
    let found = PUNCTUATION.iter().find(|p| rest.starts_with(**p))?;
    (!found.is_empty()).then_some((Token::Punctuation, found.len()))
}

fn keyword(text: &str) -> Token {
    match text {
        "true" => Token::True,
        "false" => Token::False,
        "null" => Token::Null,
        "in" => Token::In,
        _ => Token::Ident,
    }
}

fn number(bytes: &[u8]) -> (Token, usize) {
    let digits = |from: usize| {
        bytes[from..]
            .iter()
            .take_while(|b| b.is_ascii_digit())
            .count()
    };
    if bytes.starts_with(b"0x") {
        let hex = bytes[2..]
            .iter()
            .take_while(|b| b.is_ascii_hexdigit())
            .count();
        if hex > 0 {
            return unsigned(bytes, 2 + hex);
        }
    }
    let whole = digits(0);
    let mut end = whole;
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > 0 {
        end += 1 + digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = bytes.get(end + 1 + sign..).map_or(0, |rest| {
            rest.iter().take_while(|b| b.is_ascii_digit()).count()
        });
        if exponent > 0 {
            return (Token::Double, end + 1 + sign + exponent);
        }
    }
    if end > whole {
        return (Token::Double, end);
    }
    unsigned(bytes, whole)
}

fn unsigned(bytes: &[u8], end: usize) -> (Token, usize) {
    if matches!(bytes.get(end), Some(b'u' | b'U')) {
        (Token::Uint, end + 1)
    } else {
        (Token::Int, end)
    }
}

/// A string or bytes literal: `None` if there is none, `Some(None)` if it is not terminated.
fn quoted(rest: &str) -> Option<Option<(Token, usize)>> {
    let bytes = rest.as_bytes();
    let (mut at, mut raw, mut token) = (0, false, Token::String);
    if matches!(bytes[0], b'b' | b'B') {
        token = Token::Bytes;
        at = 1;
    }
    if matches!(bytes.get(at), Some(b'r' | b'R')) {
        raw = true;
        at += 1;
    }
    let quote = *bytes.get(at).filter(|b| matches!(b, b'"' | b'\''))?;
    let triple = bytes[at..].starts_with(&[quote; 3]);
    let end = if triple {
        long_end(bytes, at + 3, quote, raw)
    } else {
        short_end(bytes, at + 1, quote, raw)
    };
    Some(end.map(|end| (token, end)))
}

fn long_end(bytes: &[u8], mut at: usize, quote: u8, raw: bool) -> Option<usize> {
    while at < bytes.len() {
        if bytes[at..].starts_with(&[quote; 3]) {
            return Some(at + 3);
        }
        at += step(bytes, at, raw)?;
    }
    None
}

fn short_end(bytes: &[u8], mut at: usize, quote: u8, raw: bool) -> Option<usize> {
    while at < bytes.len() {
        match bytes[at] {
            b if b == quote => return Some(at + 1),
            b'\n' | b'\r' => return None,
            _ => at += step(bytes, at, raw)?,
        }
    }
    None
}

/// The length of the character or escape at an offset; `None` if the escape is invalid.
fn step(bytes: &[u8], at: usize, raw: bool) -> Option<usize> {
    if raw || bytes[at] != b'\\' {
        return Some(1);
    }
    let hex = |count: usize| {
        let digits = bytes.get(at + 2..at + 2 + count)?;
        digits
            .iter()
            .all(u8::is_ascii_hexdigit)
            .then_some(2 + count)
    };
    match *bytes.get(at + 1)? {
        b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'"' | b'\'' | b'\\' | b'?' | b'`' => {
            Some(2)
        }
        b'x' | b'X' => hex(2),
        b'u' => hex(4),
        b'U' => hex(8),
        b'0'..=b'3' => {
            let digits = bytes.get(at + 2..at + 4)?;
            digits.iter().all(|d| matches!(d, b'0'..=b'7')).then_some(4)
        }
        _ => None,
    }
}

/// Reports invalid input, and returns its length.
fn unrecognized(rest: &str, offset: u32, issues: &mut Vec<Issue>) -> usize {
    let length = rest.chars().next().map_or(1, char::len_utf8);
    let mut shown = length;
    if rest.starts_with(['|', '&', '=']) {
        // ANTLR's lexer has read one more character when it rejects the operator
        shown += rest[length..].chars().next().map_or(0, char::len_utf8);
    }
    let text = &rest[..shown];
    issues.push(Issue {
        offset: Some(offset),
        message: format!("Syntax error: token recognition error at: '{text}'"),
    });
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<(Token, &str)> {
        let mut issues = Vec::new();
        let found = tokens(source, &mut issues);
        assert!(issues.is_empty(), "{issues:?}");
        found[..found.len() - 1]
            .iter()
            .map(|l| (l.token, l.text))
            .collect()
    }

    #[test]
    fn numbers() {
        for (text, token) in [
            ("0", Token::Int),
            ("0x1F", Token::Int),
            ("7u", Token::Uint),
            ("0xFu", Token::Uint),
            ("1.5", Token::Double),
            (".5", Token::Double),
            ("1e9", Token::Double),
            ("1.5E-3", Token::Double),
        ] {
            assert_eq!(kinds(text), [(token, text)]);
        }
        assert_eq!(kinds("1.size")[0], (Token::Int, "1"));
    }

    #[test]
    fn all_forms_of_strings() {
        for text in [
            "'a'",
            "\"a\"",
            "'''a'b'''",
            "\"\"\"a\nb\"\"\"",
            "r'\\'",
            "R\"\\d\"",
            "'\\x41\\u00e9\\101'",
            "r'''a\nb'''",
        ] {
            assert_eq!(kinds(text), [(Token::String, text)]);
        }
        for text in ["b'a'", "B\"a\"", "br'\\'"] {
            assert_eq!(kinds(text), [(Token::Bytes, text)]);
        }
    }

    #[test]
    fn invalid_input_is_reported() {
        for (text, error) in [
            ("a $ b", "Syntax error: token recognition error at: '$'"),
            ("a | b", "Syntax error: token recognition error at: '| '"),
            ("'a", "Syntax error: token recognition error at: '''"),
        ] {
            let mut issues = Vec::new();
            tokens(text, &mut issues);
            assert_eq!(issues[0].message, error);
        }
    }

    #[test]
    fn comments_and_backticks() {
        assert_eq!(kinds("a // b\n"), [(Token::Ident, "a")]);
        assert_eq!(kinds("`a-b.c/d`"), [(Token::Escaped, "`a-b.c/d`")]);
    }
}
