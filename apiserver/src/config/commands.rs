//! Options of the commands besides `serve`.

use std::path::PathBuf;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use url::Url;

/// Options of `portcullis kubeconfig`.
#[derive(Debug, Args)]
pub struct KubeconfigArgs {
    /// The user's name.
    #[arg(long, value_parser = NonEmptyStringValueParser::new())]
    pub user: String,
    /// A group the user is in.
    #[arg(long)]
    pub group: Option<String>,
    /// The server's address; by default the one in the data directory, or `https://127.0.0.1:6443`.
    #[arg(long, value_parser = address)]
    pub server: Option<String>,
    /// The server's data directory, which holds the authority.
    #[arg(long, default_value = "./portcullis-data")]
    pub data_dir: PathBuf,
    /// The file to write; standard output if not given.
    #[arg(long, short)]
    pub output: Option<PathBuf>,
}

/// Options of `portcullis healthcheck`.
#[derive(Debug, Args)]
pub struct HealthcheckArgs {
    /// The server's address; by default the one in the data directory, or `https://127.0.0.1:6443`.
    #[arg(long)]
    pub server: Option<String>,
    /// The server's data directory. Its `admin.kubeconfig`, written at every start, has the server's address,
    /// and the authority of its certificate; without it the certificate is not verified.
    #[arg(long)]
    pub data_dir: Option<PathBuf>,
}

/// The address of a server, as clients dial it.
fn address(text: &str) -> Result<String, &'static str> {
    match Url::parse(text) {
        Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => {
            Ok(text.to_owned())
        }
        _ => Err("it is not a URL such as https://127.0.0.1:6443"),
    }
}
