//! Character classes in brackets.

use super::escape::perl_class;
use super::{Last, Result, Translator, error, push_literal};

impl Translator<'_> {
    /// Translates a class, and escapes characters that are special to the `regex` crate but not to
    /// Go.
    pub(super) fn class(&mut self, at: usize) -> Result<()> {
        self.out.push('[');
        if self.rest().starts_with('^') {
            self.skip(1);
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some((from, c)) = self.chars.next() else {
                return error("missing closing ]", &self.source[at..]);
            };
            if c == ']' && !first {
                break;
            }
            first = false;
            if c == '[' && self.posix(from)? {
                continue;
            }
            if c == '\\' && !self.single_escape() {
                self.escaped(from, true)?;
                continue;
            }
            let low = self.class_char(from, c)?;
            let high = self.range_end(low)?;
            if high < low {
                let to = self.chars.peek().map_or(self.source.len(), |(at, _)| *at);
                return error("invalid character class range", &self.source[from..to]);
            }
            push_literal(&mut self.out, low);
            if high > low {
                self.out.push('-');
                push_literal(&mut self.out, high);
            }
        }
        self.out.push(']');
        self.last = Last::Atom;
        Ok(())
    }

    /// Whether the next escape is a single character, not a class.
    fn single_escape(&mut self) -> bool {
        let next = self.rest().chars().next();
        next.is_none_or(|c| perl_class(c).is_none() && !matches!(c, 'p' | 'P'))
    }

    fn class_char(&mut self, at: usize, c: char) -> Result<char> {
        if c != '\\' {
            return Ok(c);
        }
        match self.chars.next() {
            Some((_, escaped)) => self.escaped_char(at, escaped),
            None => error("trailing backslash at end of expression", ""),
        }
    }

    /// The end of a range that starts with `low`, or `low` itself if it is not a range.
    fn range_end(&mut self, low: char) -> Result<char> {
        let rest = self.rest();
        if !rest.starts_with('-') || rest.starts_with("-]") || rest.len() == 1 {
            return Ok(low);
        }
        self.skip(1);
        match self.chars.next() {
            Some((at, c)) => self.class_char(at, c),
            None => Ok(low),
        }
    }

    /// POSIX classes, such as `[:alpha:]`.
    fn posix(&mut self, at: usize) -> Result<bool> {
        let rest = self.rest();
        if !rest.starts_with(':') {
            return Ok(false);
        }
        let Some(end) = rest.find(":]") else {
            return Ok(false);
        };
        let name = rest[1..end].trim_start_matches('^');
        let known = [
            "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
            "punct", "space", "upper", "word", "xdigit",
        ];
        let text = &self.source[at..at + 1 + end + 2];
        if !known.contains(&name) {
            return error("invalid character class range", text);
        }
        self.skip(rest[..end + 2].chars().count());
        self.out.push_str(text);
        Ok(true)
    }
}
