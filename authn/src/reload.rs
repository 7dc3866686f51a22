//! Files an authenticator is made from, read again when they change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::secret::Secret;

/// Why a file makes no authenticator. One line, for the operator; never shows a secret.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// A line is wrong.
    #[error("{}: line {line}: {problem}", path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Where its record starts, counted from 1.
        line: usize,
        /// What is wrong there.
        problem: Problem,
    },
    /// The file as a whole is wrong.
    #[error("{}: {problem}", path.display())]
    Whole {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A quote in the middle of a field.
    #[error("a quote in a field that does not begin with one")]
    BareQuote,
    /// A quoted field that does not end, or goes on after its end.
    #[error("a quoted field that does not end where a comma or the line's end follows")]
    UnclosedQuote,
    /// Too few columns.
    #[error("at least 3 columns are needed ({expected}), found {found}")]
    Columns {
        /// What the columns are.
        expected: &'static str,
        /// How many there are.
        found: usize,
    },
    /// A column that must not be empty.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// Bytes that are no text.
    #[error("not UTF-8 text")]
    NotText,
    /// PEM that is broken.
    #[error("not PEM: {0}")]
    NotPem(String),
    /// PEM without a certificate.
    #[error("no certificate in it")]
    NoCertificate,
    /// Anything else, in the words of whoever tried to use it.
    #[error("{0}")]
    Unusable(String),
    /// PEM without a key.
    #[error("no key in it")]
    NoKey,
    /// A key that signs or verifies no tokens.
    #[error("key {number}: {reason}")]
    Key {
        /// Which one, counted from 1.
        number: usize,
        /// Why not.
        reason: String,
    },
    /// A certificate that can be no trust anchor.
    #[error("certificate {number}: {reason}")]
    Certificate {
        /// Which one, counted from 1.
        number: usize,
        /// Why not.
        reason: String,
    },
}

/// An authenticator made from a file that may change.
pub trait Reload: Send + Sync + 'static {
    /// The file.
    fn path(&self) -> &Path;

    /// Reads the file again and says whether it had changed. What it says counts from the next
    /// request on.
    ///
    /// # Errors
    /// [`FileError`], if the file is broken; then what it said before stays in force.
    fn reload(&self) -> Result<bool, FileError>;
}

/// Makes what a file says; the path is for messages.
pub(crate) type Parse<T> = fn(&Path, &[u8]) -> Result<T, FileError>;

/// A file, and what it said when it last made sense.
pub(crate) struct Reloading<T> {
    path: PathBuf,
    parse: Parse<T>,
    /// What the file's contents were (as a digest, they hold secrets) and say.
    current: RwLock<(Secret, Arc<T>)>,
}

impl<T> Reloading<T> {
    /// Reads the file.
    pub(crate) fn load(path: &Path, parse: Parse<T>) -> Result<Self, FileError> {
        Self::of(path, &read(path)?, parse)
    }

    /// A file with these contents.
    pub(crate) fn of(path: &Path, contents: &[u8], parse: Parse<T>) -> Result<Self, FileError> {
        let value = Arc::new(parse(path, contents)?);
        let current = RwLock::new((Secret::of(contents), value));
        Ok(Self {
            path: path.to_owned(),
            parse,
            current,
        })
    }

    /// What the file says.
    pub(crate) fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().1)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// See [`Reload::reload`].
    pub(crate) fn reload(&self) -> Result<bool, FileError> {
        let contents = read(&self.path)?;
        let digest = Secret::of(&contents);
        if digest.same(&self.current.read().0).into() {
            return Ok(false);
        }
        let value = Arc::new((self.parse)(&self.path, &contents)?);
        *self.current.write() = (digest, value);
        Ok(true)
    }
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    })
}
