//! Metrics of webhooks: calls, durations, denials, and failures that were ignored.
//!
//! Upstream: `ObserveWebhook` in `k8s.io/apiserver/pkg/admission/metrics/metrics.go`.

use std::time::Duration;

use prometheus::core::Collector;
use prometheus::{HistogramVec, IntCounterVec};

use super::names::{Names, OTHERS};
use super::{counters, histograms};
use crate::operation::Operation;

/// Upper bounds of the histogram buckets, in seconds.
const BUCKETS: [f64; 8] = [0.005, 0.025, 0.1, 0.5, 1.0, 2.5, 10.0, 25.0];
/// The largest code that is counted: a webhook may name any.
const CODE_MAX: u16 = 600;

/// The calls of all webhooks.
#[derive(Clone, Debug)]
pub(crate) struct WebhookMetrics {
    durations: HistogramVec,
    requests: IntCounterVec,
    rejections: IntCounterVec,
    failed_open: IntCounterVec,
    names: Names,
}

/// A call that has ended.
pub(crate) struct Called<'a> {
    pub(crate) webhook: &'a str,
    /// `admit` or `validating`, as upstream has it.
    pub(crate) kind: &'static str,
    pub(crate) operation: Operation,
    pub(crate) outcome: Outcome,
}

/// How a call ended; failures with the code of the Status that says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Allowed,
    Denied(u16),
    /// The webhook could not be called, or not be understood, and that was ignored.
    FailedOpen(u16),
    /// The same, and the request was denied.
    FailedClosed(u16),
    /// This server failed.
    Internal,
}

impl Outcome {
    fn code(self) -> u16 {
        match self {
            Self::Allowed => 200,
            Self::Denied(code) | Self::FailedOpen(code) | Self::FailedClosed(code) => code,
            Self::Internal => 0,
        }
        .min(CODE_MAX)
    }

    /// Upstream's name for why a request was denied; `None` if it was not.
    const fn error_type(self) -> Option<&'static str> {
        match self {
            Self::Allowed | Self::FailedOpen(_) => None,
            Self::Denied(_) => Some("no_error"),
            Self::FailedClosed(_) => Some("calling_webhook_error"),
            Self::Internal => Some("apiserver_internal_error"),
        }
    }
}

impl WebhookMetrics {
    pub(super) fn new() -> Self {
        Self {
            durations: histograms(
                "apiserver_admission_webhook_admission_duration_seconds",
                "Durations of calls of admission webhooks in seconds, by webhook, type, operation and whether the request was denied.",
                &BUCKETS,
                &["name", "operation", "rejected", "type"],
            ),
            requests: counters(
                "apiserver_admission_webhook_request_total",
                "Calls of admission webhooks, by webhook, type, operation, code and whether the request was denied. Codes above 600 are counted as 600.",
                &["code", "name", "operation", "rejected", "type"],
            ),
            rejections: counters(
                "apiserver_admission_webhook_rejection_count",
                "Requests denied by admission webhooks, by webhook, type, operation, kind of error and code. Codes above 600 are counted as 600.",
                &["error_type", "name", "operation", "rejection_code", "type"],
            ),
            failed_open: counters(
                "apiserver_admission_webhook_fail_open_count",
                "Failed calls of admission webhooks that were ignored, by webhook and type.",
                &["name", "type"],
            ),
            names: Names::default(),
        }
    }

    pub(crate) fn observe(&self, call: &Called<'_>, took: Duration) {
        let Called {
            webhook,
            kind,
            operation,
            outcome,
        } = *call;
        let name = if self.names.has(webhook) {
            webhook
        } else {
            OTHERS
        };
        let (operation, code) = (operation.as_str(), outcome.code().to_string());
        let error = outcome.error_type();
        let rejected = if error.is_some() { "true" } else { "false" };
        let durations = [name, operation, rejected, kind];
        let durations = self.durations.with_label_values(&durations);
        durations.observe(took.as_secs_f64());
        let requests = [code.as_str(), name, operation, rejected, kind];
        self.requests.with_label_values(&requests).inc();
        if let Some(error) = error {
            let rejections = [error, name, operation, code.as_str(), kind];
            self.rejections.with_label_values(&rejections).inc();
        }
        if matches!(outcome, Outcome::FailedOpen(_)) {
            self.failed_open.with_label_values(&[name, kind]).inc();
        }
    }

    pub(super) fn collectors(&self) -> [Box<dyn Collector>; 4] {
        [
            Box::new(self.durations.clone()),
            Box::new(self.requests.clone()),
            Box::new(self.rejections.clone()),
            Box::new(self.failed_open.clone()),
        ]
    }
}
