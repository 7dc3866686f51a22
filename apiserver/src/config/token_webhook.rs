//! Options about tokens that a webhook authenticates.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

/// Options of `portcullis serve` about tokens that a webhook authenticates.
#[derive(Debug, Args)]
pub struct TokenWebhook {
    /// A kubeconfig of the webhook that authenticates bearer tokens which no other authenticator accepts.
    #[arg(long)]
    pub authentication_token_webhook_config_file: Option<PathBuf>,
    /// The version of the webhook's reviews: `v1` or `v1beta1`.
    #[arg(long, default_value = "v1beta1")]
    pub authentication_token_webhook_version: String,
    /// How long its responses are cached; 0 to call it each time.
    #[arg(long, default_value = "2m0s", value_parser = duration)]
    pub authentication_token_webhook_cache_ttl: Duration,
}
