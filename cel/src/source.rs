//! Issues of an expression, formatted as in `cel-go`.

use std::fmt;

/// The maximum length of a line that is quoted with an issue.
const MAX_SNIPPET: usize = 16_384;
/// The number of issues that are shown.
const MAX_ISSUES: usize = 100;

/// An error in an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The offset in bytes; `None` if it concerns the whole expression.
    pub(crate) offset: Option<u32>,
    pub(crate) message: String,
}

impl Issue {
    /// The message, without the position.
    pub fn message(&self) -> &str {
        &self.message
    }
}

/// An expression does not compile; there is at least one issue, in source order.
///
/// Formatted as the issues of `cel-go`: one `ERROR: <input>:LINE:COLUMN: …` each, with the line and
/// a caret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    issues: Vec<Issue>,
    text: String,
}

impl CompileError {
    pub(crate) fn new(source: &str, mut issues: Vec<Issue>) -> Self {
        issues.sort_by_key(|issue| issue.offset);
        let mut text = String::new();
        for issue in issues.iter().take(MAX_ISSUES) {
            if !text.is_empty() {
                text.push('\n');
            }
            render(source, issue, &mut text);
        }
        if issues.len() > MAX_ISSUES {
            let more = issues.len() - MAX_ISSUES;
            text.push_str(&format!("\n{more} more errors were truncated"));
        }
        Self { issues, text }
    }

    /// A single issue, formatted as its message alone.
    pub(crate) fn plain(issue: Issue) -> Self {
        Self {
            text: issue.message.clone(),
            issues: vec![issue],
        }
    }

    /// The issues.
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for CompileError {}

fn render(source: &str, issue: &Issue, out: &mut String) {
    let Some(offset) = issue.offset else {
        out.push_str(&format!("ERROR: <input>:-1:0: {}", issue.message));
        return;
    };
    let offset = floor_boundary(source, offset as usize);
    let before = &source[..offset];
    let line_number = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let line = source[start..].split('\n').next().unwrap_or_default();
    let column = source[start..offset].chars().count();
    out.push_str(&format!(
        "ERROR: <input>:{line_number}:{}: {}",
        column + 1,
        issue.message
    ));
    if line.len() > MAX_SNIPPET {
        return;
    }
    out.push_str("\n | ");
    out.push_str(&line.replace('\t', " "));
    out.push_str("\n | ");
    let mut rest = line.chars();
    for c in rest.by_ref().take(column) {
        out.push(if c.len_utf8() > 1 { '\u{ff0e}' } else { '.' });
    }
    let wide = rest.next().is_some_and(|c| c.len_utf8() > 1);
    out.push(if wide { '\u{ff3e}' } else { '^' });
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(source: &str, offset: Option<u32>) -> String {
        let message = "undefined field 'z'".to_owned();
        CompileError::new(source, vec![Issue { offset, message }]).to_string()
    }

    #[test]
    fn a_caret_points_at_the_position() {
        assert_eq!(
            shown("self.z == 1", Some(4)),
            "ERROR: <input>:1:5: undefined field 'z'\n | self.z == 1\n | ....^"
        );
        assert_eq!(
            shown("true &&\n\tself.z", Some(13)),
            "ERROR: <input>:2:6: undefined field 'z'\n |  self.z\n | .....^"
        );
    }

    #[test]
    fn wide_characters_count_once() {
        assert_eq!(
            shown("'é' + self.é", Some(12)),
            "ERROR: <input>:1:12: undefined field 'z'\n | 'é' + self.é\n | .．.........＾"
        );
        assert_eq!(shown("é", Some(1)), shown("é", Some(0)));
    }

    #[test]
    fn an_issue_of_the_whole_has_no_line() {
        assert_eq!(shown("1", None), "ERROR: <input>:-1:0: undefined field 'z'");
    }
}
