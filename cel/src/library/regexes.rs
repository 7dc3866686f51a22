//! Regular expressions, which run in linear time. They have the syntax of RE2 and are translated
//! where Rust's differs: in RE2, classes such as `\d` are ASCII.

use std::sync::Arc;

use regex::{Regex, RegexBuilder};
use regex_syntax::ast::{Error, ErrorKind, parse::Parser};

use crate::error::EvalError;
use crate::library::repetition::nested_repetition;
use crate::library::standard::part;
use crate::library::{Def, Library, list, mismatch};
use crate::meter::Meter;
use crate::types::Type::{Int, String};
use crate::value::{Evaluated, Value};

/// The memory of a compiled expression, in bytes.
const SIZE_LIMIT: usize = 1 << 20;
const NEST_LIMIT: u32 = 100;

pub(super) fn add(lib: &mut Library) {
    lib.member(
        "find",
        [Def(
            "string_find_string",
            vec![String, String],
            String,
            find,
        )],
    );
    lib.member(
        "findAll",
        [
            Def(
                "string_find_all_string",
                vec![String, String],
                list(String),
                find_all,
            ),
            Def(
                "string_find_all_string_int",
                vec![String, String, Int],
                list(String),
                find_all,
            ),
        ],
    );
}

/// Compiles an expression in the syntax of RE2.
///
/// # Errors
/// With Go's message, as far as the kind of error is known.
pub(crate) fn compile(pattern: &str) -> Result<Arc<Regex>, EvalError> {
    if let Some(operators) = nested_repetition(pattern) {
        return Err(EvalError::new(format!(
            "error parsing regexp: invalid nested repetition operator: `{operators}`"
        )));
    }
    let translated = translate(pattern);
    let built = RegexBuilder::new(&translated)
        .size_limit(SIZE_LIMIT)
        .nest_limit(NEST_LIMIT)
        .build();
    built.map(Arc::new).map_err(|_| {
        let why = match Parser::new().parse(&translated) {
            Err(error) => reason(&error),
            Ok(_) => "expression too large".to_owned(),
        };
        EvalError::new(format!("error parsing regexp: {why}"))
    })
}

fn reason(error: &Error) -> std::string::String {
    let pattern = error.pattern();
    let span = error.span();
    let at = pattern
        .get(span.start.offset..span.end.offset)
        .unwrap_or_default();
    let from = pattern.get(span.start.offset..).unwrap_or_default();
    let operator: std::string::String = from.chars().take(1).collect();
    match error.kind() {
        ErrorKind::GroupUnclosed => format!("missing closing ): `{pattern}`"),
        ErrorKind::GroupUnopened => format!("unexpected ): `{pattern}`"),
        ErrorKind::ClassUnclosed => format!("missing closing ]: `{from}`"),
        ErrorKind::ClassRangeInvalid => format!("invalid character class range: `{at}`"),
        ErrorKind::RepetitionMissing => {
            format!("missing argument to repetition operator: `{operator}`")
        }
        ErrorKind::RepetitionCountInvalid => format!("invalid repeat count: `{at}`"),
        ErrorKind::EscapeUnexpectedEof => "trailing backslash at end of expression: ``".to_owned(),
        ErrorKind::EscapeUnrecognized => format!("invalid escape sequence: `{at}`"),
        ErrorKind::NestLimitExceeded(_) => "expression nests too deeply".to_owned(),
        _ => format!("invalid or unsupported Perl syntax: `{at}`"),
    }
}

/// Translates an expression to Rust's syntax.
fn translate(pattern: &str) -> std::string::String {
    let mut out = std::string::String::with_capacity(pattern.len() + 16);
    let mut chars = pattern.chars().peekable();
    let (mut class, mut class_start) = (false, false);
    while let Some(c) = chars.next() {
        let first = std::mem::take(&mut class_start);
        match c {
            '\\' => match chars.next() {
                Some('Q') if !class => quoted(&mut chars, &mut out),
                Some(letter) => escape(letter, class, &mut out),
                None => out.push('\\'),
            },
            '[' if !class => {
                class = true;
                class_start = true;
                out.push('[');
                if chars.next_if_eq(&'^').is_some() {
                    out.push('^');
                }
            }
            // brackets and operators of sets are ordinary characters in Go
            '[' if chars.peek() != Some(&':') => out.push_str("\\["),
            ']' if class && !first => {
                class = false;
                out.push(']');
            }
            ']' if first => out.push_str("\\]"),
            '&' | '~' if class => {
                out.push('\\');
                out.push(c);
            }
            '-' if class && chars.peek() == Some(&'-') => out.push_str("\\-"),
            other => out.push(other),
        }
        if class && c == '[' && out.ends_with('[') && chars.peek() == Some(&':') {
            // `[:alpha:]` is copied
            for c in chars.by_ref() {
                out.push(c);
                if c == ']' {
                    break;
                }
            }
        }
    }
    out
}

