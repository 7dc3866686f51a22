//! Why there is no environment, or no user of it.

use std::path::PathBuf;

use thiserror::Error;

/// Why there is no environment, or not what was asked of it.
#[derive(Debug, Error)]
pub enum Error {
    /// A flag is not one of `portcullis serve`, or says what cannot be.
    #[error("{0}")]
    Flag(String),
    /// The server cannot start.
    #[error(transparent)]
    Start(#[from] portcullis::start::StartError),
    /// The system refuses something that every environment needs.
    #[error("cannot {what}: {source}")]
    System {
        /// What.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// The server ended while it started.
    #[error("the server failed while it started: {0}")]
    Failed(String),
    /// A user has no certificate.
    #[error("user {user:?}: {why}")]
    User {
        /// The name.
        user: String,
        /// Why not.
        why: String,
    },
    /// A file of definitions cannot be read or applied.
    #[error("{}: {why}", path.display())]
    Definitions {
        /// The file, or the folder.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// The server cannot be asked, or refuses.
    #[error(transparent)]
    Request(#[from] portcullis::kubeconfig::client::ClientError),
    /// There is no client of kube-rs.
    #[cfg(feature = "kube")]
    #[error("no client: {0}")]
    Client(String),
}

impl Error {
    pub(crate) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::System { what, source }
    }
}
