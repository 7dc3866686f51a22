//! Authorization by a webhook (`--authorization-mode=Webhook`).
//!
//! Upstream: `k8s.io/apiserver/plugin/pkg/authorizer/webhook`.

mod conditions;
mod review;

use std::time::{Duration, Instant};

use async_trait::async_trait;
use k8s_openapi::api::authorization::v1::SubjectRulesReviewStatus;
use parking_lot::Mutex;
use portcullis_api::UserInfo;
use portcullis_rbac::{Attributes, Authorizer, Decided, Decision, Names, Step};
use quick_cache::unsync::Cache;
use ring::digest::{SHA256, digest};
use tokio::runtime::{Handle, RuntimeFlavor};

use self::review::Verdict;
use super::metrics::{AuthorizationMetrics, Evaluation};
use crate::outbound::backoff::Backoff;
use crate::outbound::webhook_client::WebhookClient;

pub use self::conditions::Condition;
pub use self::review::ReviewVersion;

/// How many decisions are cached.
const REMEMBERED: usize = 8192;
/// The largest request whose decision is cached, counted in bytes that its client chose (upstream:
/// `maxControlledAttrCacheSize`).
const QUESTION_MAX: usize = 10_000;
/// The default timeout of one attempt.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The first pause between attempts (upstream: `DefaultRetryBackoff`).
const PAUSE: Duration = Duration::from_millis(500);
/// The shortest time between two log lines about failures.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// What errors of Go's clients say if there was no response in time.
const TIMED_OUT: &str = "context deadline exceeded";

/// How long answers count.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// Decisions that allow.
    pub allowed: Duration,
    /// All others.
    pub refused: Duration,
}

/// What a failure of the webhook means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// The other authorizers decide.
    NoOpinion,
    /// The request is denied.
    Deny,
}

/// Decides as the webhook does, and has no opinion where it has none.
pub struct WebhookAuthorizer {
    client: WebhookClient,
    version: ReviewVersion,
    lifetimes: Lifetimes,
    timeout: Duration,
    on_error: OnError,
    conditions: Vec<Condition>,
    known: Mutex<Cache<[u8; 32], Known>>,
    failure_logged: Mutex<Option<Instant>>,
    name: String,
    metrics: AuthorizationMetrics,
}

#[derive(Clone)]
struct Known {
    verdict: Verdict,
    at: Instant,
}

impl WebhookAuthorizer {
    /// Calls the webhook through a client.
    pub fn new(client: WebhookClient, version: ReviewVersion, lifetimes: Lifetimes) -> Self {
        Self {
            client,
            version,
            lifetimes,
            timeout: TIMEOUT,
            on_error: OnError::NoOpinion,
            conditions: Vec::new(),
            known: Mutex::new(Cache::new(REMEMBERED)),
            failure_logged: Mutex::default(),
            name: String::new(),
            metrics: AuthorizationMetrics::new(),
        }
    }

    /// The same, counted under a name.
    #[must_use]
    pub fn counted_by(self, name: &str, metrics: &AuthorizationMetrics) -> Self {
        Self {
            name: name.to_owned(),
            metrics: metrics.clone(),
            ..self
        }
    }

    /// Calls it only where all conditions hold, with a timeout for each attempt.
    #[must_use]
    pub fn with(self, conditions: Vec<Condition>, timeout: Duration, on_error: OnError) -> Self {
        Self {
            timeout,
            on_error,
            conditions,
            ..self
        }
    }

    async fn verdict(&self, attributes: &Attributes<'_>) -> Result<Verdict, String> {
        if !self.conditions.is_empty() {
            let begun = Instant::now();
            let held = conditions::hold(&self.conditions, attributes);
            self.metrics.matched(&self.name, &held, begun.elapsed());
            if !held? {
                return Ok(Verdict::default());
            }
        }
        let question = self.version.question(attributes)?;
        let key = hash(&question);
        if let Some(verdict) = self.remembered(&key) {
            return Ok(verdict);
        }
        let start = Instant::now();
        let answer = self
            .client
            .ask(question.into(), self.timeout, Backoff::new(PAUSE));
        let verdict = match answer.await {
            Ok(answer) => self.version.verdict(&answer),
            Err(why) => Err(why.to_string()),
        };
        self.count(verdict.as_ref().err(), start.elapsed());
        let verdict = verdict.inspect_err(|why| self.log_failure(why))?;
        if review::chosen_by_client(attributes) < QUESTION_MAX {
            let known = Known {
                verdict: verdict.clone(),
                at: Instant::now(),
            };
            self.known.lock().insert(key, known);
        }
        Ok(verdict)
    }

