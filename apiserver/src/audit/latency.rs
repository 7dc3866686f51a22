//! Where the time of a slow request went: annotations of its last event.
//!
//! Upstream: `writeLatencyToAnnotation` in `k8s.io/apiserver/pkg/endpoints/filters/audit.go`, with the trackers of
//! `pkg/endpoints/request/webhook_duration.go`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use portcullis_admission::WebhookTimes;
use portcullis_kinds::duration;

/// Requests that take longer are annotated.
const THRESHOLD: Duration = Duration::from_millis(500);

/// The stages that are measured where they happen.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    /// Until the user was identified.
    Authentication,
    /// Until an authorizer elsewhere had decided.
    Authorization,
    /// In the store.
    Storage,
}

/// The time that a request spent in each stage.
#[derive(Debug, Default)]
pub struct Latencies([AtomicU64; 3]);

/// The time until the user was identified; an extension of requests that may be audited.
#[derive(Clone, Copy, Debug)]
pub struct IdentifiedIn(pub Duration);

tokio::task_local! {
    /// Those of the request that this task serves, if it is audited.
    static CURRENT: Arc<Latencies>;
}

/// Serves a request whose stages are measured.
pub async fn measured<T>(latencies: Arc<Latencies>, served: impl Future<Output = T>) -> T {
    CURRENT.scope(latencies, served).await
}

/// A stage of the request that this task serves has taken this long.
pub fn took(stage: Stage, time: Duration) {
    // other tasks and requests that are not audited have none
    let _ = CURRENT.try_with(|latencies| latencies.add(stage, time));
}

impl Latencies {
    /// Adds to the time of a stage.
    pub fn add(&self, stage: Stage, time: Duration) {
        let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        let [authentication, authorization, storage] = &self.0;
        let total = match stage {
            Stage::Authentication => authentication,
            Stage::Authorization => authorization,
            Stage::Storage => storage,
        };
        total.fetch_add(nanoseconds, Ordering::Relaxed);
    }

    /// The annotations of a request that took this long; none if it was fast.
    pub fn annotations(&self, total: Duration, webhooks: WebhookTimes) -> BTreeMap<String, String> {
        if total <= THRESHOLD {
            return BTreeMap::new();
        }
        let [authentication, authorization, storage] = self
            .0
            .each_ref()
            .map(|time| Duration::from_nanos(time.load(Ordering::Relaxed)));
        let times = [
            ("authentication", authentication),
            ("authorization", authorization),
            ("etcd", storage),
            ("mutating-webhook", webhooks.mutating),
            ("total", total),
            ("validating-webhook", webhooks.validating),
        ];
        let times = times.into_iter().filter(|(_, time)| !time.is_zero());
        let annotation = |(name, time)| {
            let key = format!("apiserver.latency.k8s.io/{name}");
            (key, duration::format(time))
        };
        times.map(annotation).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_slow_requests_say_where_their_time_went() {
        let latencies = Arc::new(Latencies::default());
        took(Stage::Storage, Duration::from_secs(9));
        measured(latencies.clone(), async {
            took(Stage::Storage, Duration::from_millis(300));
            took(Stage::Storage, Duration::from_micros(200_500));
        })
        .await;
        let webhooks = WebhookTimes {
            validating: Duration::from_millis(7),
            ..WebhookTimes::default()
        };
        assert!(latencies.annotations(THRESHOLD, webhooks).is_empty());
        let slow = latencies.annotations(Duration::from_millis(1250), webhooks);
        let slow: Vec<_> = slow.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(
            slow,
            [
                ("apiserver.latency.k8s.io/etcd", "500.5ms"),
                ("apiserver.latency.k8s.io/total", "1.25s"),
                ("apiserver.latency.k8s.io/validating-webhook", "7ms"),
            ]
        );
    }
}
