//! Why a directory's store was not opened.

use std::path::{Path, PathBuf};

use crate::Revision;

/// Why a directory's store was not opened. What is wrong is refused, never repaired by leaving out.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store of this one, has it open.
    #[error("{path}: in use by another process")]
    InUse {
        /// The file that is locked.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error("{path}: not a portcullis store: {reason}")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What gave it away.
        reason: String,
    },
    /// A later version of this program wrote it.
    #[error("{path}: written in format {found}, and this version knows formats up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: u64,
        /// The newest format that can be read.
        known: u64,
    },
    /// The file is damaged.
    #[error("{path}: damaged: {reason}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// The file is whole, and ends before what was acknowledged.
    #[error(
        "{path}: damaged: it ends at revision {found}, and revision {acknowledged} was acknowledged \
         ({mark}); restore the directory from a copy, or remove {} to go on without what is lost",
        mark.display()
    )]
    RolledBack {
        /// The file.
        path: PathBuf,
        /// Where it ends.
        found: Revision,
        /// What was acknowledged.
        acknowledged: Revision,
        /// The file that says so.
        mark: PathBuf,
    },
    /// The file is not there, though a store in its directory acknowledged writes.
    #[error(
        "{path}: missing, though writes to it were acknowledged ({mark}); restore the directory from a \
         copy, or remove {} to start with an empty store",
        mark.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The file that says so.
        mark: PathBuf,
    },
    /// The file or its directory cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io {
            path: path.into(),
            source,
        }
    }

    pub(super) fn corrupt(path: &Path, reason: impl Into<String>) -> Self {
        Self::Corrupt {
            path: path.into(),
            reason: reason.into(),
        }
    }

    pub(super) fn not_ours(path: &Path, reason: impl Into<String>) -> Self {
        Self::NotOurs {
            path: path.into(),
            reason: reason.into(),
        }
    }

    /// What redb said, in our words.
    pub(super) fn redb(path: &Path, error: redb::Error) -> Self {
        use std::io::ErrorKind::{InvalidData, UnexpectedEof};
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::InUse { path: path.into() },
            redb::Error::Io(source) if source.kind() == InvalidData => {
                Self::not_ours(path, source.to_string())
            }
            redb::Error::Io(source) if source.kind() == UnexpectedEof => {
                Self::corrupt(path, source.to_string())
            }
            redb::Error::Io(source) => Self::io(path, source),
            redb::Error::TableDoesNotExist(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TableIsMultimap(_) => Self::not_ours(path, error.to_string()),
            other => Self::corrupt(path, other.to_string()),
        }
    }
}
