//! Tokens that a webhook authenticates (`--authentication-token-webhook-config-file`).
//!
//! Upstream: `k8s.io/apiserver/plugin/pkg/authenticator/token/webhook`, `pkg/authentication/token/cache`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use parking_lot::Mutex;
use portcullis_api::UserInfo;
use quick_cache::unsync::Cache;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use crate::{Error, Outcome, TokenAuthenticator};

/// How many responses are cached.
const REMEMBERED: usize = 4096;

/// The shortest time between two log lines about failures.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// Sends reviews to the webhook; implemented by the server.
#[async_trait]
pub trait Review: Send + Sync + 'static {
    /// Posts a review as JSON, with retries, and returns the reviewed one.
    ///
    /// # Errors
    /// Why the webhook returns none, in one line.
    async fn review(&self, review: Vec<u8>) -> Result<Vec<u8>, String>;
}

/// Counts what becomes of tokens; implemented by the server.
pub trait CountTokens: Send + Sync + 'static {
    /// A token was looked for among those that are remembered, and asked about if it was not there.
    fn authenticated(&self, was_cached: bool, took: Duration);

    /// The server elsewhere was asked about a token.
    fn fetched(&self, answered: bool);
}

/// The version of reviews that the server elsewhere speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewVersion {
    /// The current one.
    V1,
    /// The one before it.
    V1beta1,
}

/// Authenticates tokens by the webhook, and caches its responses for a while.
pub struct TokenWebhook {
    elsewhere: Arc<dyn Review>,
    version: ReviewVersion,
    audiences: Vec<String>,
    /// The cache; without it each token is reviewed each time.
    memory: Option<Memory>,
    /// When a failure was last logged.
    failure_logged: Mutex<Option<Instant>>,
    counts: Option<Arc<dyn CountTokens>>,
}

struct Memory {
    lifetime: Duration,
    known: Mutex<Cache<[u8; 32], Known>>,
}

#[derive(Clone)]
struct Known {
    outcome: Outcome,
    at: Instant,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Question<'a> {
    kind: &'a str,
    api_version: &'a str,
    metadata: Nothing,
    spec: Spec<'a>,
    status: Unanswered,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Spec<'a> {
    token: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    audiences: &'a [String],
}

#[derive(Serialize)]
struct Unanswered {
    user: Nothing,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    kind: String,
    api_version: String,
    status: Option<Status>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Status {
    authenticated: bool,
    user: Option<User>,
    audiences: Option<Vec<String>>,
    error: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    username: String,
    uid: String,
    groups: Option<Vec<String>>,
    extra: Option<BTreeMap<String, Vec<String>>>,
}

impl ReviewVersion {
    const fn api_version(self) -> &'static str {
        match self {
            Self::V1 => "authentication.k8s.io/v1",
            Self::V1beta1 => "authentication.k8s.io/v1beta1",
        }
    }
}

impl TokenWebhook {
    /// `audiences` are those of this server. Responses are cached for `lifetime`; with none, each token is
    /// reviewed each time.
    pub fn new(
        elsewhere: Arc<dyn Review>,
        version: ReviewVersion,
        audiences: Vec<String>,
        lifetime: Duration,
    ) -> Self {
        Self {
            elsewhere,
            version,
            audiences,
            memory: (!lifetime.is_zero()).then(|| Memory {
                lifetime,
                known: Mutex::new(Cache::new(REMEMBERED)),
            }),
            failure_logged: Mutex::default(),
            counts: None,
        }
    }

    /// The same, counting.
    #[must_use]
    pub fn counted_by(self, counts: Arc<dyn CountTokens>) -> Self {
        Self {
            counts: Some(counts),
            ..self
        }
    }

