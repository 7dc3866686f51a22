//! The clients of admission webhooks.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use k8s_openapi::api::admissionregistration::v1::WebhookClientConfig;
use parking_lot::Mutex;
use portcullis_admission::hooks::{CallFailure, Connect, Endpoint};

use crate::outbound::https::Resolve;
use crate::outbound::webhook_client::{CallError, Credentials, Target, WebhookClient};

/// The default port of a service.
const PORT: i32 = 443;

/// Finds the credentials for a webhook by its server ([`Target::server`]).
pub type CredentialsOf = Arc<dyn Fn(&str) -> Result<Credentials, String> + Send + Sync>;

/// Endpoints by their configurations. Equal ones share a client and its connections, as long as any
/// webhook uses it.
pub struct WebhookEndpoints {
    services: Arc<dyn Resolve>,
    credentials: CredentialsOf,
    known: Mutex<HashMap<String, Weak<Client>>>,
}

/// A client, or the error of making it.
struct Client(Result<WebhookClient, CallError>);

impl WebhookEndpoints {
    /// Clients for URLs and for the services that `services` finds.
    pub fn new(services: Arc<dyn Resolve>, credentials: CredentialsOf) -> Self {
        Self {
            services,
            credentials,
            known: Mutex::default(),
        }
    }

    fn client(&self, config: &WebhookClientConfig) -> Result<WebhookClient, CallError> {
        let target = target(config)?;
        let credentials = (self.credentials)(&target.server()).map_err(CallError::Config)?;
        let bundle = config.ca_bundle.as_ref();
        let bundle = bundle.map_or(&[][..], |bundle| &bundle.0);
        WebhookClient::presenting(&credentials, &target, bundle, self.services.clone())
    }
}

impl Connect for WebhookEndpoints {
    fn connect(&self, config: &WebhookClientConfig) -> Arc<dyn Endpoint> {
        // a configuration always serializes
        let key = serde_json::to_string(config).unwrap_or_default();
        let mut known = self.known.lock();
        known.retain(|_, client| client.strong_count() > 0);
        if let Some(client) = known.get(&key).and_then(Weak::upgrade) {
            return client;
        }
        let client = Arc::new(Client(self.client(config)));
        known.insert(key, Arc::downgrade(&client));
        client
    }
}

fn target(config: &WebhookClientConfig) -> Result<Target<'_>, CallError> {
    if let Some(service) = &config.service {
        let port = service.port.unwrap_or(PORT);
        return Ok(Target::Service {
            namespace: &service.namespace,
            name: &service.name,
            path: service.path.as_deref().unwrap_or_default(),
            port: port.try_into().unwrap_or_default(),
        });
    }
    let url = config.url.as_deref().filter(|url| !url.is_empty());
    let neither = "webhook configuration must have either service or URL";
    url.map(Target::Url)
        .ok_or_else(|| CallError::Config(neither.to_owned()))
}

#[async_trait]
impl Endpoint for Client {
    async fn post(&self, body: Bytes, timeout: Duration) -> Result<Bytes, CallFailure> {
        let client = self.0.as_ref().map_err(Clone::clone)?;
        Ok(client.post(body, timeout).await?)
    }
}

impl From<CallError> for CallFailure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Config(why) => Self::Config(why),
            CallError::Call(why) => Self::Call(why),
            CallError::Answered(code, why) => Self::Answered(code, why),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    struct NoServices;

    #[async_trait]
    impl Resolve for NoServices {
        async fn resolve(&self, _: &str, _: u16) -> io::Result<Option<String>> {
            Ok(None)
        }
    }

    #[tokio::test]
    async fn equal_configurations_share_a_client() {
        let endpoints = WebhookEndpoints::new(
            Arc::new(NoServices),
            Arc::new(|_| Ok(Credentials::default())),
        );
        let config = |url: &str| WebhookClientConfig {
            url: Some(url.to_owned()),
            ..WebhookClientConfig::default()
        };
        let one = endpoints.connect(&config("https://a"));
        assert!(Arc::ptr_eq(&one, &endpoints.connect(&config("https://a"))));
        let other = endpoints.connect(&config("https://b"));
        assert!(!Arc::ptr_eq(&one, &other));
        drop(one);
        drop(endpoints.connect(&config("https://c")));
        let error = endpoints.connect(&WebhookClientConfig::default());
        let error = error.post(Bytes::new(), Duration::from_secs(1)).await;
        assert_eq!(
            error.unwrap_err().to_string(),
            "could not get REST client: webhook configuration must have either service or URL"
        );
        assert_eq!(
            endpoints.known.lock().len(),
            2,
            "unused endpoints are evicted"
        );
    }
}
