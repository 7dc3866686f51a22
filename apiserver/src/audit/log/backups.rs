//! Earlier log files, named by the time of their rotation.
//!
//! Upstream: `lumberjack.Logger`, which names them the same way.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

const TIME: &str = "%Y-%m-%dT%H-%M-%S";
const COMPRESSED: &str = ".gz";

/// Which earlier files are kept, and how.
#[derive(Clone, Copy, Debug)]
pub struct Backups {
    /// For how long; without a value, for ever.
    pub max_age: Option<Duration>,
    /// How many; without a value, any number.
    pub max_count: Option<usize>,
    /// Whether they are compressed.
    pub compress: bool,
}

/// An earlier file.
struct Backup {
    path: PathBuf,
    /// The time in its name.
    full_at: Timestamp,
    compressed: bool,
}

impl Backups {
    /// The name for a file that is full now.
    pub fn path(&self, log: &Path, now: Timestamp) -> PathBuf {
        let (stem, extension) = parts(log);
        let named = |at: Timestamp| {
            let millis = at.subsec_millisecond();
            let time = at.strftime(TIME);
            log.with_file_name(format!("{stem}-{time}.{millis:03}{extension}"))
        };
        let mut at = now;
        while named(at).exists() {
            match at.checked_add(Duration::from_millis(1)) {
                Ok(later) => at = later,
                Err(_) => break,
            }
        }
        named(at)
    }

    /// Removes files that are too old or too many, and compresses the others.
    ///
    /// # Errors
    /// The system's error for the first file that fails.
    pub fn tidy(&self, log: &Path, now: Timestamp) -> io::Result<()> {
        let mut found = found(log)?;
        found.sort_by_key(|backup| std::cmp::Reverse(backup.full_at));
        let oldest = self.max_age.and_then(|age| now.checked_sub(age).ok());
        let is_new = |backup: &Backup| oldest.is_none_or(|oldest| backup.full_at >= oldest);
        let mut kept = None;
        let mut count = 0;
        for backup in found {
            // a file that is being compressed exists twice
            if kept.replace(backup.full_at) != Some(backup.full_at) {
                count += 1;
            }
            let is_one_of = self.max_count.is_none_or(|max| count <= max);
            if !is_one_of || !is_new(&backup) {
                fs::remove_file(&backup.path)?;
            } else if self.compress && !backup.compressed {
                compress(&backup.path)?;
            }
        }
        Ok(())
    }
}

/// The parts of an earlier file's name before and after the time.
fn parts(log: &Path) -> (String, String) {
    let text = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let extension = text(log.extension());
    let extension = match extension.as_str() {
        "" => extension,
        extension => format!(".{extension}"),
    };
    (text(log.file_stem()), extension)
}

fn found(log: &Path) -> io::Result<Vec<Backup>> {
    let (stem, extension) = parts(log);
    let dir = log.parent().filter(|dir| !dir.as_os_str().is_empty());
    let mut backups = Vec::new();
    for file in fs::read_dir(dir.unwrap_or(Path::new(".")))? {
        let file = file?;
        let name = file.file_name();
        let Some(name) = name.to_str() else { continue };
        let plain = name.strip_suffix(COMPRESSED);
        let time = plain.unwrap_or(name).strip_suffix(&extension);
        let time = time.and_then(|time| time.strip_prefix(&stem)?.strip_prefix('-'));
        if let Some(full_at) = time.and_then(full_at) {
            backups.push(Backup {
                path: file.path(),
                full_at,
                compressed: plain.is_some(),
            });
        }
    }
    Ok(backups)
}

fn full_at(text: &str) -> Option<Timestamp> {
    let time = DateTime::strptime(format!("{TIME}%.f"), text).ok()?;
    let time = time.to_zoned(TimeZone::UTC).ok()?;
    Some(time.timestamp())
}

fn compress(path: &Path) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(COMPRESSED);
    let mut options = OpenOptions::new();
    // an existing one was not finished
    let options = options.create(true).write(true).truncate(true).mode(0o600);
    let mut encoder = GzEncoder::new(options.open(&name)?, Compression::fast());
    io::copy(&mut File::open(path)?, &mut encoder)?;
    encoder.finish()?.sync_all()?;
    fs::remove_file(path)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn names(dir: &Path) -> Vec<String> {
        let files = fs::read_dir(dir).unwrap();
        let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    fn tidied(backups: Backups) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("audit.log");
        let others = [
            "audit.log",
            "audit-old.log",
            "other-2026-01-01T00-00-00.000.log",
        ];
        let full = (1..=3).map(|day| format!("audit-2026-01-0{day}T10-20-30.400.log"));
        for name in others.map(str::to_owned).into_iter().chain(full) {
            fs::write(dir.path().join(&name), &name).unwrap();
        }
        let now = "2026-01-04T10:20:30.4Z".parse().unwrap();
        backups.tidy(&log, now).unwrap();
        let mut left = names(dir.path());
        left.retain(|name| name.starts_with("audit-2026"));
        assert_eq!(names(dir.path()).len(), left.len() + others.len());
        for name in left.iter().filter(|name| name.ends_with(".gz")) {
            let file = File::open(dir.path().join(name)).unwrap();
            let mut text = String::new();
            GzDecoder::new(file).read_to_string(&mut text).unwrap();
            assert_eq!(Some(text.as_str()), name.strip_suffix(".gz"));
        }
        left
    }

    #[test]
    fn the_newest_files_stay() {
        let all = Backups {
            max_age: None,
            max_count: None,
            compress: false,
        };
        assert_eq!(tidied(all).len(), 3);
        let two = Backups {
            max_count: Some(2),
            ..all
        };
        assert_eq!(
            tidied(two),
            [
                "audit-2026-01-02T10-20-30.400.log",
                "audit-2026-01-03T10-20-30.400.log"
            ]
        );
        let days = |max_age| Backups {
            max_age: Some(max_age),
            compress: true,
            ..all
        };
        assert_eq!(tidied(days(DAY)), ["audit-2026-01-03T10-20-30.400.log.gz"]);
        assert_eq!(tidied(days(DAY - Duration::from_millis(1))).len(), 0);
    }

    #[test]
    fn a_full_file_gets_a_name_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let backups = Backups {
            max_age: None,
            max_count: None,
            compress: false,
        };
        let now = "2026-01-04T10:20:30.4567Z".parse().unwrap();
        for (log, first, second) in [
            (
                "audit.log",
                "audit-2026-01-04T10-20-30.456.log",
                "audit-2026-01-04T10-20-30.457.log",
            ),
            (
                "audit",
                "audit-2026-01-04T10-20-30.456",
                "audit-2026-01-04T10-20-30.457",
            ),
        ] {
            let log = dir.path().join(log);
            let path = backups.path(&log, now);
            assert_eq!(path, dir.path().join(first));
            fs::write(&path, "").unwrap();
            assert_eq!(backups.path(&log, now), dir.path().join(second));
        }
    }
}
