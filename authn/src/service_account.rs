//! Service account tokens: signed by this server, bound to an account and perhaps to a pod or a
//! secret, and dead when that is gone (upstream: `pkg/serviceaccount/{jwt,claims}.go`).

mod legacy;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::{Mutex, MutexGuard};
use portcullis_api::UserInfo;
use portcullis_api::field_error::go_quote;
use quick_cache::unsync::Cache;
use rustls_pki_types::UnixTime;
use serde::{Deserialize, Serialize};

use crate::jwt::{SignError, SigningKey, Token};
use crate::keys::KeyRing;
use crate::secret::Secret;
use crate::{Error, Outcome, TokenAuthenticator};
pub use legacy::LegacyTokens;

/// How far clocks may differ, in seconds.
const LEEWAY: f64 = 60.0;

/// How many verified signatures are remembered; with more, those that are used least are forgotten.
const REMEMBERED: usize = 1024;

/// An object a token names: of this name, and still the same.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The object's name.
    #[serde(default)]
    pub name: String,
    /// The object's uid.
    #[serde(default)]
    pub uid: String,
}

/// What tokens say of themselves (`kubernetes.io`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Binding {
    /// The account's namespace.
    pub namespace: String,
    /// The account.
    pub serviceaccount: Reference,
    /// The pod it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Reference>,
    /// The secret it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Reference>,
    /// When it should have been renewed, in seconds since 1970, if it lasts longer than was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnafter: Option<serde_json::Number>,
}

#[derive(Debug, Deserialize)]
struct Claims {
    aud: Audiences,
    /// Seconds since 1970, as all times here; JSON numbers may have a fraction.
    exp: f64,
    #[serde(default)]
    iat: f64,
    #[serde(rename = "kubernetes.io")]
    binding: Binding,
    #[serde(default)]
    nbf: f64,
}

/// One is often written without a list.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audiences {
    One(String),
    Many(Vec<String>),
}

impl Audiences {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(audience) => std::slice::from_ref(audience),
            Self::Many(audiences) => audiences,
        }
    }
}

/// Whom a token says it is from, before anything else is believed.
#[derive(Deserialize)]
struct Origin {
    #[serde(default)]
    iss: String,
}

/// Makes tokens (`--service-account-issuer`, `--service-account-signing-key-file`).
#[derive(Clone, Debug)]
pub struct TokenIssuer {
    /// Whom tokens say they are from.
    pub issuer: String,
    /// What signs them.
    pub key: SigningKey,
}

impl TokenIssuer {
    /// A token for these audiences that expires `seconds` after `now`.
    ///
    /// # Errors
    /// [`SignError`], if the key fails.
    pub fn issue(
        &self,
        binding: &Binding,
        audiences: &[String],
        now: UnixTime,
        seconds: u64,
    ) -> Result<String, SignError> {
        let account = &binding.serviceaccount.name;
        let claims = serde_json::json!({
            "aud": audiences,
            "exp": now.as_secs().saturating_add(seconds),
            "iat": now.as_secs(),
            "iss": self.issuer,
            "nbf": now.as_secs(),
            "sub": format!("system:serviceaccount:{}:{account}", binding.namespace),
            "kubernetes.io": binding,
        });
        self.key.sign(&claims)
    }
}

/// What may take a token with it when it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The account itself.
    ServiceAccount,
    /// A pod.
    Pod,
    /// A secret.
    Secret,
}

/// Where tokens' objects are looked up.
#[async_trait]
pub trait Objects: Send + Sync + 'static {
    /// The uid of an object; `None` if it is gone, was deleted more than a minute ago and only
    /// lingers, or cannot be read.
    async fn uid(&self, kind: Kind, namespace: &str, name: &str) -> Option<String>;
}

/// Whose tokens count.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Of tokens from others this authenticator has no opinion.
    pub issuers: Vec<String>,
    /// Tokens for none of these do not count (`--api-audiences`, by default the issuers).
    pub audiences: Vec<String>,
    /// What may have signed them.
    pub keys: Arc<KeyRing>,
}

/// Claims by the token's digest, all verified with one version of the keys.
type Remembered = (u64, Cache<[u8; 32], Arc<Claims>>);

/// Reads service account tokens.
pub struct ServiceAccountTokens {
    trust: Trust,
    objects: Arc<dyn Objects>,
    /// What tokens say whose signatures were good, and with which version of the keys.
    verified: Mutex<Remembered>,
}

impl ServiceAccountTokens {
    /// Believes whom `trust` names, as long as what tokens are bound to is among `objects`.
    pub fn new(trust: Trust, objects: Arc<dyn Objects>) -> Self {
        Self {
            trust,
            objects,
            verified: Mutex::new((0, Cache::new(REMEMBERED))),
        }
    }

