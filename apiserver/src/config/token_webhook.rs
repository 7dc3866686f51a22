//! Options about tokens that a server elsewhere knows.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

/// Options of `portcullis serve` about tokens that a server elsewhere knows.
#[derive(Debug, Args)]
pub struct TokenWebhook {
    /// A kubeconfig whose server is asked whose a bearer token is, if nobody here knows it.
    #[arg(long)]
    pub authentication_token_webhook_config_file: Option<PathBuf>,
    /// The version of the reviews it is asked with: `v1` or `v1beta1`.
    #[arg(long, default_value = "v1beta1")]
    pub authentication_token_webhook_version: String,
    /// How long its answers count; 0 to ask each time.
    #[arg(long, default_value = "2m0s", value_parser = duration)]
    pub authentication_token_webhook_cache_ttl: Duration,
}
