//! Tokens that are valid as long as the secret that contains them: those of secrets of type
//! `kubernetes.io/service-account-token`, which kube-controller-manager creates.
//!
//! Upstream: `pkg/serviceaccount/legacy.go`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_api::UserInfo;
use serde::Deserialize;

use super::{INVALID_CLAIMS, INVALIDATED, Objects, Reference, UNKNOWN_KEY, check_account};
use crate::jwt::Token;
use crate::keys::KeyRing;
use crate::secret::Secret;
use crate::stored::{Lookup, Secrets};
use crate::{Error, Outcome, TokenAuthenticator};

const ISSUER: &str = "kubernetes/serviceaccount";

/// Authenticates tokens of secrets.
pub struct LegacyTokens {
    keys: Arc<KeyRing>,
    objects: Arc<dyn Objects>,
    secrets: Arc<dyn Secrets>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Claims {
    iss: String,
    sub: String,
    exp: Option<f64>,
    aud: Option<serde_json::Value>,
    #[serde(rename = "kubernetes.io/serviceaccount/namespace")]
    namespace: String,
    #[serde(rename = "kubernetes.io/serviceaccount/secret.name")]
    secret: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.name")]
    account: String,
    #[serde(rename = "kubernetes.io/serviceaccount/service-account.uid")]
    uid: String,
}

impl LegacyTokens {
    /// Accepts tokens that `keys` verify, as long as their account and secret exist.
    pub fn new(keys: Arc<KeyRing>, objects: Arc<dyn Objects>, secrets: Arc<dyn Secrets>) -> Self {
        Self {
            keys,
            objects,
            secrets,
        }
    }

    /// Checks the claims of a token; returns the error message if they are invalid.
    async fn check_claims(&self, text: &str, claims: &Claims) -> Option<String> {
        let account = UserInfo::service_account(&claims.namespace, &claims.account).name;
        let named = [
            &claims.namespace,
            &claims.secret,
            &claims.account,
            &claims.uid,
        ];
        // These tokens do not expire and have no audience. One with such a claim was made by
        // someone else and may be meant for another server.
        let foreign = claims.exp.is_some() || claims.aud.is_some();
        if named.iter().any(|name| name.is_empty()) || claims.sub != account || foreign {
            return Some(INVALID_CLAIMS.to_owned());
        }
        let secret = self
            .secrets
            .secret(&claims.namespace, &claims.secret, Lookup::Consistent)
            .await;
        let stored = secret.filter(|secret| !secret.deleted);
        let stored = stored.as_ref().and_then(|secret| secret.data.get("token"));
        let Some(stored) = stored else {
            return Some(INVALIDATED.to_owned());
        };
        if !bool::from(Secret::of(stored).same(&Secret::of(text.as_bytes()))) {
            return Some("service account token does not match server's copy".to_owned());
        }
        let account = Reference {
            name: claims.account.clone(),
            uid: claims.uid.clone(),
        };
        check_account(&*self.objects, &claims.namespace, &account).await
    }
}

impl fmt::Debug for LegacyTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LegacyTokens")
            .field("keys", &self.keys)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenAuthenticator for LegacyTokens {
    async fn authenticate_token(&self, text: &str) -> Result<Outcome, Error> {
        let Some(token) = Token::parse(text) else {
            return Ok(Outcome::NotMine);
        };
        let claims = token.claims::<Claims>().unwrap_or_default();
        if claims.iss != ISSUER {
            return Ok(Outcome::NotMine);
        }
        if !self.keys.signed(&token) {
            return Err(Error::ServiceAccountToken(UNKNOWN_KEY.to_owned()));
        }
        match self.check_claims(text, &claims).await {
            Some(why) => Err(Error::ServiceAccountToken(why)),
            None => Ok(Outcome::Identified(UserInfo {
                uid: claims.uid,
                ..UserInfo::service_account(&claims.namespace, &claims.account)
            })),
        }
    }
}

#[cfg(test)]
mod tests;
