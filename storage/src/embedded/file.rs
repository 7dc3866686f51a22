//! The files of the store.

use std::io;
use std::path::Path;

use redb::StorageBackend;
use redb::backends::FileBackend;

use super::error::OpenError;
use super::private_file::private;

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Survives {
    /// A power failure: the disk has it.
    #[default]
    PowerFailure,
    /// A kill of the process: the operating system has it (etcd's `--unsafe-no-fsync`).
    Kill,
}

/// A file of the store. Its directory's lock excludes other processes, so redb's is not needed.
#[derive(Debug)]
pub(super) struct StoreFile {
    file: FileBackend,
    survives: Survives,
}

impl StoreFile {
    /// Opens a file, or creates it.
    pub(super) fn open(path: &Path, survives: Survives) -> Result<Self, OpenError> {
        let file = private().open(path);
        let file = file.map_err(|error| OpenError::io(path, error))?;
        let file = FileBackend::new(file).map_err(|error| OpenError::redb(path, error.into()))?;
        Ok(Self { file, survives })
    }
}

impl StorageBackend for StoreFile {
    fn len(&self) -> io::Result<u64> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        match self.survives {
            Survives::PowerFailure => self.file.sync_data(),
            Survives::Kill => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.file.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.file.close()
    }
}
