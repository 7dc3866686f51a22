//! Distributed claims: groups of a user that another server returns.
//!
//! Upstream: `claimResolver` in `plugin/pkg/authenticator/token/oidc/oidc.go`, after `OpenID` Connect Core 1.0,
//! section 5.6.2. The issuer of a token names, for a claim that it leaves out, the server that has it; that
//! server returns a token with the claim.

use std::collections::HashMap;
use std::sync::Arc;

use quick_cache::sync::Cache;
use ring::digest::{Context, SHA256};
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

/// How long a claim is used again before it is fetched anew, in seconds: as long as upstream keeps the user of any
/// token (`TokenSuccessCacheTTL`).
const LIFETIME: u64 = 10;
/// How many claims are kept, and the longest token with one, in bytes.
const CLAIMS_MAX: usize = 1024;
const KEPT_LENGTH: usize = 64 * 1024;

/// A claim that was fetched.
#[derive(Clone)]
struct Fetched {
    value: Arc<Value>,
    /// In seconds since 1970.
    until: u64,
}

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
    /// Those that have signed none yet, so that the keys of one are not fetched for each request.
    others: Cache<String, Arc<Issuer>>,
    /// By the hash of where they are from.
    claims: Cache<[u8; 32], Fetched>,
}

impl Distributed {
    pub(super) fn new(fetch: Arc<dyn Fetch>) -> Self {
        Self {
            fetch,
            issuers: Cache::new(ISSUERS_MAX),
            others: Cache::new(ISSUERS_MAX),
            claims: Cache::new(CLAIMS_MAX),
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
        let value = self.fetched(claim, &source, options, now).await?;
        if let Some(claims) = claims.0.as_object_mut() {
            claims.insert(claim.to_owned(), value);
        }
        Ok(())
    }

    /// The claim that a server has, fetched now or a short while ago.
    async fn fetched(
        &self,
        claim: &str,
        source: &Source,
        options: &JwtOptions,
        now: UnixTime,
    ) -> Result<Value, Error> {
        let key = source.hash(claim);
        if let Some(kept) = self.claims.get(&key)
            && now.as_secs() < kept.until
        {
            return Ok(kept.value.as_ref().clone());
        }
        let token = self.fetch.get_as(&source.endpoint, &source.access_token);
        let token = token.await.map_err(|why| failed(claim, &why.to_string()))?;
        let token = String::from_utf8(token).map_err(|_| failed(claim, "not a token"))?;
        let mut found = self.verified(&token, options, now).await?;
        let value = found
            .0
            .as_object_mut()
            .and_then(|found| found.remove(claim));
        let value = value.ok_or_else(|| failed(claim, "the token does not contain it"))?;
        if token.len() <= KEPT_LENGTH {
            let kept = Fetched {
                value: Arc::new(value.clone()),
                until: now.as_secs().saturating_add(LIFETIME),
            };
            self.claims.insert(key, kept);
        }
        Ok(value)
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
        let known = self.issuers.get(url).or_else(|| self.others.get(url));
        let issuer = known.unwrap_or_else(|| {
            let issuer = Arc::new(Issuer::new(url, None, self.fetch.clone()));
            self.others.insert(url.to_owned(), issuer.clone());
            issuer
        });
        claims
            .check_signed_for(&token, &issuer, options, now)
            .await?;
        // Only now, so that a server that names many cannot take the places of others.
        self.issuers.insert(url.to_owned(), issuer);
        Ok(claims)
    }
}

impl Source {
    /// Identifies a claim of this source, without its access token.
    fn hash(&self, claim: &str) -> [u8; 32] {
        let mut context = Context::new(&SHA256);
        for part in [claim, &self.endpoint, &self.access_token] {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        let mut hash = [0; 32];
        hash.copy_from_slice(context.finish().as_ref());
        hash
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
