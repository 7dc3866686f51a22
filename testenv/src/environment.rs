//! An environment that runs.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use portcullis::kubeconfig::client::{ApiClient, ClientError};
use portcullis::kubeconfig::read;
use portcullis::pki::Authority;
use portcullis::start::certificates::pki_dir;
use portcullis_authn::IssuedTokens;
use tempfile::TempDir;

use crate::error::Error;
use crate::running::Running;

/// An API server of its own, which ends when this is dropped.
///
/// [`TestEnv::stop`] lets requests finish; dropping ends them, which is what a test that has failed does.
pub struct TestEnv {
    // the order is that of dropping: the directory goes last
    running: Running,
    url: String,
    kubeconfig: String,
    kubeconfig_path: PathBuf,
    /// Who signed the server's certificate, as PEM.
    trusted: String,
    pub(crate) authority: Authority,
    pub(crate) tokens: Arc<IssuedTokens>,
    pub(crate) directory: TempDir,
}

impl TestEnv {
    pub(crate) fn new(
        running: Running,
        directory: TempDir,
        kubeconfig_path: PathBuf,
        tokens: Arc<IssuedTokens>,
    ) -> Result<Self, Error> {
        let authority = Authority::in_dir(&pki_dir(directory.path()));
        let authority = authority.map_err(|error| Error::Failed(error.to_string()))?;
        let kubeconfig = std::fs::read_to_string(&kubeconfig_path)
            .map_err(Error::system("read the kubeconfig"))?;
        let config = read::Kubeconfig::load(Some(&kubeconfig_path));
        let server = config.and_then(|config| config.server(config.context(None)?));
        let server = server.map_err(|error| Error::Failed(error.to_string()))?;
        let trusted = String::from_utf8(server.authority);
        Ok(Self {
            running,
            url: server.url,
            trusted: trusted.map_err(|error| Error::Failed(error.to_string()))?,
            kubeconfig,
            kubeconfig_path,
            authority,
            tokens,
            directory,
        })
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.running.address
    }

    /// Where clients reach it, such as `https://127.0.0.1:41235`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The authority that signed its certificate, as PEM.
    pub fn authority(&self) -> &str {
        &self.trusted
    }

    /// The kubeconfig of a user who may do everything.
    pub fn kubeconfig(&self) -> &str {
        &self.kubeconfig
    }

    /// The file with [`TestEnv::kubeconfig`], for programs that read one.
    pub fn kubeconfig_path(&self) -> &Path {
        &self.kubeconfig_path
    }

    /// Ends it, once requests that are under way have been answered: within two seconds.
    pub async fn stop(self) {
        self.running.stop().await;
    }

    /// Asks the server for the environment's own purposes.
    pub(crate) fn requests(&self) -> Result<ApiClient, Error> {
        let config = read::Kubeconfig::load(Some(&self.kubeconfig_path));
        let config = config.map_err(ClientError::from)?;
        let context = config.context(None);
        let context = context.map_err(ClientError::from)?;
        Ok(ApiClient::new(&config, context)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a server has of them is held by its authenticators, and these by all that answers requests.
    #[tokio::test]
    async fn a_server_is_gone_when_its_environment_is() {
        for stops in [true, false] {
            let env = TestEnv::start().await.unwrap();
            let requests = env.requests().unwrap();
            let held = Arc::downgrade(&env.tokens);
            requests.get::<serde_json::Value>("/api").await.unwrap();
            match stops {
                true => env.stop().await,
                false => drop(env),
            }
            assert_eq!(held.strong_count(), 0, "stopped: {stops}");
            requests.get::<serde_json::Value>("/api").await.unwrap_err();
        }
    }
}
