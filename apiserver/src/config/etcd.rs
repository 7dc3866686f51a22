//! Options about etcd.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

/// Options of `portcullis serve` about etcd.
#[derive(Debug, Args)]
pub struct Etcd {
    /// etcd's addresses, separated by commas; without any, the store is in the data directory.
    #[arg(long, value_delimiter = ',')]
    pub etcd_servers: Vec<String>,
    /// The authority that signed etcd's certificate.
    #[arg(long)]
    pub etcd_cafile: Option<PathBuf>,
    /// The certificate to show to etcd.
    #[arg(long, requires = "etcd_keyfile")]
    pub etcd_certfile: Option<PathBuf>,
    /// Its private key.
    #[arg(long, requires = "etcd_certfile")]
    pub etcd_keyfile: Option<PathBuf>,
    /// What all keys begin with, below the root; nothing at all if it is empty.
    #[arg(long, default_value = "/registry")]
    pub etcd_prefix: String,
    /// How often old revisions are forgotten, such as `5m`; 0 for never.
    #[arg(long, default_value = "5m", value_parser = super::duration)]
    pub etcd_compaction_interval: Duration,
    /// How long an etcd that does not answer yet is waited for at the start.
    #[arg(long, default_value = "60s", value_parser = super::duration)]
    pub etcd_startup_timeout: Duration,
}
