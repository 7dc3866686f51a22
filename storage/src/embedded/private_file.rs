//! Files that only their owner may access.

use std::fs::OpenOptions;

/// Options for files that may contain secrets: mode 0600, created if missing.
pub(super) fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
