//! Tokens of an `OpenID` Connect issuer (`--oidc-*`).
//!
//! Upstream: `plugin/pkg/auth/authenticator/token/oidc` of 1.24 and `coreos/go-oidc`. Distributed
//! claims are not supported.

mod claims;
mod issuer;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_api::UserInfo;
use rustls_pki_types::UnixTime;

use self::claims::Claims;
use self::issuer::Issuer;
use crate::jwt::{Algorithm, Token};
use crate::{Error, Outcome, TokenAuthenticator};

/// The options of the `--oidc-*` flags.
#[derive(Clone, Debug)]
pub struct OidcOptions {
    /// The URL of the accepted issuer, equal to the `iss` claim and the base of discovery.
    pub issuer_url: String,
    /// The required audience of tokens.
    pub client_id: String,
    /// The claim that contains the user name.
    pub username_claim: String,
    /// The prefix of the user name: `-` for none; by default the issuer and `#`, except for
    /// `email`.
    pub username_prefix: Option<String>,
    /// The claim that contains the groups.
    pub groups_claim: Option<String>,
    /// The prefix of each group.
    pub groups_prefix: String,
    /// The accepted signature algorithms.
    pub signing_algs: Vec<Algorithm>,
    /// Claims that a token must have, and their values.
    pub required_claims: BTreeMap<String, String>,
}

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
}

/// Authenticates the tokens of one issuer.
pub struct OidcTokens {
    options: OidcOptions,
    username_prefix: String,
    issuer: Issuer,
}

impl OidcTokens {
    /// Accepts tokens of the issuer in `options`; its keys are fetched when a token needs them.
    pub fn new(options: OidcOptions, fetch: Arc<dyn Fetch>) -> Self {
        let username_prefix = match options.username_prefix.as_deref() {
            Some("-") => String::new(),
            Some(prefix) if !prefix.is_empty() => prefix.to_owned(),
            _ if options.username_claim == "email" => String::new(),
            _ => format!("{}#", options.issuer_url),
        };
        Self {
            username_prefix,
            issuer: Issuer::new(&options.issuer_url, fetch),
            options,
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
        let Some(claims) = token.claims().map(Claims) else {
            return Ok(None);
        };
        if claims.issuer() != Some(&self.options.issuer_url) {
            return Ok(None);
        }
        let allowed = &self.options.signing_algs;
        if token.algorithm().is_none_or(|a| !allowed.contains(&a)) {
            return Err(error("the token's signature algorithm is not accepted"));
        }
        if !self.issuer.signed(&token, allowed).await? {
            return Err(error("the token is not signed by a key of the issuer"));
        }
        self.user(&claims, now).map(Some)
    }

    fn user(&self, claims: &Claims, now: UnixTime) -> Result<UserInfo, Error> {
        let options = &self.options;
        claims.check_time(now)?;
        if !claims.audiences().any(|a| a == options.client_id) {
            return Err(error("the token has a different audience"));
        }
        for (claim, expected) in &options.required_claims {
            match claims.text(claim) {
                Some(value) if value == expected => {}
                Some(_) => {
                    return Err(claim_error(
                        "required claim",
                        claim,
                        "has a different value",
                    ));
                }
                None => return Err(claim_error("required claim", claim, "is missing")),
            }
        }
        let name = claims.text(&options.username_claim).unwrap_or_default();
        if name.is_empty() {
            let claim = &options.username_claim;
            return Err(claim_error("username claim", claim, "is missing"));
        }
        if options.username_claim == "email" {
            claims.check_email()?;
        }
        let groups = options.groups_claim.as_deref();
        let groups = groups.map_or(Ok(Vec::new()), |claim| claims.texts(claim))?;
        let prefix = &options.groups_prefix;
        Ok(UserInfo {
            name: format!("{}{name}", self.username_prefix),
            groups: groups.iter().map(|g| format!("{prefix}{g}")).collect(),
            ..UserInfo::default()
        })
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
