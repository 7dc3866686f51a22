//! Escapes, which start with a backslash.

use super::{Last, Result, Translator, error, push_literal};

impl Translator<'_> {
    pub(super) fn escape(&mut self, at: usize) -> Result<()> {
        self.last = Last::Atom;
        let Some((_, c)) = self.chars.peek().copied() else {
            return error("trailing backslash at end of expression", "");
        };
        match c {
            'Q' => {
                self.skip(1);
                let rest = self.rest();
                let literal = rest.split("\\E").next().unwrap_or(rest);
                let ended = literal.len() < rest.len();
                self.skip(literal.chars().count() + if ended { 2 } else { 0 });
                literal.chars().for_each(|c| push_literal(&mut self.out, c));
                if literal.is_empty() {
                    self.out.push_str("(?:)");
                }
            }
            'A' | 'z' => {
                self.skip(1);
                self.out.push('\\');
                self.out.push(c);
            }
            'b' => {
                self.skip(1);
                self.out.push_str("(?-u:\\b)");
            }
            'B' => {
                self.skip(1);
                self.out.push_str("\\B");
            }
            _ => self.escaped(at, false)?,
        }
        Ok(())
    }

    /// An escape that is also valid in brackets.
    pub(super) fn escaped(&mut self, at: usize, in_class: bool) -> Result<()> {
        let Some((_, c)) = self.chars.next() else {
            return error("trailing backslash at end of expression", "");
        };
        if let Some(class) = perl_class(c) {
            let negated = c.is_ascii_uppercase();
            match (in_class, negated) {
                (true, false) => self.out.push_str(class),
                _ => {
                    self.out.push_str(if negated { "[^" } else { "[" });
                    self.out.push_str(class);
                    self.out.push(']');
                }
            }
            return Ok(());
        }
        match c {
            'p' | 'P' => self.unicode_class(at, c),
            _ => {
                let literal = self.escaped_char(at, c)?;
                push_literal(&mut self.out, literal);
                Ok(())
            }
        }
    }

    fn unicode_class(&mut self, at: usize, letter: char) -> Result<()> {
        let rest = self.rest();
        let len = match rest.chars().next() {
            Some('{') => rest.find('}').map(|end| end + 1),
            Some(c) => Some(c.len_utf8()),
            None => None,
        };
        let Some(len) = len else {
            return error("invalid character class range", &self.source[at..]);
        };
        let class = &rest[..len];
        let text = format!("\\{letter}{class}");
        if regex::Regex::new(&text).is_err() {
            return error("invalid character class range", &text);
        }
        self.skip(class.chars().count());
        self.out.push_str(&text);
        Ok(())
    }

    /// The character that an escape represents.
    pub(super) fn escaped_char(&mut self, at: usize, c: char) -> Result<char> {
        Ok(match c {
            'a' => '\u{7}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            '1'..='7' if self.octal_follows() => self.octal(c),
            '0' => self.octal(c),
            'x' => return self.hex(at),
            c if c.is_ascii_alphanumeric() || !c.is_ascii() => {
                let part = &self.source[at..at + 1 + c.len_utf8()];
                return error("invalid escape sequence", part);
            }
            c => c,
        })
    }

    fn octal_follows(&mut self) -> bool {
        self.rest().starts_with(|c: char| c.is_digit(8))
    }

    fn octal(&mut self, first: char) -> char {
        let mut code = first.to_digit(8).unwrap_or_default();
        for _ in 0..2 {
            let Some(digit) = self.rest().chars().next().and_then(|c| c.to_digit(8)) else {
                break;
            };
            self.skip(1);
            code = code * 8 + digit;
        }
        char::from_u32(code).unwrap_or_default()
    }

    fn hex(&mut self, at: usize) -> Result<char> {
        let rest = self.rest();
        let (digits, len) = match rest.strip_prefix('{') {
            Some(inner) => {
                let end = inner.find('}').unwrap_or(inner.len());
                (&inner[..end], end + 2)
            }
            None => (rest.get(..2).unwrap_or_default(), 2),
        };
        let valid = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_hexdigit());
        let code = valid
            .then(|| u32::from_str_radix(digits, 16).ok())
            .flatten();
        let Some(c) = code.and_then(char::from_u32) else {
            let end = (at + 2 + len).min(self.source.len());
            let part = self.source.get(at..end).unwrap_or(&self.source[at..]);
            return error("invalid escape sequence", part);
        };
        self.skip(len);
        Ok(c)
    }
}

pub(super) fn perl_class(c: char) -> Option<&'static str> {
    match c {
        'd' | 'D' => Some("0-9"),
        's' | 'S' => Some("\\t\\n\\x0C\\r "),
        'w' | 'W' => Some("0-9A-Za-z_"),
        _ => None,
    }
}