fn escape(letter: char, class: bool, out: &mut std::string::String) {
    let (plain, negated) = match letter {
        'd' | 'D' => ("0-9", letter == 'D'),
        'w' | 'W' => ("0-9A-Za-z_", letter == 'W'),
        's' | 'S' => ("\\t\\n\\f\\r ", letter == 'S'),
        'b' => return out.push_str("(?-u:\\b)"),
        other => {
            out.push('\\');
            return out.push(other);
        }
    };
    match (class, negated) {
        (true, false) => out.push_str(plain),
        (_, true) => out.push_str(&format!("[^{plain}]")),
        (false, false) => out.push_str(&format!("[{plain}]")),
    }
}

/// `\Q…\E`: all characters are literal.
fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, out: &mut std::string::String) {
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek() == Some(&'E') {
            chars.next();
            return;
        }
        out.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
    }
}

/// Counts the work of a search.
fn count(meter: &mut Meter, text: &str, pattern: &str) -> Result<(), EvalError> {
    meter.work(text.len() / 4 + pattern.len())
}

/// `matches`, with a compiled expression.
pub(crate) fn matches_with<'a>(meter: &mut Meter, text: &str, regex: &Regex) -> Evaluated<'a> {
    count(meter, text, regex.as_str())?;
    Ok(Value::Bool(regex.is_match(text)))
}

pub(super) fn matches<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::String(text), Value::String(pattern)] => {
            let regex = meter.regex(pattern.as_str(), compile)?;
            matches_with(meter, text.as_str(), &regex)
        }
        _ => mismatch(),
    }
}

fn illegal(error: &EvalError) -> EvalError {
    if error.is_over_budget() {
        error.clone()
    } else {
        EvalError::new(format!("Illegal regex: {error}"))
    }
}

fn find<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    match args {
        [Value::String(text), Value::String(pattern)] => {
            let regex = meter
                .regex(pattern.as_str(), compile)
                .map_err(|e| illegal(&e))?;
            count(meter, text.as_str(), pattern.as_str())?;
            let found = regex
                .find(text.as_str())
                .map_or(0..0, |found| found.range());
            Ok(Value::String(part(text, found)))
        }
        _ => mismatch(),
    }
}

fn find_all<'a>(meter: &mut Meter, args: &[Value<'a>]) -> Evaluated<'a> {
    let (text, pattern, most) = match args {
        [Value::String(text), Value::String(pattern)] => (text, pattern, -1),
        [
            Value::String(text),
            Value::String(pattern),
            Value::Int(most),
        ] => (text, pattern, *most),
        _ => return mismatch(),
    };
    let regex = meter
        .regex(pattern.as_str(), compile)
        .map_err(|e| illegal(&e))?;
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    let mut found = Vec::new();
    for range in regex
        .find_iter(text.as_str())
        .take(most)
        .map(|found| found.range())
    {
        meter.reserve_list(1)?;
        meter.reserve(range.len())?;
        found.push(Value::String(part(text, range)));
    }
    count(meter, text.as_str(), pattern.as_str())?;
    Ok(Value::values(found))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        compile(pattern).unwrap().is_match(text)
    }

    #[test]
    fn classes_match_re2() {
        assert!(matches(r"^\d+$", "09"));
        assert!(!matches(r"^\d$", "٣"));
        assert!(!matches(r"^\w$", "é"));
        assert!(matches(r"^[\w.-]+$", "a.b-c_1"));
        assert!(matches(r"^[^\s]+$", "ab"));
        assert!(matches(r"^[\D]$", "a"));
        assert!(matches(r"^[[a]+$", "[a"));
        assert!(matches(r"^[]a]+$", "]a"));
        assert!(matches(r"^[^]a]$", "b"));
        assert!(matches(r"^[[:alpha:]]+$", "ab"));
        assert!(matches(r"^[a&&b]+$", "a&b"));
        assert!(matches(r"^\Qa.b\E$", "a.b"));
        assert!(!matches(r"^\Qa.b\E$", "axb"));
        assert!(matches(r"\bfoo\b", "a foo b"));
        assert!(matches(r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", "a-b"));
    }

    #[test]
    fn errors_have_the_messages_of_go() {
        for (pattern, error) in [
            ("(", "missing closing ): `(`"),
            (")", "unexpected ): `)`"),
            ("[a", "missing closing ]: `[a`"),
            ("*", "missing argument to repetition operator: `*`"),
            (r"\", "trailing backslash at end of expression: ``"),
        ] {
            let found = compile(pattern).unwrap_err().to_string();
            assert_eq!(found, format!("error parsing regexp: {error}"));
        }
    }

    #[test]
    fn size_and_depth_are_limited() {
        assert!(compile(&"(".repeat(50_000)).is_err());
        assert!(compile(&format!("{}a{}", "(".repeat(500), ")".repeat(500))).is_err());
        assert!(compile("((a{1000}){1000}){1000}").is_err());
    }
}
