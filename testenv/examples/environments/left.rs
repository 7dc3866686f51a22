//! What environments may leave behind.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

/// How long the system may take to count a thread or a process out that has ended.
const PATIENCE: usize = 100;

/// What there is: to be compared with what there was.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Left {
    threads: usize,
    files: usize,
    children: usize,
    directories: BTreeSet<String>,
}

impl Left {
    pub(crate) fn now() -> Self {
        let entries = |path: &str| std::fs::read_dir(path).unwrap().count();
        let children = std::fs::read_to_string("/proc/thread-self/children").unwrap_or_default();
        let temporary = std::fs::read_dir(std::env::temp_dir()).unwrap();
        let names = temporary.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        Self {
            threads: entries("/proc/self/task"),
            files: entries("/proc/self/fd"),
            children: children.split_whitespace().count(),
            directories: names
                .filter(|name| name.starts_with("portcullis-"))
                .collect(),
        }
    }

    /// Says what is left that was not there before, if anything is.
    pub(crate) fn compare(&self) -> ExitCode {
        let mut now = Self::now();
        for _ in 0..PATIENCE {
            if self.holds(&now) {
                println!("nothing is left");
                return ExitCode::SUCCESS;
            }
            sleep(Duration::from_millis(10));
            now = Self::now();
        }
        println!("before: {self:?}\nafter:  {now:?}");
        ExitCode::FAILURE
    }

    fn holds(&self, now: &Self) -> bool {
        now.threads <= self.threads
            && now.files <= self.files
            && now.children <= self.children
            && now.directories.is_subset(&self.directories)
    }
}

/// Whether a port is closed. A connection of an earlier client may linger there; a listener may not.
pub(crate) fn is_closed(port: u16) -> bool {
    std::net::TcpStream::connect(("127.0.0.1", port)).is_err()
}
