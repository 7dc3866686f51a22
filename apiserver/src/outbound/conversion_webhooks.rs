//! The clients of conversion webhooks.

mod metrics;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::WebhookClientConfig;
use parking_lot::Mutex;
use portcullis_registry::conversion::{Converter, Ended};
use quick_cache::unsync::Cache;

pub use self::metrics::ConversionMetrics;
use super::https::Resolve;
use super::webhook_client::{CallError, Target, WebhookClient};

/// How long a conversion may take (upstream: `webhookConverterFactory`).
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many clients are kept: each has connections of its own.
const CLIENTS_MAX: usize = 256;

/// Calls conversion webhooks, over connections that definitions with the same webhook share.
pub struct ConversionWebhooks {
    clients: Mutex<Cache<String, WebhookClient>>,
    services: Arc<dyn Resolve>,
    timeout: Duration,
    metrics: ConversionMetrics,
}

impl ConversionWebhooks {
    /// Finds services by `services`, and counts by `metrics`.
    pub fn new(services: Arc<dyn Resolve>, metrics: ConversionMetrics) -> Self {
        Self {
            clients: Mutex::new(Cache::new(CLIENTS_MAX)),
            services,
            timeout: TIMEOUT,
            metrics,
        }
    }

    fn client(&self, config: &WebhookClientConfig) -> Result<WebhookClient, CallError> {
        // all of it, since the authority may change, too
        let key = serde_json::to_string(config).unwrap_or_default();
        if let Some(client) = self.clients.lock().get(&key) {
            return Ok(client.clone());
        }
        let bundle = config
            .ca_bundle
            .as_ref()
            .map_or(&[][..], |bundle| &bundle.0);
        let client = WebhookClient::new(&target(config)?, bundle, self.services.clone())?;
        self.clients.lock().insert(key, client.clone());
        Ok(client)
    }
}

fn target(config: &WebhookClientConfig) -> Result<Target<'_>, CallError> {
    match (&config.url, &config.service) {
        (Some(url), _) => Ok(Target::Url(url)),
        (None, Some(service)) => Ok(Target::Service {
            namespace: &service.namespace,
            name: &service.name,
            path: service.path.as_deref().unwrap_or_default(),
            port: service
                .port
                .and_then(|port| u16::try_from(port).ok())
                .unwrap_or(443),
        }),
        (None, None) => {
            let why = "webhook configuration must have either service or URL";
            Err(CallError::Config(why.to_owned()))
        }
    }
}

#[async_trait]
impl Converter for ConversionWebhooks {
    async fn convert(&self, webhook: &WebhookClientConfig, review: Bytes) -> Result<Bytes, String> {
        let client = self.client(webhook).map_err(|why| why.to_string())?;
        let answer = client.post(review, self.timeout).await;
        answer.map_err(|why| why.to_string())
    }

    fn count(&self, ended: &Ended<'_>) {
        self.metrics.count(ended);
    }
}
