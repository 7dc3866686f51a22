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
    /// The client certificate for etcd.
    #[arg(long, requires = "etcd_keyfile")]
    pub etcd_certfile: Option<PathBuf>,
    /// Its private key.
    #[arg(long, requires = "etcd_certfile")]
    pub etcd_keyfile: Option<PathBuf>,
    /// The prefix of all keys, below the root; may be empty.
    #[arg(long, default_value = "/registry")]
    pub etcd_prefix: String,
    /// How often old revisions are compacted, such as `5m`; 0 for never.
    #[arg(long, default_value = "5m", value_parser = super::duration)]
    pub etcd_compaction_interval: Duration,
    /// How long the start waits for an etcd that does not respond yet.
    #[arg(long, default_value = "60s", value_parser = super::duration)]
    pub etcd_startup_timeout: Duration,
}
