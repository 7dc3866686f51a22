//! Tokens of an `OpenID` Connect issuer (`--oidc-*`).
//!
//! Upstream: `plugin/pkg/auth/authenticator/token/oidc` of 1.24 and `coreos/go-oidc`. Not here: groups
//! that stand elsewhere (distributed claims).

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

/// What the flags say.
#[derive(Clone, Debug)]
pub struct OidcOptions {
    /// Whose tokens count, exactly as they name it; where it is described, too.
    pub issuer_url: String,
    /// Whom tokens must be for.
    pub client_id: String,
    /// The claim that is the user's name.
    pub username_claim: String,
    /// What stands before it: `-` for nothing, `None` for the issuer and `#`, except with `email`.
    pub username_prefix: Option<String>,
    /// The claim that lists groups.
    pub groups_claim: Option<String>,
    /// What stands before each.
    pub groups_prefix: String,
    /// How tokens may be signed.
    pub signing_algs: Vec<Algorithm>,
    /// Claims that a token must have, with these values.
    pub required_claims: BTreeMap<String, String>,
}

/// Why the issuer did not answer, in one line.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(pub String);

/// Gets what is at an https URL; the server implements it.
#[async_trait]
pub trait Fetch: Send + Sync + 'static {
    /// The body of the answer to a GET.
    ///
    /// # Errors
    /// [`FetchError`], for any answer but 200.
    async fn get(&self, url: &str) -> Result<Vec<u8>, FetchError>;
}

/// Reads the tokens of one issuer.
pub struct OidcTokens {
    options: OidcOptions,
    username_prefix: String,
    issuer: Issuer,
}

impl OidcTokens {
    /// Believes the issuer that options name; `fetch` asks it for its keys, when a token needs them.
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

    /// Whose token it is, at `now`.
    ///
    /// # Errors
    /// [`Error::Oidc`], if it is from the issuer and does not count.
    async fn read(&self, text: &str, now: UnixTime) -> Result<Option<UserInfo>, Error> {
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
            return Err(refused("the token is not signed in a way that is accepted"));
        }
        if !self.issuer.signed(&token, allowed).await? {
            return Err(refused("the token is not signed by a key of the issuer"));
        }
        self.user(&claims, now).map(Some)
    }

    fn user(&self, claims: &Claims, now: UnixTime) -> Result<UserInfo, Error> {
        let options = &self.options;
        claims.check_time(now)?;
        if !claims.audiences().any(|a| a == options.client_id) {
            return Err(refused("the token is for another client"));
        }
        for (claim, wanted) in &options.required_claims {
            match claims.text(claim) {
                Some(value) if value == wanted => {}
                Some(_) => return Err(about("required claim", claim, "has another value")),
                None => return Err(about("required claim", claim, "is not in the token")),
            }
        }
        let name = claims.text(&options.username_claim).unwrap_or_default();
        if name.is_empty() {
            let claim = &options.username_claim;
            return Err(about("username claim", claim, "is not in the token"));
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
        let user = self.read(token, UnixTime::now()).await?;
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

fn refused(why: &str) -> Error {
    Error::Oidc(why.to_owned())
}

fn about(what: &str, claim: &str, why: &str) -> Error {
    Error::Oidc(format!("the {what} {claim:?} {why}"))
}

#[cfg(test)]
mod tests;
