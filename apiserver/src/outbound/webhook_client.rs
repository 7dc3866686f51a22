//! What calls a webhook, whatever kind it is: a client of one URL or service.
//!
//! Upstream: `k8s.io/apiserver/pkg/util/webhook/client.go`, and the parts of `client-go/rest` that it
//! uses. Errors have the texts of Go, because they end in what users read.

mod go_error;
mod response;
mod target;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::outbound::https::{self, HttpsClient, HttpsError, Reply, Resolve};

pub use self::target::Target;

/// The largest body of a response, in bytes: a patch of the largest object, twice encoded, fits.
const RESPONSE_MAX: usize = 8 * 1024 * 1024;

/// How many calls of one webhook may be in flight; others wait for them, within their timeout. One that
/// is slow must not hold memory without a limit.
const CONCURRENCY_MAX: usize = 100;

/// Calls one webhook. Clones share their connections, and the limit of calls in flight.
#[derive(Clone, Debug)]
pub struct WebhookClient {
    /// The URL without a query.
    url: String,
    https: HttpsClient,
    permits: Arc<Semaphore>,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The configuration does not say what to call, or whom to trust.
    #[error("{0}")]
    Config(String),
    /// The webhook did not answer, or not with success.
    #[error("{0}")]
    Call(String),
}

impl WebhookClient {
    /// A client for a target whose certificate one of the authorities in `ca_bundle` has signed, as
    /// PEM; those of the system if it is empty. `services` knows where services are.
    ///
    /// # Errors
    /// [`CallError::Config`].
    pub fn new(
        target: &Target<'_>,
        ca_bundle: &[u8],
        services: Arc<dyn Resolve>,
    ) -> Result<Self, CallError> {
        let url = target.url()?;
        let config =
            |why: HttpsError| CallError::Config(format!("unable to load root certificates: {why}"));
        let tls = match ca_bundle {
            [] => https::trusting_system(),
            bundle => https::trusting(bundle, None),
        };
        let https = HttpsClient::resolving(tls.map_err(config)?, services);
        Ok(Self {
            url,
            https: https.with_response_max(RESPONSE_MAX),
            permits: Arc::new(Semaphore::new(CONCURRENCY_MAX)),
        })
    }

    /// Posts JSON, and returns the body of a successful response. The webhook is told the timeout.
    ///
    /// # Errors
    /// [`CallError::Call`].
    pub async fn post(&self, body: Bytes, timeout: Duration) -> Result<Bytes, CallError> {
        let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        let url = format!("{}?timeout={}", self.url, go_duration(seconds));
        let reply = self.send(&url, body, timeout).await.map_err(|error| {
            CallError::Call(format!(
                "Post {url:?}: {}",
                go_error::text(&error, &self.url)
            ))
        })?;
        response::body(reply).map_err(CallError::Call)
    }

    async fn send(&self, url: &str, body: Bytes, timeout: Duration) -> Result<Reply, HttpsError> {
        let start = Instant::now();
        let permit = tokio::time::timeout(timeout, self.permits.acquire()).await;
        // the semaphore is never closed
        let _permit = permit.map_err(|_| HttpsError::Timeout)?;
        let client = self.https.clone();
        let client = client.with_timeout(timeout.saturating_sub(start.elapsed()));
        client.send(Method::POST, url, headers(), body).await
    }
}

fn headers() -> HeaderMap {
    let json = HeaderValue::from_static("application/json");
    HeaderMap::from_iter([
        (ACCEPT, HeaderValue::from_static("application/json, */*")),
        (CONTENT_TYPE, json),
        (
            USER_AGENT,
            HeaderValue::from_static("kube-apiserver-admission"),
        ),
    ])
}

/// Whole seconds as Go prints a `time.Duration`.
fn go_duration(seconds: u64) -> String {
    match (seconds / 60, seconds % 60) {
        (0, seconds) => format!("{seconds}s"),
        (minutes, seconds) => format!("{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests;
