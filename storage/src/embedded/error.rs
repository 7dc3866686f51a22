//! Errors of opening a store.

use std::path::{Path, PathBuf};

use crate::Revision;

/// Why a store was not opened. Invalid data is rejected, never repaired by dropping parts of it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another store in this one, has it open.
    #[error("{path}: in use by another process")]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The file is not a store.
    #[error("{path}: not a portcullis store: {reason}")]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// Why it is not.
        reason: String,
    },
    /// It was written by a later version of this program.
    #[error("{path}: written in format {found}, but this version supports formats up to {known}")]
    Newer {
        /// The file.
        path: PathBuf,
        /// The file's format.
        found: u64,
        /// The newest supported format.
        known: u64,
    },
    /// The file is damaged.
    #[error("{path}: damaged: {reason}")]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// What is invalid.
        reason: String,
    },
    /// The file is intact, but ends before the last acknowledged revision.
    #[error(
        "{path}: damaged: it ends at revision {found}, but revision {acknowledged} was acknowledged \
         ({mark}); restore the directory from a backup, or remove {} to continue without the lost data",
        mark.display()
    )]
    RolledBack {
        /// The file.
        path: PathBuf,
        /// The revision at which it ends.
        found: Revision,
        /// The last acknowledged revision.
        acknowledged: Revision,
        /// The file that records it.
        mark: PathBuf,
    },
    /// The file is missing, although a store in its directory has acknowledged writes.
    #[error(
        "{path}: missing, though writes to it were acknowledged ({mark}); restore the directory from a \
         backup, or remove {} to start with an empty store",
        mark.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
        /// The file that records the acknowledged revision.
        mark: PathBuf,
    },
    /// The file or its directory cannot be accessed.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// The I/O error.
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

    /// Converts redb's errors.
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
