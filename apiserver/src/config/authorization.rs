//! Options about authorization.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

/// The accepted modes.
const KNOWN: &str = "known modes are Node, RBAC, Webhook, AlwaysAllow and AlwaysDeny";

/// Options of `portcullis serve` about authorization.
#[derive(Debug, Args)]
pub struct Authorization {
    /// The authorizers, in order.
    #[arg(long, value_delimiter = ',', default_value = "RBAC")]
    pub authorization_mode: Vec<AuthorizationMode>,
    /// A file that lists the authorizers, in order: an `AuthorizationConfiguration` of
    /// `apiserver.config.k8s.io/v1`.
    #[arg(long, conflicts_with_all = [
        "authorization_mode",
        "authorization_webhook_config_file",
        "authorization_webhook_version",
        "authorization_webhook_cache_authorized_ttl",
        "authorization_webhook_cache_unauthorized_ttl",
    ])]
    pub authorization_config: Option<PathBuf>,
    /// A kubeconfig of the webhook that the mode Webhook calls.
    #[arg(long)]
    pub authorization_webhook_config_file: Option<PathBuf>,
    /// The version of the webhook's reviews: `v1` or `v1beta1`.
    #[arg(long, default_value = "v1beta1")]
    pub authorization_webhook_version: String,
    /// How long a decision that allows a request is cached.
    #[arg(long, default_value = "5m0s", value_parser = duration)]
    pub authorization_webhook_cache_authorized_ttl: Duration,
    /// How long any other decision is cached.
    #[arg(long, default_value = "30s", value_parser = duration)]
    pub authorization_webhook_cache_unauthorized_ttl: Duration,
}

/// An authorizer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorizationMode {
    /// Nodes and the objects of their pods.
    Node,
    /// Roles and bindings.
    Rbac,
    /// A webhook.
    Webhook,
    /// Every request is allowed.
    AlwaysAllow,
    /// Every request is denied.
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
