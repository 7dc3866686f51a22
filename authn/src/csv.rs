//! CSV with quoted fields, as Go's `encoding/csv` reads it.

use crate::reload::Problem;

/// A record and the line that it starts on, counted from 1.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) line: usize,
    pub(crate) fields: Vec<String>,
}

/// A problem with the record that starts on `line`. Does not quote the line, which contains
/// secrets.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RecordError {
    pub(crate) line: usize,
    pub(crate) problem: Problem,
}

/// Reads records one by one and ends at the first error. Skips empty lines.
pub(crate) struct Reader<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        // Some editors write a byte-order mark.
        Self {
            rest: text.strip_prefix('\u{feff}').unwrap_or(text),
            line: 1,
        }
    }

    /// Skips a line break, if one is next.
    fn line_break(&mut self) -> bool {
        let after = self
            .rest
            .strip_prefix("\r\n")
            .or_else(|| self.rest.strip_prefix('\n'));
        if let Some(after) = after {
            self.rest = after;
            self.line += 1;
        }
        after.is_some()
    }

    fn record(&mut self) -> Result<Vec<String>, Problem> {
        let mut fields = Vec::new();
        loop {
            fields.push(match self.rest.strip_prefix('"') {
                Some(after) => {
                    self.rest = after;
                    self.quoted()?
                }
                None => self.plain()?,
            });
            match self.rest.strip_prefix(',') {
                Some(after) => self.rest = after,
                None => return Ok(fields),
            }
        }
    }

    /// Reads an unquoted field up to the next comma or line break.
    fn plain(&mut self) -> Result<String, Problem> {
        let line = self
            .rest
            .find('\n')
            .map_or(self.rest, |end| &self.rest[..end]);
        let line = line.strip_suffix('\r').unwrap_or(line);
        let field = line.find(',').map_or(line, |end| &line[..end]);
        if field.contains('"') {
            return Err(Problem::BareQuote);
        }
        self.rest = &self.rest[field.len()..];
        Ok(field.to_owned())
    }

    /// Reads a quoted field up to its closing quote; `""` is an escaped quote.
    fn quoted(&mut self) -> Result<String, Problem> {
        let mut field = String::new();
        loop {
            let end = self.rest.find('"').ok_or(Problem::UnclosedQuote)?;
            let part = &self.rest[..end];
            self.line += part.matches('\n').count();
            field.push_str(&part.replace("\r\n", "\n"));
            self.rest = &self.rest[end + 1..];
            match self.rest.strip_prefix('"') {
                Some(after) => {
                    field.push('"');
                    self.rest = after;
                }
                None if self.at_field_end() => return Ok(field),
                None => return Err(Problem::UnclosedQuote),
            }
        }
    }

    fn at_field_end(&self) -> bool {
        let rest = self.rest;
        rest.is_empty() || rest.starts_with([',', '\n']) || rest.starts_with("\r\n")
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Record, RecordError>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.line_break() {}
        if self.rest.is_empty() {
            return None;
        }
        let line = self.line;
        Some(match self.record() {
            Ok(fields) => Ok(Record { line, fields }),
            Err(problem) => {
                self.rest = "";
                Err(RecordError { line, problem })
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(usize, Vec<String>)> {
        Reader::new(text)
            .map(|r| r.map(|r| (r.line, r.fields)).unwrap())
            .collect()
    }

    #[test]
    fn records_have_fields_and_line_numbers() {
        let text = "\u{feff}a,b,c\r\n\n\"x\"\"y\",\"g1,g2\",\n\"two\r\nlines\",z\n last , one";
        let expected = [
            (1, vec!["a", "b", "c"]),
            (3, vec!["x\"y", "g1,g2", ""]),
            (4, vec!["two\nlines", "z"]),
            (6, vec![" last ", " one"]),
        ];
        let expected: Vec<(usize, Vec<String>)> = expected
            .into_iter()
            .map(|(line, fields)| (line, fields.into_iter().map(str::to_owned).collect()))
            .collect();
        assert_eq!(read(text), expected);
        assert_eq!(read(""), []);
        assert_eq!(read("\n\r\n\n"), []);
        assert_eq!(read("\"\""), [(1, vec![String::new()])]);
    }

    #[test]
    fn an_error_names_its_line_and_ends_the_records() {
        for (text, line, problem) in [
            ("a,b\nc\"d,e\nf,g", 2, Problem::BareQuote),
            ("a,\"b\nc,d", 1, Problem::UnclosedQuote),
            ("\n\n\"a\"b,c\nd", 3, Problem::UnclosedQuote),
            ("a, \"b\"", 1, Problem::BareQuote),
        ] {
            let errors: Vec<_> = Reader::new(text).filter_map(Result::err).collect();
            assert_eq!(errors, [RecordError { line, problem }], "{text:?}");
            assert!(
                Reader::new(text).last().is_some_and(|r| r.is_err()),
                "{text:?}"
            );
        }
    }
}
