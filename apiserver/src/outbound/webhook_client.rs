//! A client of one webhook, at a URL or a service.
//!
//! Upstream: `k8s.io/apiserver/pkg/util/webhook/client.go`, and the parts of `client-go/rest` that it uses.
//! Errors have Go's texts, because users read them.

mod again;
pub(super) mod go_error;
mod response;
mod target;

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderValue, Method};
use portcullis_kinds::duration;
use rustls::ClientConfig;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::outbound::https::{self, ClientCertificate, HttpsClient, HttpsError, Reply, Resolve};

use self::target::Address;
pub use self::target::Target;

/// The largest body of a response, in bytes: a patch of the largest object, twice encoded, fits.
const RESPONSE_MAX: usize = 8 * 1024 * 1024;

/// How many calls of one webhook may be in flight; others wait within their timeout. A slow webhook must not
/// hold unlimited memory.
const CONCURRENCY_MAX: usize = 100;

/// Calls one webhook. Clones share their connections, and the limit of calls in flight.
#[derive(Clone, Debug)]
pub struct WebhookClient {
    /// The URL without a query.
    address: Address,
    https: HttpsClient,
    headers: HeaderMap,
    permits: Arc<Semaphore>,
}

/// How this server authenticates to a webhook; usually not at all.
#[derive(Clone, Default)]
pub struct Credentials {
    /// The value of the `Authorization` header.
    pub authorization: Option<String>,
    /// A chain and its key, as PEM.
    pub certificate: Option<(Vec<u8>, Vec<u8>)>,
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The configuration names no usable target or authority.
    #[error("{0}")]
    Config(String),
    /// The webhook did not answer.
    #[error("{0}")]
    Call(String),
    /// It responded with this code, which is not 2xx.
    #[error("{1}")]
    Answered(u16, String),
}

impl WebhookClient {
    /// A client for a target whose certificate one of the authorities in `ca_bundle` has signed, as PEM; the
    /// system's authorities if it is empty. `services` finds services.
    ///
    /// # Errors
    /// [`CallError::Config`].
    pub fn new(
        target: &Target<'_>,
        ca_bundle: &[u8],
        services: Arc<dyn Resolve>,
    ) -> Result<Self, CallError> {
        Self::presenting(&Credentials::default(), target, ca_bundle, services)
    }

    /// As [`WebhookClient::new`], with credentials.
    ///
    /// # Errors
    /// [`CallError::Config`].
    pub fn presenting(
        credentials: &Credentials,
        target: &Target<'_>,
        ca_bundle: &[u8],
        services: Arc<dyn Resolve>,
    ) -> Result<Self, CallError> {
        let https = HttpsClient::resolving(tls(credentials, ca_bundle)?, services);
        Self::over(https, credentials, target, "kube-apiserver-admission")
    }

    /// A client for the server of a kubeconfig, found by DNS.
    ///
    /// # Errors
    /// [`CallError::Config`].
    pub fn of_server(
        url: &str,
        credentials: &Credentials,
        ca_bundle: &[u8],
    ) -> Result<Self, CallError> {
        let https = HttpsClient::new(tls(credentials, ca_bundle)?);
        Self::over(https, credentials, &Target::Url(url), "kube-apiserver")
    }

    fn over(
        https: HttpsClient,
        credentials: &Credentials,
        target: &Target<'_>,
        agent: &'static str,
    ) -> Result<Self, CallError> {
        Ok(Self {
            address: target.address()?,
            https: https.with_response_max(RESPONSE_MAX),
            headers: headers(credentials.authorization.as_deref(), agent)?,
            permits: Arc::new(Semaphore::new(CONCURRENCY_MAX)),
        })
    }

    /// Posts JSON, and returns the body of a successful response. The webhook receives the timeout.
    ///
    /// # Errors
    /// [`CallError::Call`], [`CallError::Answered`].
    pub async fn post(&self, body: Bytes, timeout: Duration) -> Result<Bytes, CallError> {
        let reply = self.reply(body, timeout).await?;
        response::body(reply)
    }

    /// Posts JSON to a server whose response has no body of interest.
    ///
    /// # Errors
    /// [`CallError::Call`], [`CallError::Answered`].
    pub async fn post_without_reply(
        &self,
        body: Bytes,
        timeout: Duration,
    ) -> Result<(), CallError> {
        let reply = self.reply(body, timeout).await?;
        response::success(&reply)
    }

    async fn reply(&self, body: Bytes, timeout: Duration) -> Result<Reply, CallError> {
        let reply = self.try_post(body, timeout).await;
        reply.map_err(|(why, _)| why)
    }

    /// Errors are returned with their cause.
    async fn try_post(
        &self,
        body: Bytes,
        timeout: Duration,
    ) -> Result<Reply, (CallError, HttpsError)> {
        let seconds = timeout.as_secs() + u64::from(timeout.subsec_nanos() > 0);
        let query = format!(
            "?timeout={}",
            duration::format(Duration::from_secs(seconds))
        );
        self.send(&query, body, timeout).await.map_err(|error| {
            let why = go_error::text(&error, &self.address.shown);
            let url = format!("{}{query}", self.address.shown);
            (CallError::Call(format!("Post {url:?}: {why}")), error)
        })
    }

    async fn send(&self, query: &str, body: Bytes, timeout: Duration) -> Result<Reply, HttpsError> {
        let start = Instant::now();
        let url = self.address.usable.as_ref();
        let unusable = |why: &String| HttpsError::Connection(io::Error::other(why.clone()));
        let url = format!("{}{query}", url.map_err(unusable)?);
        let permit = tokio::time::timeout(timeout, self.permits.acquire()).await;
        // the semaphore is never closed
        let _permit = permit.map_err(|_| HttpsError::Timeout)?;
        let client = self.https.clone();
        let client = client.with_timeout(timeout.saturating_sub(start.elapsed()));
        let headers = self.headers.clone();
        client.send(Method::POST, &url, headers, body).await
    }
}

fn tls(credentials: &Credentials, ca_bundle: &[u8]) -> Result<ClientConfig, CallError> {
    let certificate = credentials.certificate.as_ref();
    let identity = certificate.map(|(certificate, key)| ClientCertificate { certificate, key });
    let tls = match ca_bundle {
        [] => https::trusting_system(identity.as_ref()),
        bundle => https::trusting(bundle, identity.as_ref()),
    };
    tls.map_err(|why| CallError::Config(format!("unable to load root certificates: {why}")))
}

fn headers(authorization: Option<&str>, agent: &'static str) -> Result<HeaderMap, CallError> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        (ACCEPT, "application/json, */*"),
        (CONTENT_TYPE, "application/json"),
        (USER_AGENT, agent),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(authorization) = authorization {
        let value = HeaderValue::from_str(authorization);
        let invalid = |_| CallError::Config("the credentials are not valid in a header".to_owned());
        let mut value = value.map_err(invalid)?;
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
