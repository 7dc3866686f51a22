//! The server to follow, and the credentials for it.

use std::path::Path;

use crate::config::netpol::NetpolArgs;
use crate::kubeconfig::client::{ApiClient, ClientError};
use crate::kubeconfig::read::{Credentials, Kubeconfig, KubeconfigError, Server};

/// The directory of a pod's service account.
const ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount";

/// Makes a new client for each list and watch, since tokens are replaced.
pub(super) enum Source {
    Kubeconfig {
        config: Box<Kubeconfig>,
        context: Option<String>,
    },
    ServiceAccount {
        url: String,
    },
}

impl Source {
    pub(super) fn of(args: &NetpolArgs) -> Result<Self, ClientError> {
        if args.kubeconfig.is_none()
            && Path::new(ACCOUNT).join("token").exists()
            && let Some(url) = in_cluster()
        {
            return Ok(Self::ServiceAccount { url });
        }
        let source = Self::Kubeconfig {
            config: Box::new(Kubeconfig::load(args.kubeconfig.as_deref())?),
            context: args.context.clone(),
        };
        // invalid credentials are reported now
        source.client()?;
        Ok(source)
    }

    pub(super) fn client(&self) -> Result<ApiClient, ClientError> {
        match self {
            Self::Kubeconfig { config, context } => {
                ApiClient::new(config, config.context(context.as_deref())?)
            }
            Self::ServiceAccount { url } => {
                let token = read("token")?;
                let token = String::from_utf8_lossy(&token).trim().to_owned();
                let server = Server {
                    url: url.clone(),
                    authority: read("ca.crt")?,
                    is_insecure: false,
                };
                let credentials = Credentials {
                    authorization: Some(format!("Bearer {token}")),
                    certificate: None,
                };
                ApiClient::of(&server, "of the service account", &credentials)
            }
        }
    }
}

fn in_cluster() -> Option<String> {
    let host = std::env::var("KUBERNETES_SERVICE_HOST").ok()?;
    let port = std::env::var("KUBERNETES_SERVICE_PORT").ok()?;
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host
    };
    Some(format!("https://{host}:{port}"))
}

fn read(name: &str) -> Result<Vec<u8>, KubeconfigError> {
    let path = Path::new(ACCOUNT).join(name);
    std::fs::read(&path).map_err(|source| KubeconfigError::Io { path, source })
}
