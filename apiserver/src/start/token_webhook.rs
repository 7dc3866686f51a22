//! The webhook that authenticates tokens, if options name one.

use std::sync::Arc;
use std::time::Duration;

use portcullis_authn::{ReviewVersion, TokenWebhook};

use super::error::StartError;
use super::webhook;
use crate::access::metrics::TokenCacheMetrics;
use crate::config::token_webhook::TokenWebhook as Options;
use crate::outbound::reviews::Reviews;
use crate::outbound::webhook_client::WebhookClient;

/// Its option.
pub(super) const OPTION: &str = "--authentication-token-webhook-config-file";

/// Its configuration.
pub(super) struct PlannedTokenWebhook {
    client: WebhookClient,
    version: ReviewVersion,
    lifetime: Duration,
}

/// Reads the options.
///
/// # Errors
/// [`StartError`], which names option and file.
pub(super) fn load(options: &Options) -> Result<Option<PlannedTokenWebhook>, StartError> {
    let path = options.authentication_token_webhook_config_file.as_ref();
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
        return Ok(None);
    };
    let version = match options.authentication_token_webhook_version.as_str() {
        "v1" => ReviewVersion::V1,
        "v1beta1" => ReviewVersion::V1beta1,
        other => {
            let why = format!(
                "unsupported authentication webhook version {other:?}, supported versions are \"v1\", \"v1beta1\""
            );
            return Err(StartError::option(
                "--authentication-token-webhook-version",
                why,
            ));
        }
    };
    Ok(Some(PlannedTokenWebhook {
        client: webhook::client(OPTION, path)?,
        version,
        lifetime: options.authentication_token_webhook_cache_ttl,
    }))
}

impl PlannedTokenWebhook {
    /// The authenticator, for a server with these audiences.
    pub(super) fn webhook(
        self,
        audiences: Vec<String>,
        metrics: &TokenCacheMetrics,
    ) -> TokenWebhook {
        let elsewhere = Arc::new(Reviews(self.client));
        let webhook = TokenWebhook::new(elsewhere, self.version, audiences, self.lifetime);
        webhook.counted_by(Arc::new(metrics.clone()))
    }
}
