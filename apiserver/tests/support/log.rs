//! The log of all servers of this process, at the most verbose level.

use std::io::{self, Write};
use std::sync::{Mutex, Once, PoisonError};
use std::time::{Duration, Instant};

use tracing_subscriber::EnvFilter;

use super::PATIENCE;

static LOG: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static STARTED: Once = Once::new();

/// Starts recording the log; later calls have no effect.
pub fn keep() {
    STARTED.call_once(|| {
        tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new("trace"))
            .with_ansi(false)
            .with_writer(|| Keeper)
            .init();
    });
}

/// The log so far.
pub fn so_far() -> String {
    let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&log).into_owned()
}

/// Waits until a line with all these parts is there.
pub async fn says(parts: &[&str]) {
    let (begun, mut read) = (Instant::now(), 0);
    loop {
        let new = {
            let log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
            let new = log.get(read..).unwrap_or_default();
            let end = new.iter().rposition(|byte| *byte == b'\n');
            new[..end.map_or(0, |end| end + 1)].to_vec()
        };
        read += new.len();
        let new = String::from_utf8_lossy(&new);
        let is_it = |line: &str| parts.iter().all(|part| line.contains(part));
        if new.lines().any(is_it) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "not in the log: {parts:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

struct Keeper;

impl Write for Keeper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut log = LOG.lock().unwrap_or_else(PoisonError::into_inner);
        log.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
