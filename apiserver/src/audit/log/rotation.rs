//! A log file that is replaced by a new one when it is full.
//!
//! Upstream: `lumberjack.Logger`.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

use jiff::Timestamp;

use super::backups::Backups;

/// A log file.
pub struct RotatedFile {
    path: PathBuf,
    file: File,
    /// Its size in bytes.
    size: u64,
    /// How many of them do not count, as the file should have been replaced when it had so many.
    uncounted: u64,
    /// Its limit; `None` for any size.
    limit: Option<u64>,
    backups: Backups,
    /// The thread that compresses and removes earlier files.
    tidying: Option<JoinHandle<()>>,
}

impl RotatedFile {
    /// Opens a file; creates it and its directory if they do not exist.
    ///
    /// # Errors
    /// The system's error.
    pub fn open(path: &Path, limit: Option<u64>, backups: Backups) -> io::Result<Self> {
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        }
        let file = append(path)?;
        let size = file.metadata()?.len();
        Ok(Self {
            path: path.to_owned(),
            file,
            size,
            uncounted: 0,
            limit,
            backups,
            tidying: None,
        })
    }

    /// Whether so many bytes fit. An empty file accepts any number.
    pub fn has_room(&self, bytes: usize) -> bool {
        let counted = self.size.saturating_sub(self.uncounted);
        let size = counted.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        counted == 0 || self.limit.is_none_or(|limit| size <= limit)
    }

    /// Appends whole lines.
    ///
    /// # Errors
    /// The system's error; then none of the lines are in the file, if that can be achieved.
    pub fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let written = self.file.write_all(lines);
        match &written {
            Ok(()) => self.size += u64::try_from(lines.len()).unwrap_or(0),
            // half a line would corrupt the next one; special files have no length
            Err(_) => drop(self.file.set_len(self.size)),
        }
        written
    }

    /// Replaces this file by an empty one. If that fails, this one keeps growing.
    pub fn rotate(&mut self) {
        match self.try_rotate() {
            Ok(()) => {
                (self.size, self.uncounted) = (0, 0);
                self.tidy();
            }
            Err(error) => {
                let file = self.path.display();
                tracing::warn!(%file, %error, "the audit log cannot be rotated");
                // it is not tried again for each line
                self.uncounted = self.size;
            }
        }
    }

    fn try_rotate(&mut self) -> io::Result<()> {
        let backup = self.backups.path(&self.path, Timestamp::now());
        match fs::rename(&self.path, &backup) {
            // the file was moved by another program
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            renamed => renamed?,
        }
        match append(&self.path) {
            Ok(file) => self.file = file,
            Err(error) => {
                // this one is still written to, and no backup yet
                let _ = fs::rename(&backup, &self.path);
                return Err(error);
            }
        }
        Ok(())
    }

    /// In a thread, since compressing takes longer than requests should wait.
    fn tidy(&mut self) {
        if self
            .tidying
            .as_ref()
            .is_some_and(|thread| !thread.is_finished())
        {
            // the next rotation tries again
            return;
        }
        let (path, backups) = (self.path.clone(), self.backups);
        let tidied = move || {
            if let Err(error) = backups.tidy(&path, Timestamp::now()) {
                let file = path.display();
                tracing::warn!(%file, %error, "earlier audit logs cannot be removed or compressed");
            }
        };
        let thread = thread::Builder::new().name("audit-log-backups".to_owned());
        self.tidying = thread.spawn(tidied).ok();
    }
}

impl Drop for RotatedFile {
    fn drop(&mut self) {
        if let Some(thread) = self.tidying.take() {
            let _ = thread.join();
        }
    }
}

fn append(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.create(true).append(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

    use super::*;

    const NO_BACKUPS: Backups = Backups {
        max_age: None,
        max_count: None,
        compress: false,
    };

    fn names(dir: &Path) -> Vec<String> {
        let files = fs::read_dir(dir).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    #[test]
    fn a_full_file_makes_room_for_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("logs/audit.log");
        let mut file = RotatedFile::open(&path, Some(10), NO_BACKUPS).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(path.parent().unwrap()), mode(&path)), (0o700, 0o600));
        assert!(file.has_room(100));
        file.write(b"12345678\n").unwrap();
        assert!(file.has_room(1) && !file.has_room(2));
        file.rotate();
        file.write(b"next\n").unwrap();
        drop(file);
        assert_eq!(fs::read(&path).unwrap(), b"next\n");
        let names = names(path.parent().unwrap());
        assert_eq!(names.len(), 2, "{names:?}");
        let old = fs::read(path.parent().unwrap().join(&names[0])).unwrap();
        assert_eq!(old, b"12345678\n");
        // an existing file is continued
        let mut file = RotatedFile::open(&path, Some(10), NO_BACKUPS).unwrap();
        assert!(file.has_room(5) && !file.has_room(6));
        file.write(b"more\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"next\nmore\n");
    }

    /// A file in memory that may not grow takes what fits of a write, as a full disk does.
    #[test]
    fn a_line_that_does_not_fit_on_the_disk_leaves_no_half() {
        const SIZE: u64 = 8192;
        let flags = MemfdFlags::ALLOW_SEALING;
        let full = File::from(memfd_create("full", flags).unwrap());
        full.set_len(SIZE).unwrap();
        fcntl_add_seals(&full, SealFlags::GROW).unwrap();
        let mut file = RotatedFile {
            path: PathBuf::new(),
            file: full,
            size: 0,
            uncounted: 0,
            limit: None,
            backups: NO_BACKUPS,
            tidying: None,
        };
        file.write(b"a line\n").unwrap();
        let long = vec![b'x'; 2 * usize::try_from(SIZE).unwrap()];
        assert!(file.write(&long).is_err());
        assert_eq!(file.file.metadata().unwrap().len(), 7, "the first line");
    }

    #[test]
    fn a_file_that_cannot_be_replaced_keeps_its_lines() {
        let dir = tempfile::tempdir().unwrap();
        let (logs, path) = (dir.path().join("logs"), dir.path().join("logs/audit.log"));
        let mut file = RotatedFile::open(&path, Some(10), NO_BACKUPS).unwrap();
        file.write(b"12345678\n").unwrap();
        // there is no place for another
        let elsewhere = dir.path().join("elsewhere");
        fs::rename(&logs, &elsewhere).unwrap();
        let elsewhere = elsewhere.join("audit.log");
        file.rotate();
        assert!(file.has_room(100), "until it has grown as much again");
        file.write(b"more\n").unwrap();
        assert!(!file.has_room(100));
        assert_eq!(file.size, fs::metadata(&elsewhere).unwrap().len());
        // the next rotation finds no file of that name, and begins one
        fs::create_dir(&logs).unwrap();
        file.rotate();
        file.write(b"next\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"next\n");
    }
}
