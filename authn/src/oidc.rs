//! Tokens of `OpenID` Connect issuers (`--oidc-*`, `--authentication-config`).
//!
//! Upstream: `plugin/pkg/authenticator/token/oidc` of `k8s.io/apiserver`, and `coreos/go-oidc`.

mod claims;
mod distributed;
mod issuer;
mod issuers;
mod options;
mod user;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_api::UserInfo;
use rustls_pki_types::UnixTime;

use serde_json::{Map, Value};

pub use self::issuer::Issuer;
pub use self::options::{Evaluated, Expression, JwtOptions, Mapping, OidcOptions, Rule};

use self::claims::Claims;
use self::distributed::Distributed;
use crate::jwt::Token;
use crate::{Error, Outcome, TokenAuthenticator};

/// Why a request to the issuer failed, in one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// An HTTPS client; implemented by the server.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// Sends a GET request and returns the body of the response.
    ///
    /// # Errors
    /// [`FetchError`], for any status but 200.
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError>;

    /// As [`Fetch::get`], with a bearer token unless it is empty; any status of success will do.
    ///
    /// # Errors
    /// [`FetchError`], which does not show the token.
    async fn get_as(&self, url: &str, token: &str) -> Result<Vec<u8>, FetchError>;
}

/// Authenticates the tokens of one issuer.
pub struct OidcTokens {
    options: JwtOptions,
    issuer: Arc<Issuer>,
    distributed: Distributed,
}

impl OidcTokens {
    /// Accepts tokens of the issuer in `options`; its keys are fetched when a token needs them.
    pub fn new(options: OidcOptions, fetch: Arc<dyn Fetch>) -> Self {
        let issuer = Issuer::new(&options.issuer_url, None, fetch);
        Self::of(options.into(), Arc::new(issuer))
    }

    /// Accepts tokens that are as `options` require, and signed by keys of `issuer`.
    pub fn of(options: JwtOptions, issuer: Arc<Issuer>) -> Self {
        Self {
            options,
            distributed: Distributed::new(issuer.fetch().clone()),
            issuer,
        }
    }

    /// Identifies the user of a token at `now`; `None` if it is not from the issuer.
    ///
    /// # Errors
    /// [`Error::Oidc`], if it is from the issuer and invalid.
    async fn authenticate(&self, text: &str, now: UnixTime) -> Result<Option<UserInfo>, Error> {
        let Some(token) = Token::parse(text) else {
            return Ok(None);
        };
        let Some(claims) = token.claims::<Map<String, Value>>() else {
            return Ok(None);
        };
        let mut claims = Claims(Value::Object(claims));
        if claims.issuer() != Some(&self.options.issuer_url) {
            return Ok(None);
        }
        let checked = claims.check_signed_for(&token, &self.issuer, &self.options, now);
        checked.await?;
        if let Some(Mapping::Claim { claim, .. }) = &self.options.groups {
            let resolved = self
                .distributed
                .resolve(claim, &mut claims, &self.options, now);
            resolved.await?;
        }
        user::of(&claims, &self.options).map(Some)
    }
}

#[async_trait]
impl TokenAuthenticator for OidcTokens {
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error> {
        let user = self.authenticate(token, UnixTime::now()).await?;
        Ok(user.map_or(Outcome::NotMine, Outcome::Identified))
    }
}

impl fmt::Debug for OidcTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OidcTokens")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

fn error(why: &str) -> Error {
    Error::Oidc(why.to_owned())
}

fn claim_error(what: &str, claim: &str, why: &str) -> Error {
    Error::Oidc(format!("the {what} {claim:?} {why}"))
}

#[cfg(test)]
mod tests;
