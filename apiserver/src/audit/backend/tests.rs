//! How long requests wait.

use futures_util::FutureExt;
use tokio::sync::Semaphore;

use super::*;
use crate::audit::metrics::AuditMetrics;
use crate::audit::testing::Kept;

struct Started {
    backend: Backend,
    output: Arc<Kept>,
    metrics: AuditMetrics,
}

fn start(mode: Mode, output: Kept) -> Started {
    let (output, metrics) = (Arc::new(output), AuditMetrics::new());
    let losses = Arc::new(Losses::new("test", metrics.clone()));
    let backend = Backend::start(output.clone(), mode, losses, CancellationToken::new());
    Started {
        backend,
        output,
        metrics,
    }
}

impl Started {
    fn lost(&self) -> f64 {
        let [_, errors, ..] = self.metrics.collectors();
        let families = errors.collect();
        let metrics = families.iter().flat_map(|family| family.get_metric());
        metrics.map(|metric| metric.get_counter().get_value()).sum()
    }
}

fn failing() -> Kept {
    Kept {
        fails: true,
        ..Kept::default()
    }
}

fn waiting() -> Kept {
    Kept {
        gate: Some(Semaphore::new(0)),
        ..Kept::default()
    }
}

const BATCH: Mode = Mode::Batch(BatchConfig {
    buffer: 1,
    size: 1,
    wait: Duration::ZERO,
    rate: None,
    under_way: 1,
    bytes: batch::BYTES,
});

#[tokio::test]
async fn only_strict_mode_rejects_a_request_whose_event_is_lost() {
    for (mode, goes_on) in [(Mode::Blocking, true), (Mode::BlockingStrict, false)] {
        let started = start(mode, failing());
        assert_eq!(started.backend.take(Event::of("1"), true).await, goes_on);
        assert!((started.lost() - 1.0).abs() < 0.1);
    }
    let started = start(BATCH, failing());
    assert!(started.backend.take(Event::of("1"), true).await);
    started.backend.finish().await;
    assert!((started.lost() - 1.0).abs() < 0.1);
}

#[tokio::test]
async fn in_batch_mode_no_request_waits_for_a_destination_that_hangs() {
    let started = start(BATCH, waiting());
    for _ in 0..10 {
        let taken = started.backend.take(Event::of("1"), false).now_or_never();
        assert_eq!(taken, Some(true));
    }
    assert!(started.lost() > 0.0 && started.lost() < 10.0);
    started.output.gate.as_ref().unwrap().add_permits(10);
    started.backend.finish().await;
    let written = started.output.written().len();
    let lost = started.lost();
    assert!((f64::from(u32::try_from(written).unwrap()) + lost - 10.0).abs() < 0.1);
}

#[tokio::test]
async fn in_blocking_mode_a_request_waits_and_its_event_outlives_it() {
    let started = start(Mode::Blocking, waiting());
    // the request ends before its event is written
    assert!(
        started
            .backend
            .take(Event::of("1"), false)
            .now_or_never()
            .is_none()
    );
    started.backend.leave(Event::of("2"));
    assert!(started.output.written().is_empty());
    started.output.gate.as_ref().unwrap().add_permits(3);
    started.backend.finish().await;
    assert_eq!(started.output.written().concat(), ["1", "2"]);
    assert!(started.lost() < 0.1);
}
