//! Who are you? Authenticators, tried in a union that fails closed.
//!
//! An [`Authenticator`] looks at [`Credentials`] and says [`Outcome::Identified`],
//! [`Outcome::NotMine`] or why they prove nothing. [`chain`] puts a server's authenticators in
//! the order and under the rules of kube-apiserver (upstream: `pkg/kubeapiserver/authenticator`).

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
pub mod impersonation;
mod jwt;
mod keys;
pub mod oidc;
mod reload;
mod review;
mod secret;
pub mod service_account;
mod stored;
mod token_file;
mod trace;
mod union;
mod users_file;
mod websocket;
mod x509;

#[cfg(test)]
mod conformance;

pub use anonymous::OrAnonymous;
pub use authenticated::Authenticated;
pub use basic::BasicFile;
pub use bearer::{Bearer, TokenAuthenticator};
pub use bootstrap_token::BootstrapTokens;
pub use impersonation::Impersonation;
pub use jwt::{ALGORITHMS, Algorithm, SignError, SigningKey, VerifyingKey, algorithm};
pub use keys::{KeyFile, KeyRing, SigningKeyFile};
pub use reload::{FileError, Problem, Reload, Reloading};
pub use review::TokenReviewer;
pub use stored::{Look, Secrets, StoredSecret};
pub use token_file::TokenFile;
pub use trace::{Named, Step, Trace};
pub use union::Union;
pub use websocket::Websocket;
pub use x509::{ClientCertificates, OldKey};

/// What an authenticator may see of a request.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// What the peer presented in the handshake, its own certificate first. Not verified yet: only
    /// that the peer has the private key.
    pub peer_certificates: &'a [CertificateDer<'static>],
    /// Where to note who says what of them, if anybody wants to know.
    pub trace: Option<&'a Trace>,
}

impl Credentials<'_> {
    /// Notes what a member of a union says.
    pub(crate) fn note(&self, method: &'static str, answer: &Result<Outcome, Error>) {
        if let Some(trace) = self.trace {
            trace.note(method, answer);
        }
    }
}

/// Header names only: values hold passwords and tokens, and this ends in logs.
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

/// What an authenticator says of credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They prove this identity.
    Identified(UserInfo),
    /// They are of no kind this authenticator reads.
    NotMine,
}

/// Why credentials that an authenticator reads prove nothing. Never carries the secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The token is of no form, or nobody's.
    #[error("invalid bearer token")]
    InvalidToken,
    /// A service account's token that was good once, or elsewhere.
    #[error("{0}")]
    ServiceAccountToken(String),
    /// An `OpenID` issuer's token that does not count.
    #[error("oidc: {0}")]
    Oidc(String),
    /// A websocket that offers a token, and not as it should.
    #[error("{0}")]
    Websocket(&'static str),
    /// Name and password do not belong together.
    #[error("invalid username/password combination")]
    InvalidPassword,
    /// The client certificate was not signed by a CA this server trusts, or is out of date.
    #[error("untrusted client certificate: {0}")]
    UntrustedCertificate(String),
    /// Several authenticators read the credentials, and none found them good.
    #[error("[{}]", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
    Several(Vec<Error>),
}

/// Recognizes one kind of credentials.
#[async_trait]
pub trait Authenticator: Send + Sync + 'static {
    /// Decides who makes a request.
    ///
    /// # Errors
    /// [`Error`], if the credentials are of its kind and prove nothing.
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error>;
}

/// A server's way to an identity: `methods` in order, everybody they identify in
/// `system:authenticated`, and whoever shows no credentials anonymous, if that is `anonymous_auth`.
///
/// Wrong credentials never make anybody anonymous: an error stays an error.
pub fn chain(
    methods: Vec<Named<dyn Authenticator>>,
    anonymous_auth: bool,
) -> Arc<dyn Authenticator> {
    let known = Authenticated::new(Union::new(methods));
    if anonymous_auth {
        Arc::new(OrAnonymous::new(known))
    } else {
        Arc::new(known)
    }
}
