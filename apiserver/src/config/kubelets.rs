//! Connections to kubelets.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::duration;

/// The options about kubelets.
#[derive(Args, Clone, Debug)]
pub struct Kubelets {
    /// The client certificate for kubelets; by default one is made in the data directory.
    #[arg(long, requires = "kubelet_client_key")]
    pub kubelet_client_certificate: Option<PathBuf>,
    /// Its private key.
    #[arg(long, requires = "kubelet_client_certificate")]
    pub kubelet_client_key: Option<PathBuf>,
    /// The authorities that sign kubelets' certificates; by default these are not verified.
    #[arg(long)]
    pub kubelet_certificate_authority: Option<PathBuf>,
    /// The types of node addresses to use, the preferred one first.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "Hostname,InternalDNS,InternalIP,ExternalDNS,ExternalIP",
        value_parser = ["Hostname", "InternalDNS", "InternalIP", "ExternalDNS", "ExternalIP"]
    )]
    pub kubelet_preferred_address_types: Vec<String>,
    /// How long connecting to a kubelet may take; its response to exec, attach or portforward may take six times as long.
    #[arg(long, default_value = "5s", value_parser = longer_than_nothing)]
    pub kubelet_timeout: Duration,
}

fn longer_than_nothing(text: &str) -> Result<Duration, String> {
    let duration = duration(text)?;
    let none = || "a kubelet needs some time to answer".to_owned();
    Some(duration).filter(|d| !d.is_zero()).ok_or_else(none)
}