    /// The outcome for a token at `now`. Errors are not cached.
    async fn authenticate(&self, token: &str, now: Instant) -> Result<Outcome, Error> {
        let Some(memory) = &self.memory else {
            return self.ask(token).await;
        };
        // tokens themselves are not kept
        let key = hash(token);
        let (start, remembered) = (Instant::now(), memory.outcome(&key, now));
        let was_cached = remembered.is_some();
        let outcome = match remembered {
            Some(outcome) => Ok(outcome),
            None => self.ask(token).await,
        };
        if let Some(counts) = &self.counts {
            counts.authenticated(was_cached, start.elapsed());
        }
        let outcome = outcome?;
        if was_cached {
            return Ok(outcome);
        }
        let known = Known {
            outcome: outcome.clone(),
            at: now,
        };
        memory.known.lock().insert(key, known);
        Ok(outcome)
    }

    async fn ask(&self, token: &str) -> Result<Outcome, Error> {
        let question = Question {
            kind: "TokenReview",
            api_version: self.version.api_version(),
            metadata: Nothing {},
            spec: Spec {
                token,
                audiences: &self.audiences,
            },
            status: Unanswered { user: Nothing {} },
        };
        let question = serde_json::to_vec(&question).map_err(|e| Error::Webhook(e.to_string()))?;
        let answer = self.elsewhere.review(question).await;
        if let Some(counts) = &self.counts {
            counts.fetched(answer.is_ok());
        }
        let answer = answer.map_err(|why| {
            if self.should_log(Instant::now()) {
                tracing::warn!(error = why, "token reviews by the webhook fail");
            }
            Error::Webhook(why)
        })?;
        self.outcome(self.status(&answer)?)
    }

    /// Any client can cause a review, as often as it likes.
    fn should_log(&self, now: Instant) -> bool {
        let mut failure_logged = self.failure_logged.lock();
        let is_old =
            failure_logged.is_none_or(|at| now.saturating_duration_since(at) >= LOG_INTERVAL);
        if is_old {
            *failure_logged = Some(now);
        }
        is_old
    }

    fn status(&self, answer: &[u8]) -> Result<Status, Error> {
        let unreadable = |why: serde_json::Error| {
            Error::Webhook(format!(
                "the token webhook's response cannot be read: {why}"
            ))
        };
        let answer: Answer = serde_json::from_slice(answer).map_err(unreadable)?;
        let version = self.version.api_version();
        if answer.kind != "TokenReview" || answer.api_version != version {
            let (kind, other) = (answer.kind, answer.api_version);
            return Err(Error::Webhook(format!(
                "the token webhook's response is {kind:?} of {other:?}, and no TokenReview of {version}"
            )));
        }
        Ok(answer.status.unwrap_or_default())
    }

    fn outcome(&self, status: Status) -> Result<Outcome, Error> {
        let audiences = status.audiences.unwrap_or_default();
        // a webhook without support for audiences answers for this server
        let for_us = audiences.is_empty() || audiences.iter().any(|a| self.audiences.contains(a));
        if !for_us {
            return Ok(Outcome::NotMine);
        }
        match (status.authenticated, status.error) {
            (true, _) => {
                let user = status.user.unwrap_or_default();
                Ok(Outcome::Identified(UserInfo {
                    name: user.username,
                    uid: user.uid,
                    groups: user.groups.unwrap_or_default(),
                    extra: user.extra.unwrap_or_default(),
                }))
            }
            (false, error) if error.is_empty() => Ok(Outcome::NotMine),
            (false, error) => Err(Error::Webhook(error)),
        }
    }
}

impl Memory {
    fn outcome(&self, key: &[u8; 32], now: Instant) -> Option<Outcome> {
        let known = self.known.lock().get(key).cloned()?;
        let age = now.saturating_duration_since(known.at);
        (age < self.lifetime).then_some(known.outcome)
    }
}

fn hash(token: &str) -> [u8; 32] {
    let digest = digest(&SHA256, token.as_bytes());
    digest.as_ref().try_into().unwrap_or_default()
}

#[async_trait]
impl TokenAuthenticator for TokenWebhook {
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error> {
        self.authenticate(token, Instant::now()).await
    }
}

impl fmt::Debug for TokenWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokenWebhook")
            .field("version", &self.version)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
