//! The command line of `portcullis netpol`.

use std::path::PathBuf;

use clap::Args;
use ipnet::IpNet;

use super::LogFormat;

/// Options of `portcullis netpol`.
#[derive(Debug, Args)]
pub struct NetpolArgs {
    /// The node, as pods name it in `spec.nodeName`.
    #[arg(long, required_unless_present = "cleanup", default_value = "")]
    pub node: String,
    /// A network of this node's pods; may be given several times. In it, an address of no known pod has no
    /// connections except with the node, so new pods are never open for a moment.
    #[arg(long)]
    pub pod_cidr: Vec<IpNet>,
    /// Remove the table, and nothing else; then every pod is open.
    #[arg(long)]
    pub cleanup: bool,
    /// The kubeconfig to use; by default the service account of the pod this runs in, or what KUBECONFIG
    /// names, or `~/.kube/config`.
    #[arg(long)]
    pub kubeconfig: Option<PathBuf>,
    /// The kubeconfig's context to use; by default its current one.
    #[arg(long)]
    pub context: Option<String>,
    /// How much to log: 0 for what operators need, 2 for each change, 4 for details.
    #[arg(short = 'v', default_value_t = 0)]
    pub verbosity: u8,
    /// How to write the log.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}
