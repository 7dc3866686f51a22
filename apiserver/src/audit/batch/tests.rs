//! Queues and their senders.

use super::*;
use crate::audit::metrics::AuditMetrics;
use crate::audit::testing::{self, Kept};

const CONFIG: BatchConfig = BatchConfig {
    buffer: 10,
    size: 2,
    wait: Duration::from_secs(3600),
    rate: None,
    under_way: 1,
    bytes: BYTES,
};

fn started(config: BatchConfig, output: &Arc<Kept>) -> (Queue, Sender, CancellationToken) {
    let stop = CancellationToken::new();
    let losses = Arc::new(Losses::new("test", AuditMetrics::new()));
    let (queue, sender) = queue(config, output.clone(), losses, stop.clone());
    (queue, sender, stop)
}

#[tokio::test]
async fn events_are_sent_together_and_all_of_them_at_the_end() {
    let output = Arc::new(Kept::default());
    let (queue, sender, stop) = started(CONFIG, &output);
    for event in ["1", "2", "3"] {
        queue.add(Event::of(event)).unwrap();
    }
    stop.cancel();
    sender.run().await;
    assert_eq!(output.written(), [vec!["1", "2"], vec!["3"]]);
    let late = queue.add(Event::of("4")).unwrap_err();
    assert_eq!(late, "audit backend shut down");
}

#[tokio::test]
async fn an_event_does_not_wait_for_others_for_ever() {
    let output = Arc::new(Kept::default());
    let wait = Duration::from_millis(1);
    let (queue, sender, stop) = started(BatchConfig { wait, ..CONFIG }, &output);
    let sender = tokio::spawn(sender.run());
    queue.add(Event::of("1")).unwrap();
    while output.written().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(output.written(), [["1"]]);
    stop.cancel();
    sender.await.unwrap();
}

#[tokio::test]
async fn events_beyond_the_buffer_are_lost() {
    let output = Arc::new(Kept::default());
    let (queue, _sender, _) = started(
        BatchConfig {
            buffer: 1,
            ..CONFIG
        },
        &output,
    );
    queue.add(Event::of("1")).unwrap();
    let full = queue.add(Event::of("2")).unwrap_err();
    assert_eq!(full, "audit buffer queue blocked");
    let (queue, _sender, _) = started(CONFIG, &output);
    let large = "x".repeat(40 * 1024 * 1024);
    queue.add(Event::of(&large)).unwrap();
    assert_eq!(queue.add(Event::of(&large)).unwrap_err(), full);
    queue.add(Event::of("small")).unwrap();
}

#[tokio::test]
async fn a_log_gathers_events_and_writes_them_all_in_order() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.log");
    let losses = Arc::new(Losses::new("log", AuditMetrics::new()));
    let log = testing::log(&path, &losses);
    let config = BatchConfig {
        buffer: 1_000,
        size: 1,
        ..CONFIG
    };
    let stop = CancellationToken::new();
    let (queue, sender) = super::queue(config, log.clone(), losses, stop.clone());
    let names: Vec<_> = (0..500).map(|n| format!("{{\"n\":{n}}}")).collect();
    for name in &names {
        queue.add(Event::of(name)).unwrap();
    }
    stop.cancel();
    sender.run().await;
    log.close().await;
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().count(), names.len());
    let numbers = text.lines().map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["n"].as_u64().unwrap()
    });
    assert!(numbers.eq(0..500), "{text}");
}

/// The log writes to a pipe without a reader.
#[tokio::test]
async fn events_of_a_log_that_hangs_are_limited() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("audit.log");
    let made = std::process::Command::new("mkfifo").arg(&path).status();
    assert!(made.unwrap().success());
    let reader = std::thread::spawn({
        let path = path.clone();
        move || std::fs::File::open(path).unwrap()
    });
    let losses = Arc::new(Losses::new("log", AuditMetrics::new()));
    let log = testing::log(&path, &losses);
    let reader = reader.join().unwrap();
    let config = BatchConfig {
        buffer: 1_000,
        size: 1,
        ..CONFIG
    };
    let (queue, sender) = super::queue(config, log, losses, CancellationToken::new());
    let sender = tokio::spawn(sender.run());
    let megabyte = format!("{{\"n\":\"{}\"}}", "x".repeat(1 << 20));
    let mut taken = 0;
    while queue.add(Event::of(&megabyte)).is_ok() {
        taken += 1;
        assert!(taken < 70, "so many megabytes wait");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    sender.abort();
    drop(reader);
}
