//! The format shared by the basic authentication file and the token file: one user per record,
//! `secret,user,uid[,"group1,group2"]`.

use std::path::Path;

use portcullis_api::UserInfo;

use crate::csv::{Reader, Record, RecordError};
use crate::reload::{FileError, Problem};
use crate::secret::Secret;

/// A parsed record.
pub(crate) struct Entry {
    pub(crate) line: usize,
    /// `None` if the column is empty.
    pub(crate) secret: Option<Secret>,
    pub(crate) user: UserInfo,
}

/// Parses all records; `expected` lists the columns for messages.
pub(crate) fn entries(
    path: &Path,
    contents: &[u8],
    expected: &'static str,
) -> Result<Vec<Entry>, FileError> {
    let text = text(path, contents)?;
    Reader::new(text)
        .map(|record| record.and_then(|record| entry(record, path, expected)))
        .collect::<Result<_, _>>()
        .map_err(|RecordError { line, problem }| line_error(path, line, problem))
}

pub(crate) fn line_error(path: &Path, line: usize, problem: Problem) -> FileError {
    FileError::Line {
        path: path.to_owned(),
        line,
        problem,
    }
}

fn text<'a>(path: &Path, contents: &'a [u8]) -> Result<&'a str, FileError> {
    std::str::from_utf8(contents).map_err(|error| {
        let before = contents.iter().take(error.valid_up_to());
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        line_error(path, line, Problem::NotText)
    })
}

fn entry(record: Record, path: &Path, expected: &'static str) -> Result<Entry, RecordError> {
    let Record { line, fields } = record;
    let found = fields.len();
    let mut fields = fields.into_iter();
    let (Some(secret), Some(name), Some(uid)) = (fields.next(), fields.next(), fields.next())
    else {
        return Err(RecordError {
            line,
            problem: Problem::Columns { expected, found },
        });
    };
    if name.is_empty() {
        return Err(RecordError {
            line,
            problem: Problem::Empty("user name"),
        });
    }
    let groups = fields.next().unwrap_or_default();
    let groups = groups
        .split(',')
        .filter(|g| !g.is_empty())
        .map(str::to_owned)
        .collect();
    if found > 4 {
        tracing::warn!(
            file = %path.display(), line, columns = found,
            "columns after the fourth are ignored; several groups need quotes: \"g1,g2\""
        );
    }
    Ok(Entry {
        line,
        secret: (!secret.is_empty()).then(|| Secret::of(secret.as_bytes())),
        user: UserInfo {
            name,
            uid,
            groups,
            ..UserInfo::default()
        },
    })
}

#[cfg(test)]
mod tests;
