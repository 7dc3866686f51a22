//! Who are you? Authenticators, tried in a union that fails closed.

use async_trait::async_trait;
use http::HeaderMap;
use portcullis_api::UserInfo;
use rustls_pki_types::CertificateDer;

/// What an authenticator may see of a request.
#[derive(Clone, Copy, Debug)]
pub struct Credentials<'a> {
    /// The request's headers.
    pub headers: &'a HeaderMap,
    /// What the peer presented in the handshake, its own certificate first. Not verified yet: only
    /// that the peer has the private key.
    pub peer_certificates: &'a [CertificateDer<'static>],
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
    /// Name and password do not belong together.
    #[error("invalid user name or password")]
    InvalidPassword,
    /// The client certificate was not signed by a CA this server trusts, or is out of date.
    #[error("untrusted client certificate: {0}")]
    UntrustedCertificate(String),
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
