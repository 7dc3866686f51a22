//! The certificate for the servers that API services name, and the front proxies whose user headers are accepted.

use std::path::PathBuf;

use clap::Args;

/// The options of aggregation.
#[derive(Args, Clone, Debug, Default)]
pub struct FrontProxy {
    /// The client certificate for the servers of API services; by default one is made in the data directory.
    #[arg(long, requires = "proxy_client_key_file")]
    pub proxy_client_cert_file: Option<PathBuf>,
    /// Its private key.
    #[arg(long, requires = "proxy_client_cert_file")]
    pub proxy_client_key_file: Option<PathBuf>,
    /// The authorities that sign the client certificates of front proxies, whose headers say who a user is.
    #[arg(long)]
    pub requestheader_client_ca_file: Option<PathBuf>,
    /// The common names of front proxies' certificates; by default any will do.
    #[arg(long, value_delimiter = ',')]
    pub requestheader_allowed_names: Vec<String>,
    /// The headers that name the user, such as `X-Remote-User`; the first with a value counts.
    #[arg(long, value_delimiter = ',')]
    pub requestheader_username_headers: Vec<String>,
    /// The headers with the user's uid, such as `X-Remote-Uid`; the first with a value counts.
    #[arg(long, value_delimiter = ',')]
    pub requestheader_uid_headers: Vec<String>,
    /// The headers with the user's groups, such as `X-Remote-Group`; all of them count.
    #[arg(long, value_delimiter = ',')]
    pub requestheader_group_headers: Vec<String>,
    /// What begins the names of headers with further attributes of the user, such as `X-Remote-Extra-`.
    #[arg(long, value_delimiter = ',')]
    pub requestheader_extra_headers_prefix: Vec<String>,
}
