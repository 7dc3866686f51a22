//! The connections to webhooks; the server implements them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use k8s_openapi::api::admissionregistration::v1::WebhookClientConfig;
use thiserror::Error;

/// Why a webhook has not responded.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallFailure {
    /// Its configuration cannot be used.
    #[error("could not get REST client: {0}")]
    Config(String),
    /// It cannot be reached, or did not respond.
    #[error("failed to call webhook: {0}")]
    Call(String),
    /// It responded with this code, which is not 2xx.
    #[error("failed to call webhook: {1}")]
    Answered(u16, String),
}

impl CallFailure {
    /// The code of the Status that upstream makes of it.
    pub(crate) const fn code(&self) -> u16 {
        match self {
            Self::Config(_) => 500,
            Self::Call(_) => 503,
            Self::Answered(code, _) => *code,
        }
    }
}

/// Finds the endpoint of a webhook's configuration.
pub trait Connect: Send + Sync + 'static {
    /// The endpoint. It is opened when it is first called; equal configurations share it.
    fn connect(&self, config: &WebhookClientConfig) -> Arc<dyn Endpoint>;
}

/// The endpoint of a webhook.
#[async_trait]
pub trait Endpoint: Send + Sync + 'static {
    /// Posts JSON, and returns the body of a successful response.
    ///
    /// # Errors
    /// [`CallFailure`].
    async fn post(&self, body: Bytes, timeout: Duration) -> Result<Bytes, CallFailure>;
}

/// Connects to nothing, for a chain without a server.
pub(crate) struct Nowhere;

impl Connect for Nowhere {
    fn connect(&self, _: &WebhookClientConfig) -> Arc<dyn Endpoint> {
        Arc::new(Self)
    }
}

#[async_trait]
impl Endpoint for Nowhere {
    async fn post(&self, _: Bytes, _: Duration) -> Result<Bytes, CallFailure> {
        Err(CallFailure::Config("there are no connections".to_owned()))
    }
}
