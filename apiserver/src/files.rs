//! Files of users, authorities and certificates, read again when they change.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_authn::{FileError, Problem, Reload};

/// A file, or several that belong together, to read again when they change.
pub type Watched = Arc<dyn Reload>;

/// How often files are checked. They are small, and mounted ones give no notification of a change.
const EVERY: Duration = Duration::from_secs(2);

/// Reads files again when they change. If one cannot be read or is invalid, that is logged, and its previous
/// contents stay in force.
pub async fn watch(files: Vec<Watched>) {
    let mut timer = tokio::time::interval(EVERY);
    let mut logged = vec![None; files.len()];
    while !files.is_empty() {
        timer.tick().await;
        for (file, logged) in files.iter().zip(&mut logged) {
            let failure = match file.reload() {
                Ok(changed) => {
                    if changed {
                        tracing::info!(file = %file.path().display(), "reloaded");
                    }
                    None
                }
                Err(error) => Some((Failure::of(&error), error)),
            };
            let kind = failure.as_ref().map(|(kind, _)| *kind);
            // logged once, not at every check
            if kind != std::mem::replace(logged, kind)
                && let Some((kind, error)) = failure
            {
                tracing::warn!(%error, "{}", kind.message());
            }
        }
    }
}

/// What is wrong with a file. That it cannot be read, perhaps for lack of descriptors, does not mean that its
/// contents are invalid.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failure {
    Unreadable,
    Broken,
}

impl Failure {
    const fn of(error: &FileError) -> Self {
        match error {
            FileError::Unreadable { .. } => Self::Unreadable,
            FileError::Line { .. } | FileError::Whole { .. } => Self::Broken,
        }
    }

    const fn message(self) -> &'static str {
        match self {
            Self::Unreadable => "a file cannot be read; its previous content stays in use",
            Self::Broken => "a changed file is invalid; its previous content stays in use",
        }
    }
}

/// The contents of a file.
///
/// # Errors
/// [`FileError`], which names it.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    })
}

/// The error for a file with invalid contents.
pub fn unusable(path: &Path, why: &dyn Display) -> FileError {
    FileError::Whole {
        path: path.to_owned(),
        problem: Problem::Unusable(why.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// For lack of descriptors, say, a file cannot be opened whose contents are what they were.
    #[test]
    fn a_file_that_cannot_be_read_is_not_called_invalid() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("none");
        let message = |error: &FileError| Failure::of(error).message();
        let unreadable = message(&read(&path).unwrap_err());
        assert!(unreadable.contains("cannot be read"), "{unreadable}");
        let invalid = message(&unusable(&path, &"it says nothing"));
        assert!(invalid.contains("invalid"), "{invalid}");
    }
}