    /// Whose token it is, for one of `audiences` at least, and for which (for a `TokenReview`).
    ///
    /// # Errors
    /// [`Error`], if it is from one of the issuers and does not count.
    pub async fn review(
        &self,
        token: &str,
        audiences: &[String],
        now: UnixTime,
    ) -> Result<Option<(UserInfo, Vec<String>)>, Error> {
        let Some(claims) = self.believed(token)? else {
            return Ok(None);
        };
        #[expect(clippy::cast_precision_loss, reason = "seconds fit for a long time")]
        let now = now.as_secs() as f64;
        let meant = claims.aud.as_slice();
        // In the order in which they are asked for (upstream: `Audiences.Intersect`).
        let common: Vec<_> = audiences.iter().filter(|a| meant.contains(a)).collect();
        let refusal = if common.is_empty() {
            Some(format!(
                "token audiences {} is invalid for the target audiences {}",
                go_list(meant),
                go_list(audiences)
            ))
        } else if now > claims.exp + LEEWAY {
            Some("service account token has expired".to_owned())
        } else if now + LEEWAY < claims.nbf.max(claims.iat) {
            Some("service account token is not valid yet".to_owned())
        } else {
            self.loss(&claims.binding).await
        };
        if let Some(why) = refusal {
            return Err(Error::ServiceAccountToken(why));
        }
        let user = user(&claims.binding);
        let renewal = claims.binding.warnafter.as_ref();
        if renewal
            .and_then(serde_json::Number::as_f64)
            .is_some_and(|at| now > at)
        {
            tracing::debug!(user.name = user.name, "a token should have been renewed");
        }
        Ok(Some((user, common.into_iter().cloned().collect())))
    }

    /// What a token says, if it is ours to read and rightly signed.
    fn believed(&self, text: &str) -> Result<Option<Arc<Claims>>, Error> {
        let Some(token) = Token::parse(text) else {
            return Ok(None);
        };
        let from_us = token
            .claims::<Origin>()
            .is_some_and(|o| self.trust.issuers.contains(&o.iss));
        if !from_us {
            return Ok(None);
        }
        let digest = Secret::of(text.as_bytes()).digest();
        // Before the keys are looked at: a token verified by keys that change meanwhile is forgotten.
        let version = self.trust.keys.version();
        let known = self.remembered(version).1.get(&digest).map(Arc::clone);
        if known.is_some() {
            return Ok(known);
        }
        if !self.trust.keys.signed(&token) {
            return Err(Error::ServiceAccountToken(UNSIGNED.to_owned()));
        }
        let claims: Claims = token
            .claims()
            .ok_or_else(|| Error::ServiceAccountToken(LACKING.to_owned()))?;
        let claims = Arc::new(claims);
        let mut verified = self.remembered(version);
        verified.1.insert(digest, Arc::clone(&claims));
        Ok(Some(claims))
    }

    /// What is remembered of tokens; nothing, if the keys are others now.
    fn remembered(&self, version: u64) -> MutexGuard<'_, Remembered> {
        let mut verified = self.verified.lock();
        if verified.0 != version {
            *verified = (version, Cache::new(REMEMBERED));
        }
        verified
    }

    /// What of a token's objects is not there any more.
    async fn loss(&self, binding: &Binding) -> Option<String> {
        let namespace = &binding.namespace;
        let account = &binding.serviceaccount;
        if let Some(why) = lost_account(&*self.objects, namespace, account).await {
            return Some(why);
        }
        let secret = (Kind::Secret, "secret", binding.secret.as_ref());
        let pod = (Kind::Pod, "pod", binding.pod.as_ref());
        for (kind, name, bound) in [secret, pod] {
            let Some(bound) = bound else { continue };
            let Some(uid) = self.objects.uid(kind, namespace, &bound.name).await else {
                return Some(INVALIDATED.to_owned());
            };
            if uid != bound.uid {
                return Some(format!(
                    "{name} UID ({uid}) does not match service account {name} ref claim ({})",
                    bound.uid
                ));
            }
        }
        None
    }
}

const INVALIDATED: &str = "service account token has been invalidated";
const UNSIGNED: &str = "service account token is not signed by a known key";
const LACKING: &str = "service account token lacks what it should say";

/// Why an account is not the one a token names, if it is not.
async fn lost_account(objects: &dyn Objects, namespace: &str, named: &Reference) -> Option<String> {
    let kind = Kind::ServiceAccount;
    match objects.uid(kind, namespace, &named.name).await {
        None => Some(format!(
            "serviceaccounts {} not found",
            go_quote(&named.name)
        )),
        Some(uid) if uid != named.uid => Some(format!(
            "service account UID ({uid}) does not match claim ({})",
            named.uid
        )),
        Some(_) => None,
    }
}

/// A list as Go's `%q` prints it: `["a" "b"]`.
fn go_list(texts: &[String]) -> String {
    let quoted: Vec<_> = texts.iter().map(|text| go_quote(text)).collect();
    format!("[{}]", quoted.join(" "))
}

impl fmt::Debug for ServiceAccountTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAccountTokens")
            .field("trust", &self.trust)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl TokenAuthenticator for ServiceAccountTokens {
    async fn authenticate_token(&self, token: &str) -> Result<Outcome, Error> {
        let reviewed = self
            .review(token, &self.trust.audiences, UnixTime::now())
            .await?;
        Ok(reviewed.map_or(Outcome::NotMine, |(user, _)| Outcome::Identified(user)))
    }
}

fn user(binding: &Binding) -> UserInfo {
    let account = &binding.serviceaccount;
    let mut user = UserInfo::service_account(&binding.namespace, &account.name);
    user.uid.clone_from(&account.uid);
    if let Some(pod) = &binding.pod {
        for (key, value) in [("pod-name", &pod.name), ("pod-uid", &pod.uid)] {
            user.extra.insert(
                format!("authentication.kubernetes.io/{key}"),
                vec![value.clone()],
            );
        }
    }
    user
}

#[cfg(test)]
mod tests;
