//! Translates Go's syntax to that of the `regex` crate. They differ in escapes, Perl classes (Go's
//! are ASCII), nested brackets, and literal braces.
//!
//! What Go rejects is detected here, to return Go's messages (`regexp/syntax/parse.go`).

mod class;
mod escape;

use std::iter::Peekable;
use std::str::CharIndices;

use super::PatternError;

/// The largest count of a repetition.
const REPEAT_MAX: u32 = 1000;
/// The limit of nesting of groups.
const DEPTH_MAX: usize = 250;

type Result<T> = std::result::Result<T, PatternError>;

fn error<T>(what: &'static str, part: &str) -> Result<T> {
    Err(PatternError::Syntax {
        what,
        part: part.to_owned(),
    })
}

/// Translates an expression to the syntax of the `regex` crate.
pub(super) fn translate(source: &str) -> Result<String> {
    let mut translator = Translator {
        source,
        chars: source.char_indices().peekable(),
        out: String::with_capacity(source.len() + 8),
        depth: 0,
        last: Last::Nothing,
    };
    translator.run()?;
    Ok(translator.out)
}

/// What precedes a repetition operator.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    /// The start of an alternative, so there is nothing to repeat.
    Nothing,
    /// Something to repeat.
    Atom,
    /// An operator at this offset.
    Operator(usize),
}

struct Translator<'s> {
    source: &'s str,
    chars: Peekable<CharIndices<'s>>,
    out: String,
    depth: usize,
    last: Last,
}

impl<'s> Translator<'s> {
    fn run(&mut self) -> Result<()> {
        while let Some((at, c)) = self.chars.next() {
            match c {
                '(' => self.open(at)?,
                ')' => self.close()?,
                '|' => self.push_operator('|'),
                '[' => self.class(at)?,
                '*' | '+' | '?' => self.repeat(at, c)?,
                '{' => self.braces(at)?,
                '\\' => self.escape(at)?,
                '.' | '^' | '$' => self.atom(c),
                _ => {
                    push_literal(&mut self.out, c);
                    self.last = Last::Atom;
                }
            }
        }
        if self.depth > 0 {
            return error("missing closing )", self.source);
        }
        Ok(())
    }

    fn rest(&mut self) -> &'s str {
        let at = self.chars.peek().map_or(self.source.len(), |(at, _)| *at);
        &self.source[at..]
    }

    fn skip(&mut self, count: usize) {
        for _ in 0..count {
            self.chars.next();
        }
    }

    fn atom(&mut self, c: char) {
        self.out.push(c);
        self.last = Last::Atom;
    }

    fn push_operator(&mut self, c: char) {
        self.out.push(c);
        self.last = Last::Nothing;
    }

    fn open(&mut self, at: usize) -> Result<()> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return error("expression nests too deeply", self.source);
        }
        self.out.push('(');
        self.last = Last::Nothing;
        let rest = self.rest();
        let Some(rest) = rest.strip_prefix('?') else {
            return Ok(());
        };
        if let Some(named) = rest.strip_prefix("P<").or_else(|| rest.strip_prefix('<')) {
            return self.named(at, rest.len() - named.len(), named);
        }
        let end = rest.find([':', ')']).map_or(rest.len(), |end| end + 1);
        let flags = &rest[..end];
        let known = flags.trim_end_matches([':', ')']);
        let valid = known.chars().all(|c| "imsU-".contains(c))
            && known.matches('-').count() <= 1
            && !known.ends_with('-')
            && end > known.len();
        if !valid {
            return error(
                "invalid or unsupported Perl syntax",
                perl_part(&self.source[at..]),
            );
        }
        self.skip(1 + end);
        self.out.push('?');
        self.out.push_str(flags);
        if flags.ends_with(')') {
            self.depth -= 1;
        }
        Ok(())
    }

    fn named(&mut self, at: usize, prefix: usize, named: &str) -> Result<()> {
        let Some(end) = named.find('>') else {
            return error("invalid named capture", &self.source[at..]);
        };
        let name = &named[..end];
        let valid =
            !name.is_empty() && name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric());
        if !valid {
            let part = &self.source[at..at + 2 + prefix + end + 1];
            return error("invalid named capture", part);
        }
        self.skip(1 + prefix + end + 1);
        // names are dropped, as only matches are of interest
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        if self.depth == 0 {
            return error("unexpected )", self.source);
        }
        self.depth -= 1;
        self.atom(')');
        Ok(())
    }

    /// A repetition operator, with an optional `?` that makes it lazy.
    fn repeat(&mut self, at: usize, operator: char) -> Result<()> {
        self.check_operand(at, 1)?;
        self.out.push(operator);
        self.finish_repeat(at);
        Ok(())
    }

    fn finish_repeat(&mut self, at: usize) {
        if self.rest().starts_with('?') {
            self.skip(1);
            self.out.push('?');
        }
        self.last = Last::Operator(at);
    }

    fn check_operand(&mut self, at: usize, len: usize) -> Result<()> {
        match self.last {
            Last::Nothing => error(
                "missing argument to repetition operator",
                &self.source[at..at + len],
            ),
            Last::Operator(from) => error(
                "invalid nested repetition operator",
                &self.source[from..at + len],
            ),
            Last::Atom => Ok(()),
        }
    }

    /// A repetition count, or a literal brace.
    fn braces(&mut self, at: usize) -> Result<()> {
        let Some((low, high, len)) = count(self.rest()) else {
            push_literal(&mut self.out, '{');
            self.last = Last::Atom;
            return Ok(());
        };
        let part = &self.source[at..=at + len];
        let within = |n: Option<u32>| n.is_some_and(|n| n <= REPEAT_MAX);
        let ordered = high.is_none_or(|high| within(high) && high >= low);
        if !within(low) || !ordered {
            return error("invalid repeat count", part);
        }
        self.check_operand(at, len + 1)?;
        self.skip(len);
        self.out.push_str(part);
        self.finish_repeat(at);
        Ok(())
    }
}

/// The part of an unknown group that Go's message names.
fn perl_part(group: &str) -> &str {
    let len = match group.get(..4) {
        Some("(?<=" | "(?<!") => 4,
        _ => 3,
    };
    group.get(..len).unwrap_or(group)
}

/// The bounds of a repetition and the length of its text; `None` for a literal brace.
#[allow(clippy::type_complexity, reason = "used only once")]
fn count(rest: &str) -> Option<(Option<u32>, Option<Option<u32>>, usize)> {
    let end = rest.find('}')?;
    let inner = &rest[..end];
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (low, high) = match inner.split_once(',') {
        None => (inner, Some(inner)),
        Some((low, "")) => (low, None),
        Some((low, high)) => (low, Some(high)),
    };
    if !digits(low) || !high.is_none_or(digits) {
        return None;
    }
    Some((low.parse().ok(), high.map(|h| h.parse().ok()), end + 1))
}

fn push_literal(out: &mut String, c: char) {
    if c.is_ascii_punctuation() && !matches!(c, '<' | '>') {
        out.push('\\');
    }
    out.push(c);
}
