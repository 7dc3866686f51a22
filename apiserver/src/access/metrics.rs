//! What is counted of authorizers, and of tokens that a webhook knows.
//!
//! Upstream: `pkg/authorization/metrics`, `plugin/pkg/authorizer/webhook/metrics` and
//! `pkg/authentication/token/cache` of `k8s.io/apiserver`.

use std::time::Duration;

use portcullis_authn::CountTokens;
use prometheus::core::Collector;
use prometheus::{DEFAULT_BUCKETS, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, Opts};

/// Decisions of authorizers, and questions to authorization webhooks. Clones count together.
#[derive(Clone, Debug)]
pub struct AuthorizationMetrics {
    decisions: IntCounterVec,
    evaluations: IntCounterVec,
    durations: HistogramVec,
    failed_open: IntCounterVec,
    condition_errors: IntCounterVec,
    exclusions: IntCounterVec,
    condition_durations: HistogramVec,
}

/// The type of authorizers that have match conditions.
const WEBHOOK: &str = "Webhook";
/// Upper bounds of the buckets of match conditions, in seconds.
const CONDITION_BUCKETS: [f64; 7] = [0.001, 0.005, 0.01, 0.025, 0.1, 0.2, 0.25];

/// How a question to a webhook ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Evaluation {
    /// With an answer that can be read.
    Success,
    /// With none in time.
    Timeout,
    /// With none, or one that cannot be read.
    Error,
}

impl Evaluation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Timeout => "timeout",
            Self::Error => "error",
        }
    }
}

impl AuthorizationMetrics {
    /// Nothing has been counted.
    pub fn new() -> Self {
        const VALID: &str = "these names are valid";
        let named = |name: &str| format!("apiserver_authorization_{name}");
        let counters = |name: &str, help: &str, labels: &[&str]| {
            IntCounterVec::new(Opts::new(named(name), help), labels).expect(VALID)
        };
        let durations = HistogramOpts::new(
            named("webhook_duration_seconds"),
            "How long authorization webhooks took to answer in seconds, tries together, by name and result.",
        );
        let durations = durations.buckets(DEFAULT_BUCKETS.to_vec());
        let condition_durations = HistogramOpts::new(
            named("match_condition_evaluation_seconds"),
            "How long match conditions of authorizers took to evaluate in seconds, by type and name.",
        );
        let condition_durations = condition_durations.buckets(CONDITION_BUCKETS.to_vec());
        Self {
            decisions: counters(
                "decisions_total",
                "Decisions of authorizers that no other was asked after, by type, name and decision.",
                &["decision", "name", "type"],
            ),
            evaluations: counters(
                "webhook_evaluations_total",
                "Questions to authorization webhooks, by name and result.",
                &["name", "result"],
            ),
            durations: HistogramVec::new(durations, &["name", "result"]).expect(VALID),
            failed_open: counters(
                "webhook_evaluations_fail_open_total",
                "Questions that authorization webhooks did not answer, and that others decided, by name and result.",
                &["name", "result"],
            ),
            condition_errors: counters(
                "match_condition_evaluation_errors_total",
                "Requests for which match conditions of authorizers could not be evaluated, by type and name.",
                &["name", "type"],
            ),
            exclusions: counters(
                "match_condition_exclusions_total",
                "Requests that match conditions kept from authorizers, by type and name.",
                &["name", "type"],
            ),
            condition_durations: HistogramVec::new(condition_durations, &["name", "type"])
                .expect(VALID),
        }
    }

    /// The counters of an authorizer: of what it allows, and of what it denies.
    pub(super) fn of(&self, kind: &str, name: &str) -> [IntCounter; 2] {
        ["allowed", "denied"]
            .map(|decision| self.decisions.with_label_values(&[decision, name, kind]))
    }

    /// A webhook was asked.
    pub(super) fn asked(&self, name: &str, result: Evaluation, took: Duration) {
        let labels = [name, result.as_str()];
        self.evaluations.with_label_values(&labels).inc();
        let durations = self.durations.with_label_values(&labels);
        durations.observe(took.as_secs_f64());
    }

    /// A webhook did not say, and others decide.
    pub(super) fn failed_open(&self, name: &str, result: Evaluation) {
        let labels = [name, result.as_str()];
        self.failed_open.with_label_values(&labels).inc();
    }

    /// The match conditions of a webhook were evaluated.
    pub(super) fn matched(&self, name: &str, held: &Result<bool, String>, took: Duration) {
        let labels = [name, WEBHOOK];
        let durations = self.condition_durations.with_label_values(&labels);
        durations.observe(took.as_secs_f64());
        match held {
            Ok(true) => {}
            Ok(false) => self.exclusions.with_label_values(&labels).inc(),
            Err(_) => self.condition_errors.with_label_values(&labels).inc(),
        }
    }

    /// All of them, to be registered.
    pub fn collectors(&self) -> [Box<dyn Collector>; 7] {
        [
            Box::new(self.condition_errors.clone()),
            Box::new(self.exclusions.clone()),
            Box::new(self.condition_durations.clone()),
            Box::new(self.decisions.clone()),
            Box::new(self.evaluations.clone()),
            Box::new(self.durations.clone()),
            Box::new(self.failed_open.clone()),
        ]
    }
}

impl Default for AuthorizationMetrics {
    fn default() -> Self {
        Self::new()
    }
}

/// Tokens that were looked for in the cache of the token webhook, and those it was asked about. Clones
/// count together.
#[derive(Clone, Debug)]
pub struct TokenCacheMetrics {
    requests: IntCounterVec,
    durations: HistogramVec,
    fetches: IntCounterVec,
}

impl TokenCacheMetrics {
    /// Nothing has been counted.
    pub fn new() -> Self {
        const VALID: &str = "these names are valid";
        let named = |name: &str| format!("authentication_token_cache_{name}");
        let counters = |name: &str, help: &str| {
            IntCounterVec::new(Opts::new(named(name), help), &["status"]).expect(VALID)
        };
        let durations = HistogramOpts::new(
            named("request_duration_seconds"),
            "How long tokens took to authenticate by the token webhook or its cache in seconds, by whether they were in the cache.",
        );
        let durations = durations.buckets(DEFAULT_BUCKETS.to_vec());
        Self {
            requests: counters(
                "request_total",
                "Tokens to be authenticated by the token webhook, by whether they were in its cache.",
            ),
            durations: HistogramVec::new(durations, &["status"]).expect(VALID),
            fetches: counters(
                "fetch_total",
                "Tokens that the token webhook was asked about, by whether it answered.",
            ),
        }
    }

    /// All of them, to be registered.
    pub fn collectors(&self) -> [Box<dyn Collector>; 3] {
        [
            Box::new(self.requests.clone()),
            Box::new(self.durations.clone()),
            Box::new(self.fetches.clone()),
        ]
    }
}

impl Default for TokenCacheMetrics {
    fn default() -> Self {
        Self::new()
    }
}

impl CountTokens for TokenCacheMetrics {
    fn authenticated(&self, was_cached: bool, took: Duration) {
        let status = [if was_cached { "hit" } else { "miss" }];
        self.requests.with_label_values(&status).inc();
        let durations = self.durations.with_label_values(&status);
        durations.observe(took.as_secs_f64());
    }

    fn fetched(&self, answered: bool) {
        let status = [if answered { "ok" } else { "error" }];
        self.fetches.with_label_values(&status).inc();
    }
}
