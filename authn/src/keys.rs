//! The keys of service account tokens, reloaded when their files change.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::jwt::{SigningKey, Token, VerifyingKey};
use crate::reload::{FileError, Reload, Reloading};

/// The keys that verify service account tokens, from several files.
#[derive(Debug, Default)]
pub struct KeyRing {
    fixed: Vec<VerifyingKey>,
    files: Vec<Arc<KeyFile>>,
}

/// A file of public or private keys.
#[derive(Debug)]
pub struct KeyFile {
    keys: Reloading<Vec<VerifyingKey>>,
    /// How many times it has changed.
    changes: AtomicU64,
}

/// The file of the signing key.
#[derive(Debug)]
pub struct SigningKeyFile(Reloading<SigningKey>);

impl KeyRing {
    /// Combines fixed keys with those of files.
    pub const fn new(fixed: Vec<VerifyingKey>, files: Vec<Arc<KeyFile>>) -> Self {
        Self { fixed, files }
    }

    /// All distinct keys.
    pub fn all(&self) -> Vec<VerifyingKey> {
        let mut keys = self.fixed.clone();
        for file in &self.files {
            for key in file.keys.current().iter() {
                if keys.iter().all(|known| known.id() != key.id()) {
                    keys.push(key.clone());
                }
            }
        }
        keys
    }

    /// Whether one of the keys signed the token.
    pub(crate) fn signed(&self, token: &Token<'_>) -> bool {
        let mut files = self.files.iter();
        token.is_signed_by(&self.fixed)
            || files.any(|file| token.is_signed_by(&file.keys.current()))
    }

    /// A number that changes whenever the keys change.
    pub(crate) fn version(&self) -> u64 {
        let changes = self.files.iter().map(|f| f.changes.load(Ordering::Acquire));
        changes.sum()
    }
}

impl KeyFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`FileError`], if it contains no key, or one that cannot verify tokens.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Reloading::load(path, VerifyingKey::all).map(Self::with)
    }

    /// Parses `pem`; `path` is used for messages and reloading only.
    ///
    /// # Errors
    /// As [`KeyFile::load`].
    pub fn of(path: &Path, pem: &[u8]) -> Result<Self, FileError> {
        Reloading::of(path, pem, VerifyingKey::all).map(Self::with)
    }

    const fn with(keys: Reloading<Vec<VerifyingKey>>) -> Self {
        Self {
            keys,
            changes: AtomicU64::new(0),
        }
    }
}

impl Reload for KeyFile {
    fn path(&self) -> &Path {
        self.keys.path()
    }

    fn reload(&self) -> Result<bool, FileError> {
        let changed = self.keys.reload()?;
        if changed {
            self.changes.fetch_add(1, Ordering::Release);
        }
        Ok(changed)
    }
}

impl SigningKeyFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`FileError`], if its first key is not a private key that can sign tokens.
    pub fn load(path: &Path) -> Result<Self, FileError> {
        Reloading::load(path, SigningKey::of).map(Self)
    }

    /// The key as of the last successful load.
    pub fn current(&self) -> Arc<SigningKey> {
        self.0.current()
    }
}

impl Reload for SigningKeyFile {
    fn path(&self) -> &Path {
        self.0.path()
    }

    fn reload(&self) -> Result<bool, FileError> {
        self.0.reload()
    }
}
