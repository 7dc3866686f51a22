use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::super::HistoryLimits;
use super::super::change::Change;
use super::super::faults::failing_disk;
use super::*;

/// The thread's state over a file that accepts `allowed` operations.
fn run_over(dir: &Path, allowed: &Arc<AtomicI64>) -> CommitLoop {
    let lock = DirLock::take(dir).unwrap();
    let disk = failing_disk(dir, allowed);
    let (index, garbage) = load::load(&disk).unwrap();
    let acknowledged = Acknowledged::open(dir, disk.path(), index.revision()).unwrap();
    CommitLoop {
        shared: Arc::new(Shared::new(index, HistoryLimits::default())),
        files: Files {
            dir: dir.into(),
            survives: Survives::default(),
            disk: Ok(disk),
            acknowledged,
            lock: Some(lock),
        },
        garbage,
        recovery: Recovery::default(),
        queue: mpsc::channel(1).1,
    }
}

/// A write handled in the same turn as a failed probe reports the probe's cause.
#[test]
fn a_write_after_a_failed_probe_reports_its_cause() {
    let dir = tempfile::tempdir().unwrap();
    let allowed = Arc::new(AtomicI64::new(i64::MAX));
    let mut run = run_over(dir.path(), &allowed);
    let earlier = Error::Unavailable("an earlier failure".into());
    run.recovery.failed(earlier, 10, Duration::ZERO);
    allowed.store(0, Ordering::Relaxed);

    let (probe, probed) = oneshot::channel();
    let (write, written) = oneshot::channel();
    let (compact, compacted) = oneshot::channel();
    let mut turn = Turn::default();
    turn.add(Command::Probe { reply: probe });
    turn.add(Command::Write(Write {
        key: "/a".into(),
        change: Change::Create(Bytes::new()),
        reply: write,
    }));
    turn.add(Command::Compact {
        revision: 1,
        reply: compact,
    });
    run.handle(turn);

    let outcomes = [
        probed.blocking_recv().unwrap(),
        written.blocking_recv().unwrap().map(drop),
        compacted.blocking_recv().unwrap(),
    ];
    for outcome in outcomes {
        let error = outcome.unwrap_err().to_string();
        assert!(error.contains("injected: no space"), "{error}");
    }
}

/// Whether the store is writable shows with a write, and not when its file is open again: on a full disk that
/// succeeds, too.
#[test]
fn an_open_file_is_no_recovery() {
    let dir = tempfile::tempdir().unwrap();
    let mut run = run_over(dir.path(), &Arc::new(AtomicI64::new(i64::MAX)));
    run.failed(&"the disk is full", 10, Instant::now());
    run.ensure_disk().unwrap();
    assert_eq!(run.recovery.failed_bytes(), Some(10));
    assert!(run.shared.unwritable.check().is_err());

    let (write, written) = oneshot::channel();
    let mut turn = Turn::default();
    turn.add(Command::Write(Write {
        key: "/a".into(),
        change: Change::Create(Bytes::new()),
        reply: write,
    }));
    run.handle(turn);
    written.blocking_recv().unwrap().unwrap();
    assert_eq!(run.recovery.failed_bytes(), None);
    run.shared.unwritable.check().unwrap();
}
