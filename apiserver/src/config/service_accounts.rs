//! Options about service account tokens.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

/// Options about service account tokens.
#[derive(Debug, Args)]
pub struct ServiceAccounts {
    /// The issuers of tokens: the first is named in new ones, tokens of all are accepted.
    #[arg(long, default_value = "https://kubernetes.default.svc.cluster.local")]
    pub service_account_issuer: Vec<String>,
    /// The private key that signs tokens; made in the data directory if not given.
    #[arg(long)]
    pub service_account_signing_key_file: Option<PathBuf>,
    /// Further keys, public or private, that verify tokens.
    #[arg(long, value_delimiter = ',')]
    pub service_account_key_file: Vec<PathBuf>,
    /// The audiences of tokens for this server; by default the issuers.
    #[arg(long, value_delimiter = ',')]
    pub api_audiences: Vec<String>,
    /// The longest lifetime of a token, such as `24h`; longer ones are shortened. 0 for no limit.
    #[arg(long, default_value = "0", value_parser = duration)]
    pub service_account_max_token_expiration: Duration,
    /// Whether tokens for pods last a year although admission requests 3607 seconds, for programs that read
    /// their token only once.
    #[arg(long, default_value_t = true, action = clap::ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub service_account_extend_token_expiration: bool,
    /// Where other servers get the keys that verify tokens; by default this server.
    #[arg(long)]
    pub service_account_jwks_uri: Option<String>,
}