    fn count(&self, error: Option<&String>, took: Duration) {
        let result = match error {
            None => Evaluation::Success,
            Some(error) if error.contains(TIMED_OUT) => Evaluation::Timeout,
            Some(_) => Evaluation::Error,
        };
        self.metrics.asked(&self.name, result, took);
        if error.is_some() && self.on_error == OnError::NoOpinion {
            self.metrics.failed_open(&self.name, result);
        }
    }

    fn remembered(&self, key: &[u8; 32]) -> Option<Verdict> {
        let known = self.known.lock().get(key).cloned()?;
        let lifetime = match known.verdict.allowed {
            true => self.lifetimes.allowed,
            false => self.lifetimes.refused,
        };
        (known.at.elapsed() < lifetime).then_some(known.verdict)
    }

    /// Any client can cause a call, as often as it likes.
    fn log_failure(&self, error: &str) {
        let mut failure_logged = self.failure_logged.lock();
        if failure_logged.is_none_or(|at| at.elapsed() >= LOG_INTERVAL) {
            *failure_logged = Some(Instant::now());
            drop(failure_logged);
            tracing::warn!(error, "calls to the authorization webhook fail");
        }
    }
}

#[async_trait]
impl Authorizer for WebhookAuthorizer {
    fn name(&self) -> &'static str {
        "Webhook"
    }

    fn waits(&self) -> bool {
        true
    }

    /// Blocks its thread; the runtime replaces it by another one.
    fn authorize(&self, attributes: &Attributes<'_>) -> Decision {
        let runtime = Handle::try_current();
        match runtime {
            Ok(runtime) if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread => {
                let decided = || runtime.block_on(self.decide(attributes));
                let Decided { decision, error } = tokio::task::block_in_place(decided);
                match (decision, error) {
                    // callers of this function see the error as a reason
                    (Decision::NoOpinion { reason }, Some(error)) if reason.is_empty() => {
                        Decision::NoOpinion { reason: error }
                    }
                    (Decision::Deny { reason }, Some(error)) if reason.is_empty() => {
                        Decision::Deny { reason: error }
                    }
                    (decision, _) => decision,
                }
            }
            // a request that might be denied is not left to other authorizers
            _ => Decision::Deny {
                reason: "a single-threaded server cannot wait for the webhook".to_owned(),
            },
        }
    }

    async fn decide(&self, attributes: &Attributes<'_>) -> Decided {
        let reason = String::new();
        match self.verdict(attributes).await {
            Ok(verdict) => verdict.decided(),
            Err(why) => Decided {
                decision: match self.on_error {
                    OnError::NoOpinion => Decision::NoOpinion { reason },
                    OnError::Deny => Decision::Deny { reason },
                },
                error: Some(why),
            },
        }
    }

    async fn trace(&self, attributes: &Attributes<'_>) -> Vec<Step> {
        let Decided { decision, error } = self.decide(attributes).await;
        let asks = conditions::hold(&self.conditions, attributes);
        let note = match asks {
            Ok(false) => "its matchConditions do not hold, so it is not asked".to_owned(),
            _ => String::new(),
        };
        vec![Step {
            error,
            note,
            ..Step::new(self.name(), decision)
        }]
    }

    fn lists_names(&self) -> bool {
        false
    }

    fn names(&self, _attributes: &Attributes<'_>) -> Names {
        Names::default()
    }

    fn rules(&self, _user: &UserInfo, _namespace: &str) -> SubjectRulesReviewStatus {
        SubjectRulesReviewStatus {
            incomplete: true,
            evaluation_error: Some(
                "webhook authorizer does not support user rule resolution".to_owned(),
            ),
            ..SubjectRulesReviewStatus::default()
        }
    }
}

fn hash(question: &[u8]) -> [u8; 32] {
    let digest = digest(&SHA256, question);
    digest.as_ref().try_into().unwrap_or_default()
}
