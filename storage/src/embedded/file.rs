//! The file under redb.

use std::io;

use redb::StorageBackend;
use redb::backends::FileBackend;

/// What an acknowledged write survives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Survives {
    /// A power failure: the disk has it.
    #[default]
    PowerFailure,
    /// A kill of the process: the operating system has it (etcd's `--unsafe-no-fsync`).
    Kill,
}

/// A file whose syncs do not wait for the disk. Its directory's lock excludes other processes, so redb's is
/// not needed.
#[derive(Debug)]
pub(super) struct Unsynced(pub(super) FileBackend);

impl StorageBackend for Unsynced {
    fn len(&self) -> io::Result<u64> {
        self.0.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.0.close()
    }
}
