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

/// Reads files again when they change; a broken new version is logged, and the old one stays.
pub async fn watch(files: Vec<Watched>) {
    let mut timer = tokio::time::interval(EVERY);
    let mut broken = vec![false; files.len()];
    while !files.is_empty() {
        timer.tick().await;
        for (file, broken) in files.iter().zip(&mut broken) {
            match file.reload() {
                Ok(true) => tracing::info!(file = %file.path().display(), "read again"),
                Ok(false) => {}
                // said once, not every time it is looked at
                Err(_) if *broken => continue,
                Err(error) => {
                    tracing::warn!(%error, "a changed file is broken; what it said before stays in force");
                    *broken = true;
                    continue;
                }
            }
            *broken = false;
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
