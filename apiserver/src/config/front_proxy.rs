//! What this server shows to the servers that API services name.

use std::path::PathBuf;

use clap::Args;

/// The options of aggregation.
#[derive(Args, Clone, Debug, Default)]
pub struct FrontProxy {
    /// The certificate that is shown to the servers of API services; by default one is made in the data
    /// directory.
    #[arg(long, requires = "proxy_client_key_file")]
    pub proxy_client_cert_file: Option<PathBuf>,
    /// Its private key.
    #[arg(long, requires = "proxy_client_cert_file")]
    pub proxy_client_key_file: Option<PathBuf>,
}
