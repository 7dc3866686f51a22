//! Files of authenticators, reloaded when they change.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::RwLock;

use crate::secret::Secret;

/// Why a file is invalid. One line, for the operator; never contains a secret.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("{}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The I/O error.
        source: std::io::Error,
    },
    /// A line is invalid.
    #[error("{}: line {line}: {problem}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line that the record starts on, counted from 1.
        line: usize,
        /// What is wrong with the record.
        problem: Problem,
    },
    /// The file as a whole is invalid.
    #[error("{}: {problem}", path.display())]
    Whole {
        /// The file.
        path: PathBuf,
        /// What is wrong with the file.
        problem: Problem,
    },
}

impl FileError {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. } | Self::Line { path, .. } | Self::Whole { path, .. } => {
                path
            }
        }
    }
}

/// What is wrong with the content of a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A quote within an unquoted field.
    #[error("a quote in an unquoted field")]
    BareQuote,
    /// A quoted field without a closing quote, or with text after it.
    #[error("the closing quote of a field is missing or not followed by a comma or a line end")]
    UnclosedQuote,
    /// Too few columns.
    #[error("at least 3 columns are required ({expected}), found {found}")]
    Columns {
        /// The names of the columns.
        expected: &'static str,
        /// The number of columns found.
        found: usize,
    },
    /// An empty column that must not be empty.
    #[error("the {0} is empty")]
    Empty(&'static str),
    /// Bytes that are not UTF-8.
    #[error("not UTF-8 text")]
    NotText,
    /// Malformed PEM.
    #[error("not PEM: {0}")]
    NotPem(String),
    /// PEM without a certificate.
    #[error("no certificate found")]
    NoCertificate,
    /// Anything else, with the message of the code that used the file.
    #[error("{0}")]
    Unusable(String),
    /// PEM without a key.
    #[error("no key found")]
    NoKey,
    /// A key that cannot sign or verify tokens.
    #[error("key {number}: {reason}")]
    Key {
        /// Its number in the file, counted from 1.
        number: usize,
        /// Why it cannot.
        reason: String,
    },
    /// A certificate that cannot be a trust anchor.
    #[error("certificate {number}: {reason}")]
    Certificate {
        /// Its number in the file, counted from 1.
        number: usize,
        /// Why it cannot.
        reason: String,
    },
}

/// Something read from a file that may change.
pub trait Reload: Send + Sync + 'static {
    /// The file.
    fn path(&self) -> &Path;

    /// Reloads the file and returns whether it has changed. The new content is used from the next
    /// request on.
    ///
    /// # Errors
    /// [`FileError`], if the file is invalid; the previous content then stays in use.
    fn reload(&self) -> Result<bool, FileError>;
}

/// Parses the content of a file; the path is for messages.
pub(crate) type Parse<T> = fn(&Path, &[u8]) -> Result<T, FileError>;

/// Parses the contents of several files, in their order.
type ParseAll<T> = Box<dyn Fn(&[Vec<u8>]) -> Result<T, FileError> + Send + Sync>;

/// A file, or several that are parsed together, and the last valid content.
pub struct Reloading<T> {
    paths: Vec<PathBuf>,
    parse: ParseAll<T>,
    /// The contents as digests, since they are secret, and the parsed value.
    current: RwLock<(Vec<Secret>, Arc<T>)>,
}

impl<T> Reloading<T> {
    /// Loads files that are parsed together. The first one is named in messages.
    ///
    /// # Errors
    /// [`FileError`], if one cannot be read, or that of `parse`.
    pub fn together(
        paths: Vec<PathBuf>,
        parse: impl Fn(&[Vec<u8>]) -> Result<T, FileError> + Send + Sync + 'static,
    ) -> Result<Self, FileError> {
        let contents = read_all(&paths)?;
        Self::with(paths, &contents, Box::new(parse))
    }

    /// Loads the file.
    ///
    /// # Errors
    /// [`FileError`], if it cannot be read, or that of `parse`.
    pub fn load(
        path: &Path,
        parse: fn(&Path, &[u8]) -> Result<T, FileError>,
    ) -> Result<Self, FileError>
    where
        T: 'static,
    {
        Self::of(path, &read(path)?, parse)
    }

    /// Parses `contents` as if they were read from `path`.
    pub(crate) fn of(path: &Path, contents: &[u8], parse: Parse<T>) -> Result<Self, FileError>
    where
        T: 'static,
    {
        let own = path.to_owned();
        let parse = move |contents: &[Vec<u8>]| {
            parse(&own, contents.first().map_or(&[][..], Vec::as_slice))
        };
        Self::with(vec![path.to_owned()], &[contents.to_vec()], Box::new(parse))
    }

    fn with(
        paths: Vec<PathBuf>,
        contents: &[Vec<u8>],
        parse: ParseAll<T>,
    ) -> Result<Self, FileError> {
        let value = Arc::new(parse(contents)?);
        let current = RwLock::new((digests(contents), value));
        Ok(Self {
            paths,
            parse,
            current,
        })
    }

    /// The parsed value as of the last successful load.
    pub fn current(&self) -> Arc<T> {
        Arc::clone(&self.current.read().1)
    }
}

impl<T: Send + Sync + 'static> Reload for Reloading<T> {
    fn path(&self) -> &Path {
        self.paths.first().map_or(Path::new(""), PathBuf::as_path)
    }

    fn reload(&self) -> Result<bool, FileError> {
        let contents = read_all(&self.paths)?;
        let digests = digests(&contents);
        let same = |(a, b): (&Secret, &Secret)| bool::from(a.same(b));
        if digests.iter().zip(&self.current.read().0).all(same) {
            return Ok(false);
        }
        let value = Arc::new((self.parse)(&contents)?);
        *self.current.write() = (digests, value);
        Ok(true)
    }
}

impl<T> fmt::Debug for Reloading<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reloading")
            .field("paths", &self.paths)
            .finish_non_exhaustive()
    }
}

fn digests(contents: &[Vec<u8>]) -> Vec<Secret> {
    contents.iter().map(|one| Secret::of(one)).collect()
}

fn read_all(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, FileError> {
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    std::fs::read(path).map_err(|source| FileError::Unreadable {
        path: path.to_owned(),
        source,
    })
}
