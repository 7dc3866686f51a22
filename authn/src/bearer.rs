//! `Authorization: Bearer`, and the seam for whoever knows tokens.

use std::fmt;

use async_trait::async_trait;
use http::header::AUTHORIZATION;

use crate::union::Tried;
use crate::{Authenticator, Credentials, Error, Named, Outcome, Trace};

/// Knows one kind of bearer tokens: a file of them, those this server signed, those of an issuer.
#[async_trait]
pub trait TokenAuthenticator: Send + Sync + 'static {
    /// Decides whose token it is; [`Outcome::NotMine`] if others may know.
    ///
    /// # Errors
    /// [`Error::InvalidToken`], if it is of this kind and proves nothing.
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error>;
}

/// Takes the token from the header and asks who knows it.
///
/// A header without a token is nobody's business; a token that nobody knows is an error
/// (upstream: `pkg/authentication/request/bearertoken`).
pub struct Bearer {
    kinds: Vec<Named<dyn TokenAuthenticator>>,
}

impl Bearer {
    /// Asks `kinds` in order. With none of them no token is good.
    pub fn new(kinds: Vec<Named<dyn TokenAuthenticator>>) -> Self {
        Self { kinds }
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer")
            .field("kinds", &self.kinds.len())
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
        // No token of any kind is anything but text.
        let token = std::str::from_utf8(token).map_err(|_| Error::InvalidToken)?;
        self.known(token, credentials.trace).await
    }
}

impl Bearer {
    /// Whose token it is; an error if it is nobody's.
    pub(crate) async fn known(&self, token: &str, trace: Option<&Trace>) -> Result<Outcome, Error> {
        match self.ask(token, trace).await? {
            Outcome::NotMine => Err(Error::InvalidToken),
            identified @ Outcome::Identified(_) => Ok(identified),
        }
    }

    async fn ask(&self, token: &str, trace: Option<&Trace>) -> Result<Outcome, Error> {
        let mut tried = Tried::default();
        for kind in &self.kinds {
            let answer = kind.member.authenticate_token(token).await;
            if let Some(trace) = trace {
                trace.note(kind.name, &answer);
            }
            if let Some(user) = tried.take(answer) {
                return Ok(user);
            }
        }
        tried.conclude()
    }
}

/// All kinds as one, for those who have the token from elsewhere, such as a `TokenReview`.
#[async_trait]
impl TokenAuthenticator for Bearer {
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error> {
        self.ask(token, None).await
    }
}

/// The word after `Bearer` and one space; two spaces leave it empty, as upstream.
fn token(header: &[u8]) -> Option<&[u8]> {
    let mut words = header.trim_ascii().split(|byte| *byte == b' ');
    let scheme = words.next()?;
    let token = words.next().filter(|token| !token.is_empty())?;
    scheme.eq_ignore_ascii_case(b"bearer").then_some(token)
}
