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

impl FileError {
    /// Which file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Unreadable { path, .. } | Self::Line { path, .. } | Self::Whole { path, .. } => {
                path
            }
        }
    }
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

/// Makes what several files say together of their contents, in the order of the files.
type ParseAll<T> = Box<dyn Fn(&[Vec<u8>]) -> Result<T, FileError> + Send + Sync>;

/// A file, or several that belong together, and what they said when they last made sense.
pub struct Reloading<T> {
    paths: Vec<PathBuf>,
    parse: ParseAll<T>,
    /// What the contents were (as digests, they hold secrets) and say.
    current: RwLock<(Vec<Secret>, Arc<T>)>,
}

impl<T> Reloading<T> {
    /// Reads files that only make sense together, the first of which gives them their name.
    ///
    /// # Errors
    /// [`FileError`], if one cannot be read, or what `parse` says.
    pub fn together(
        paths: Vec<PathBuf>,
        parse: impl Fn(&[Vec<u8>]) -> Result<T, FileError> + Send + Sync + 'static,
    ) -> Result<Self, FileError> {
        let contents = read_all(&paths)?;
        Self::with(paths, &contents, Box::new(parse))
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`FileError`], if it cannot be read, or what `parse` says.
    pub fn load(
        path: &Path,
        parse: fn(&Path, &[u8]) -> Result<T, FileError>,
    ) -> Result<Self, FileError>
    where
        T: 'static,
    {
        Self::of(path, &read(path)?, parse)
    }

    /// A file with these contents.
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

    /// What the file says, or the files say together.
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
