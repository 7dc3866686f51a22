//! The lock of a store's directory.
//!
//! A file of its own, `store.lock`, excludes other processes: it is created before the others, and never
//! replaced.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use super::error::OpenError;
use super::private_file::private;

const LOCK: &str = "store.lock";
/// How long to wait for a lock that another process holds.
const LOCK_TIMEOUT: Duration = Duration::from_millis(200);

/// The exclusive lock of a directory, held until dropped.
pub(super) struct DirLock(#[expect(dead_code, reason = "its being open is the lock")] File);

impl DirLock {
    /// Locks the directory; creates it, accessible to its owner only, if it does not exist.
    pub(super) fn take(dir: &Path) -> Result<Self, OpenError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        let made = builder.create(dir);
        made.map_err(|error| OpenError::io(dir, error))?;
        let path = dir.join(LOCK);
        let file = private()
            .open(&path)
            .map_err(|error| OpenError::io(&path, error))?;
        match lock(&file) {
            Ok(()) => Ok(Self(file)),
            Err(TryLockError::WouldBlock) => Err(OpenError::InUse { path }),
            Err(TryLockError::Error(error)) => Err(OpenError::io(&path, error)),
        }
    }
}

/// Locks a file, and retries for a short time: a child process inherits its parent's open files,
/// and with them the locks, until it calls exec.
fn lock(file: &File) -> Result<(), TryLockError> {
    let begun = Instant::now();
    loop {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) if begun.elapsed() < LOCK_TIMEOUT => {
                std::thread::sleep(LOCK_TIMEOUT / 20);
            }
            outcome => return outcome,
        }
    }
}
