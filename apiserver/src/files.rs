//! Files of users, authorities and certificates, read again when they change.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use portcullis_authn::{FileError, Problem, Reload};

/// A file, or several that belong together, to read again when they change.
pub type Watched = Arc<dyn Reload>;

/// How often files are looked at. They are small, and mounted ones give no sign of a change.
const EVERY: Duration = Duration::from_secs(2);

/// Reads files again when they change; one that cannot be read or is broken is logged, and what it
/// said before stays in force.
pub async fn watch(files: Vec<Watched>) {
    let mut timer = tokio::time::interval(EVERY);
    let mut told = vec![None; files.len()];
    while !files.is_empty() {
        timer.tick().await;
        for (file, told) in files.iter().zip(&mut told) {
            let failure = match file.reload() {
                Ok(changed) => {
                    if changed {
                        tracing::info!(file = %file.path().display(), "read again");
                    }
                    None
                }
                Err(error) => Some((Failure::of(&error), error)),
            };
            let kind = failure.as_ref().map(|(kind, _)| *kind);
            // said once, not every time it is looked at
            if kind != std::mem::replace(told, kind)
                && let Some((kind, error)) = failure
            {
                tracing::warn!(%error, "{}", kind.message());
            }
        }
    }
}

/// What is wrong with a file: that it cannot be read, for want of descriptors perhaps, says nothing
/// about what is in it.
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
            Self::Unreadable => "a file cannot be read; what it said before stays in force",
            Self::Broken => "a changed file is broken; what it said before stays in force",
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

/// A file whose contents are of no use.
pub fn unusable(path: &Path, why: &dyn Display) -> FileError {
    FileError::Whole {
        path: path.to_owned(),
        problem: Problem::Unusable(why.to_string()),
    }
}
