//! Distributed claims: groups of a user that another server returns.
//!
//! Upstream: `claimResolver` in `plugin/pkg/authenticator/token/oidc/oidc.go`, after `OpenID` Connect Core 1.0,
//! section 5.6.2. The issuer of a token names, for a claim that it leaves out, the server that has it; that
//! server returns a token with the claim.

use std::collections::HashMap;
use std::sync::Arc;

use quick_cache::sync::Cache;
use rustls_pki_types::UnixTime;
use serde::Deserialize;
use serde_json::Value;

use super::claims::Claims;
use super::{Fetch, Issuer, JwtOptions, error};
use crate::Error;
use crate::jwt::Token;

const NAMES: &str = "_claim_names";
const SOURCES: &str = "_claim_sources";

/// How many issuers of distributed claims are remembered with their keys. There are few.
const ISSUERS_MAX: usize = 64;

/// A server that has a claim.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    endpoint: String,
    access_token: String,
}

/// Resolves the distributed claims in tokens of one issuer.
pub(super) struct Distributed {
    fetch: Arc<dyn Fetch>,
    /// Those that have signed distributed claims, by URL.
    issuers: Cache<String, Arc<Issuer>>,
}

impl Distributed {
    pub(super) fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self {
            fetch,
            issuers: Cache::new(ISSUERS_MAX),
        }
    }

    /// Adds a claim to a token's claims, if it is distributed.
    ///
    /// # Errors
    /// [`Error::Oidc`], if it cannot be fetched, or is invalid.
    pub(super) async fn resolve(
        &self,
        claim: &str,
        claims: &mut Claims,
        options: &JwtOptions,
        now: UnixTime,
    ) -> Result<(), Error> {
        let Some(source) = source(claim, claims)? else {
            return Ok(());
        };
        let Source {
            endpoint,
            access_token,
        } = source;
        let token = self.fetch.get_as(&endpoint, &access_token).await;
        let token = token.map_err(|why| failed(claim, &why.to_string()))?;
        let token = String::from_utf8(token).map_err(|_| failed(claim, "not a token"))?;
        let mut found = self.verified(&token, options, now).await?;
        let value = found
            .0
            .as_object_mut()
            .and_then(|found| found.remove(claim));
        let value = value.ok_or_else(|| failed(claim, "the token does not contain it"))?;
        if let Some(claims) = claims.0.as_object_mut() {
            claims.insert(claim.to_owned(), value);
        }
        Ok(())
    }

    /// The claims of a token of any issuer whose keys can be found. The server that returned it was named by a
    /// token that is accepted.
    async fn verified(
        &self,
        text: &str,
        options: &JwtOptions,
        now: UnixTime,
    ) -> Result<Claims, Error> {
        let token = Token::parse(text.trim());
        let token = token.ok_or_else(|| error("a distributed claim is not in a token"))?;
        let claims = token.claims::<Value>().map(Claims);
        let claims = claims.ok_or_else(|| error("a distributed claim is not in a token"))?;
        let url = claims.issuer().unwrap_or_default();
        let known = self.issuers.get(url);
        let issuer = known.unwrap_or_else(|| Arc::new(Issuer::new(url, None, self.fetch.clone())));
        claims
            .check_signed_for(&token, &issuer, options, now)
            .await?;
        // Only now, so that a server that names many cannot take the places of others.
        self.issuers.insert(url.to_owned(), issuer);
        Ok(claims)
    }
}

/// The server that has a claim; `None` if the token has it, or it is not distributed.
fn source(claim: &str, claims: &Claims) -> Result<Option<Source>, Error> {
    if claims.0.get(claim).is_some() {
        return Ok(None);
    }
    let Some(names) = claims.0.get(NAMES) else {
        return Ok(None);
    };
    let names = HashMap::<String, String>::deserialize(names);
    let names = names.map_err(|_| error("the names of distributed claims are malformed"))?;
    let sources = claims.0.get(SOURCES);
    let sources = sources.ok_or_else(|| error("distributed claims have no sources"))?;
    let sources = HashMap::<String, Source>::deserialize(sources);
    let mut sources =
        sources.map_err(|_| error("the sources of distributed claims are malformed"))?;
    let Some(name) = names.get(claim) else {
        return Ok(None);
    };
    let source = sources.remove(name);
    let source = source.ok_or_else(|| failed(claim, "its source is missing"))?;
    // otherwise the claim is aggregated, which upstream does not support
    Ok(Some(source).filter(|source| !source.endpoint.is_empty()))
}

fn failed(claim: &str, why: &str) -> Error {
    Error::Oidc(format!("the distributed claim {claim:?}: {why}"))
}
