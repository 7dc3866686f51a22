//! `Authorization: Bearer`, and the trait of token authenticators.

use std::fmt;

use async_trait::async_trait;
use http::header::AUTHORIZATION;

use crate::union::Attempts;
use crate::{Authenticator, Credentials, Error, Named, Outcome, Trace};

/// Authenticates one type of bearer tokens: those of a file, of this server or of an issuer.
#[async_trait]
pub trait TokenAuthenticator: Send + Sync + 'static {
    /// Identifies the user of a token; [`Outcome::NotMine`] if it is of another type.
    ///
    /// # Errors
    /// [`Error`], if it is of this type and invalid.
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error>;
}

/// Authenticates the token in the `Authorization` header.
///
/// A request without a token is left to other authenticators; an unknown token is an error
/// (upstream: `pkg/authentication/request/bearertoken`).
pub struct Bearer {
    authenticators: Vec<Named<dyn TokenAuthenticator>>,
}

impl Bearer {
    /// Tries `authenticators` in order. Without any, every token is invalid.
    pub fn new(authenticators: Vec<Named<dyn TokenAuthenticator>>) -> Self {
        Self { authenticators }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer")
            .field("authenticators", &self.authenticators.len())
            .finish()
    }
}

#[async_trait]
impl Authenticator for Bearer {
    async fn authenticate(&self, credentials: &Credentials<'_>) -> Result<Outcome, Error> {
        let header = credentials
            .headers
            .get(AUTHORIZATION)
            .map(http::HeaderValue::as_bytes);
        let Some(token) = header.and_then(token) else {
            return Ok(Outcome::NotMine);
        };
        // All types of tokens are text.
        let token = std::str::from_utf8(token).map_err(|_| Error::InvalidToken)?;
        self.authenticate_required(token, credentials.trace).await
    }
}

impl Bearer {
    /// Identifies the user of a token; a token that no authenticator knows is an error.
    pub(crate) async fn authenticate_required(
        &self,
        token: &str,
        trace: Option<&Trace>,
    ) -> Result<Outcome, Error> {
        match self.try_all(token, trace).await? {
            Outcome::NotMine => Err(Error::InvalidToken),
            identified @ Outcome::Identified(_) => Ok(identified),
        }
    }

    async fn try_all(&self, token: &str, trace: Option<&Trace>) -> Result<Outcome, Error> {
        let mut attempts = Attempts::default();
        for authenticator in &self.authenticators {
            let outcome = authenticator.member.authenticate_token(token).await;
            if let Some(trace) = trace {
                trace.record(authenticator.name, &outcome);
            }
            if let Some(user) = attempts.add(outcome) {
                return Ok(user);
            }
        }
        attempts.conclude()
    }
}

/// All token authenticators combined, for tokens from other sources, such as a `TokenReview`.
#[async_trait]
impl TokenAuthenticator for Bearer {
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error> {
        self.try_all(token, None).await
    }
}

/// The word after `Bearer` and one space. With two spaces it is empty, as upstream.
fn token(header: &[u8]) -> Option<&[u8]> {
    let mut words = header.trim_ascii().split(|byte| *byte == b' ');
    let scheme = words.next()?;
    let token = words.next().filter(|token| !token.is_empty())?;
    scheme.eq_ignore_ascii_case(b"bearer").then_some(token)
}
