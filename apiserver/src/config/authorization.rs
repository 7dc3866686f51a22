//! Options about authorization.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

/// What options may say.
const KNOWN: &str = "known modes are Node, RBAC, Webhook, AlwaysAllow and AlwaysDeny";

/// Options of `portcullis serve` about authorization.
#[derive(Debug, Args)]
pub struct Authorization {
    /// Who decides what may be done, in order.
    #[arg(long, value_delimiter = ',', default_value = "RBAC")]
    pub authorization_mode: Vec<AuthorizationMode>,
    /// A file that says who decides, in order: an `AuthorizationConfiguration` of
    /// `apiserver.config.k8s.io/v1`.
    #[arg(long, conflicts_with_all = [
        "authorization_mode",
        "authorization_webhook_config_file",
        "authorization_webhook_version",
        "authorization_webhook_cache_authorized_ttl",
        "authorization_webhook_cache_unauthorized_ttl",
    ])]
    pub authorization_config: Option<PathBuf>,
    /// A kubeconfig whose server is asked what may be done, with the mode Webhook.
    #[arg(long)]
    pub authorization_webhook_config_file: Option<PathBuf>,
    /// The version of the reviews it is asked with: `v1` or `v1beta1`.
    #[arg(long, default_value = "v1beta1")]
    pub authorization_webhook_version: String,
    /// How long it counts that it allows something.
    #[arg(long, default_value = "5m0s", value_parser = duration)]
    pub authorization_webhook_cache_authorized_ttl: Duration,
    /// How long it counts that it does not.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub authorization_webhook_cache_unauthorized_ttl: Duration,
}

/// Who decides what may be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationMode {
    /// What nodes have to do with.
    Node,
    /// Roles and bindings.
    Rbac,
    /// A server elsewhere.
    Webhook,
    /// Everything may.
    AlwaysAllow,
    /// Nothing may.
    AlwaysDeny,
}

impl std::fmt::Display for AuthorizationMode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Node => "Node",
            Self::Rbac => "RBAC",
            Self::Webhook => "Webhook",
            Self::AlwaysAllow => "AlwaysAllow",
            Self::AlwaysDeny => "AlwaysDeny",
        })
    }
}

impl std::str::FromStr for AuthorizationMode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "Node" => Ok(Self::Node),
            "RBAC" => Ok(Self::Rbac),
            "Webhook" => Ok(Self::Webhook),
            "AlwaysAllow" => Ok(Self::AlwaysAllow),
            "AlwaysDeny" => Ok(Self::AlwaysDeny),
            "ABAC" => Err(format!("{text} is not supported; {KNOWN}")),
            _ => Err(KNOWN.into()),
        }
    }
}
