//! Tokens that last as long as the secret they are kept in: those of secrets of type
//! `kubernetes.io/service-account-token`, which kube-controller-manager fills.
//!
//! Upstream: `pkg/serviceaccount/legacy.go`.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use portcullis_api::UserInfo;
use serde::Deserialize;

use super::{INVALIDATED, LACKING, Objects, Reference, UNSIGNED, lost_account};
use crate::jwt::Token;
use crate::keys::KeyRing;
use crate::secret::Secret;
use crate::stored::{Look, Secrets};
use crate::{Error, Outcome, TokenAuthenticator};

const ISSUER: &str = "kubernetes/serviceaccount";

/// Reads the tokens of secrets.
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
    /// Believes what these keys signed, as long as account and secret are there.
    pub fn new(keys: Arc<KeyRing>, objects: Arc<dyn Objects>, secrets: Arc<dyn Secrets>) -> Self {
        Self {
            keys,
            objects,
            secrets,
        }
    }

    /// Why a token does not count, if it does not.
    async fn refusal(&self, text: &str, claims: &Claims) -> Option<String> {
        let account = UserInfo::service_account(&claims.namespace, &claims.account).name;
        let named = [
            &claims.namespace,
            &claims.secret,
            &claims.account,
            &claims.uid,
        ];
        // These tokens do not expire and are for this server. One that says otherwise is somebody
        // else's invention, and may be meant for others.
        let invented = claims.exp.is_some() || claims.aud.is_some();
        if named.iter().any(|name| name.is_empty()) || claims.sub != account || invented {
            return Some(LACKING.to_owned());
        }
        let secret = self
            .secrets
            .secret(&claims.namespace, &claims.secret, Look::Anywhere)
            .await;
        let kept = secret.filter(|secret| !secret.deleted);
        let kept = kept.as_ref().and_then(|secret| secret.data.get("token"));
        let Some(kept) = kept else {
            return Some(INVALIDATED.to_owned());
        };
        if !bool::from(Secret::of(kept).same(&Secret::of(text.as_bytes()))) {
            return Some("service account token does not match server's copy".to_owned());
        }
        let account = Reference {
            name: claims.account.clone(),
            uid: claims.uid.clone(),
        };
        lost_account(&*self.objects, &claims.namespace, &account).await
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
            return Err(Error::ServiceAccountToken(UNSIGNED.to_owned()));
        }
        match self.refusal(text, &claims).await {
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
