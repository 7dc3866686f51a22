//! Authentication: authenticators that identify the user of a request, in a union that fails
//! closed.
//!
//! An [`Authenticator`] inspects [`Credentials`] and returns [`Outcome::Identified`],
//! [`Outcome::NotMine`] or an error. [`chain`] combines a server's authenticators in the order and
//! under the rules of kube-apiserver (upstream: `pkg/kubeapiserver/authenticator`).

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderMap;
use portcullis_api::UserInfo;
use rustls_pki_types::CertificateDer;

mod anonymous;
mod authenticated;
mod basic;
mod bearer;
mod bootstrap_token;
mod csv;
mod front_proxy;
pub mod impersonation;
mod issued;
mod jwt;
mod keys;
pub mod oidc;
mod reload;
mod review;
mod secret;
pub mod service_account;
mod stored;
mod token_file;
mod token_webhook;
mod trace;
mod union;
mod users_file;
mod websocket;
mod x509;

#[cfg(test)]
mod conformance;

pub use anonymous::{Anonymous, OrAnonymous};
pub use authenticated::Authenticated;
pub use basic::BasicFile;
pub use bearer::{Bearer, TokenAuthenticator};
pub use bootstrap_token::BootstrapTokens;
pub use front_proxy::{FrontProxies, RequestHeaders};
pub use impersonation::Impersonation;
pub use issued::IssuedTokens;
pub use jwt::{ALGORITHMS, Algorithm, SignError, SigningKey, VerifyingKey, algorithm};
pub use keys::{KeyFile, KeyRing, SigningKeyFile};
pub use reload::{FileError, Problem, Reload, Reloading};
pub use review::TokenReviewer;
pub use stored::{Lookup, Secrets, StoredSecret};
pub use token_file::TokenFile;
pub use token_webhook::{CountTokens, Review, ReviewVersion, TokenWebhook};
pub use trace::{Named, Step, Trace};
pub use union::Union;
pub use websocket::{Websocket, remove_websocket_tokens};
pub use x509::{ClientCertificates, PreV3Key};

/// The parts of a request that authenticators inspect.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The path of the request's URL.
    pub path: &'a str,
    /// All headers of the request.
    pub headers: &'a HeaderMap,
    /// The certificates presented in the TLS handshake, the peer's own first. Not verified yet:
    /// only that the peer has the private key.
    pub peer_certificates: &'a [CertificateDer<'static>],
    /// Records the outcome of each authenticator, if set.
    pub trace: Option<&'a Trace>,
}

impl Credentials<'_> {
    /// Records the outcome of a member of a union, if there is a trace.
    pub(crate) fn record(&self, method: &'static str, outcome: &Result<Outcome, Error>) {
        if let Some(trace) = self.trace {
            trace.record(method, outcome);
        }
    }
}

/// Shows header names only: values contain passwords and tokens.
impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field(
                "headers",
                &self
                    .headers
                    .keys()
                    .map(http::HeaderName::as_str)
                    .collect::<Vec<_>>(),
            )
            .field("peer_certificates", &self.peer_certificates.len())
            .finish()
    }
}

/// The result of authentication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The credentials are valid and belong to this user.
    Identified(UserInfo),
    /// There are no credentials of the authenticator's type.
    NotMine,
}

/// Why credentials are rejected. Never contains a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The token is malformed or unknown.
    #[error("invalid bearer token")]
    InvalidToken,
    /// The service account token is invalid, expired or revoked.
    #[error("{0}")]
    ServiceAccountToken(String),
    /// The `OpenID` Connect token is invalid.
    #[error("oidc: {0}")]
    Oidc(String),
    /// The token webhook could not be called, or rejected the token.
    #[error("{0}")]
    Webhook(String),
    /// The token in a websocket's subprotocols is malformed.
    #[error("{0}")]
    Websocket(&'static str),
    /// The user is unknown or the password is wrong.
    #[error("invalid username/password combination")]
    InvalidPassword,
    /// The client certificate is not that of a front proxy, or its headers are invalid.
    #[error("{0}")]
    FrontProxy(String),
    /// The client certificate cannot be verified.
    #[error("untrusted client certificate: {0}")]
    UntrustedCertificate(String),
    /// Several authenticators rejected the credentials.
    #[error("[{}]", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Several(Vec<Error>),
}

/// Authenticates one type of credentials.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Identifies the user of a request.
    ///
    /// # Errors
    /// [`Error`], if there are credentials of its type and they are invalid.
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error>;
}

/// A server's authentication: tries `methods` in order, adds `system:authenticated` to users they
/// identify, and makes requests without credentials anonymous, where that is allowed.
///
/// Invalid credentials are always an error, never anonymous.
pub fn chain(
    methods: Vec<Named<dyn Authenticator>>,
    anonymous: Anonymous,
) -> Arc<dyn Authenticator> {
    let identified = Authenticated::new(Union::new(methods));
    Arc::new(OrAnonymous::new(identified, anonymous))
}
