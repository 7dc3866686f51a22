//! Clients of kube-rs.

use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};

use crate::environment::TestEnv;
use crate::error::Error;
use crate::user::User;

impl TestEnv {
    /// A client of a user who may do everything. It runs on the runtime of the caller.
    ///
    /// # Errors
    /// [`Error::Client`], outside of a runtime for one.
    pub async fn client(&self) -> Result<Client, Error> {
        client(self.kubeconfig()).await
    }
}

impl User {
    /// A client of the user. It runs on the runtime of the caller.
    ///
    /// # Errors
    /// [`Error::Client`].
    pub async fn client(&self) -> Result<Client, Error> {
        client(self.kubeconfig()).await
    }
}

async fn client(kubeconfig: &str) -> Result<Client, Error> {
    let at_fault = |error: &dyn std::error::Error| Error::Client(error.to_string());
    let config = Kubeconfig::from_yaml(kubeconfig).map_err(|e| at_fault(&e))?;
    let options = KubeConfigOptions::default();
    let config = Config::from_custom_kubeconfig(config, &options).await;
    Client::try_from(config.map_err(|e| at_fault(&e))?).map_err(|e| at_fault(&e))
}
