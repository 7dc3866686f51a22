//! Service account tokens: signed by this server, bound to an account and optionally to a pod or
//! secret, and revoked when that is deleted (upstream: `pkg/serviceaccount/{jwt,claims}.go`).

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

/// The accepted clock difference in seconds.
const LEEWAY: f64 = 60.0;

/// The maximum number of cached verified tokens; the least used ones are evicted.
const CACHE_SIZE: usize = 1024;

/// An object that a token refers to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reference {
    /// The object's name.
    #[serde(default)]
    pub name: String,
    /// The object's uid.
    #[serde(default)]
    pub uid: String,
}

/// The claim `kubernetes.io`: what a token is bound to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TokenBinding {
    /// The account's namespace.
    pub namespace: String,
    /// The service account.
    pub serviceaccount: Reference,
    /// The pod it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pod: Option<Reference>,
    /// The secret it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Reference>,
    /// When the token becomes stale, in seconds since 1970, if its lifetime was extended beyond the
    /// requested one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warnafter: Option<serde_json::Number>,
}

#[derive(Debug, Deserialize)]
struct Claims {
    aud: Audiences,
    /// Seconds since 1970, like all times here; JSON numbers may have a fraction.
    exp: f64,
    #[serde(default)]
    iat: f64,
    #[serde(rename = "kubernetes.io")]
    binding: TokenBinding,
    #[serde(default)]
    nbf: f64,
}

/// A single audience is often not in a list.
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

/// The issuer claim, which is read before the token is verified.
#[derive(Deserialize)]
struct Origin {
    #[serde(default)]
    iss: String,
}

/// Issues tokens (`--service-account-issuer`, `--service-account-signing-key-file`).
#[derive(Clone, Debug)]
pub struct TokenIssuer {
    /// The issuer claim of tokens.
    pub issuer: String,
    /// The key that signs them.
    pub key: SigningKey,
}

impl TokenIssuer {
    /// Issues a token for `audiences` that expires `seconds` after `now`.
    ///
    /// # Errors
    /// [`SignError`], if signing fails.
    pub fn issue(
        &self,
        binding: &TokenBinding,
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

/// The type of an object that a token is bound to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The service account.
    ServiceAccount,
    /// A pod.
    Pod,
    /// A secret.
    Secret,
}

/// Looks up objects that tokens are bound to.
#[async_trait]
pub trait Objects: Send + Sync + 'static {
    /// The uid of an object; `None` if it does not exist, was marked as deleted more than a minute
    /// ago, or cannot be read.
    async fn uid(&self, kind: Kind, namespace: &str, name: &str) -> Option<String>;
}

/// Which tokens are accepted.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The accepted issuers; tokens of others are left to other authenticators.
    pub issuers: Vec<String>,
    /// The accepted audiences (`--api-audiences`, by default the issuers).
    pub audiences: Vec<String>,
    /// The keys that verify tokens.
    pub keys: Arc<KeyRing>,
}

/// Verified claims by the token's digest, and the version of the keys that verified them.
type VerifiedTokens = (u64, Cache<[u8; 32], Arc<Claims>>);

/// Authenticates service account tokens.
pub struct ServiceAccountTokens {
    trust: Trust,
    objects: Arc<dyn Objects>,
    /// Cached claims of verified tokens.
    verified: Mutex<VerifiedTokens>,
}

impl ServiceAccountTokens {
    /// Accepts tokens according to `trust`, as long as the objects they are bound to exist.
    pub fn new(trust: Trust, objects: Arc<dyn Objects>) -> Self {
        Self {
            trust,
            objects,
            verified: Mutex::new((0, Cache::new(CACHE_SIZE))),
        }
    }

    /// Identifies the user of a token for a `TokenReview`, and which of `audiences` it is for;
    /// `None` if it is from another issuer.
    ///
    /// # Errors
    /// [`Error`], if it is from an accepted issuer and invalid.
    pub async fn review(
        &self,
        token: &str,
        audiences: &[String],
        now: UnixTime,
    ) -> Result<Option<(UserInfo, Vec<String>)>, Error> {
        let Some(claims) = self.verify(token)? else {
            return Ok(None);
        };
        #[expect(clippy::cast_precision_loss, reason = "seconds fit for a long time")]
        let now = now.as_secs() as f64;
        let token_audiences = claims.aud.as_slice();
        // In the order of the request (upstream: `Audiences.Intersect`).
        let common: Vec<_> = audiences
            .iter()
            .filter(|a| token_audiences.contains(a))
            .collect();
        let rejection = if common.is_empty() {
            Some(format!(
                "token audiences {} is invalid for the target audiences {}",
                go_list(token_audiences),
                go_list(audiences)
            ))
        } else if now > claims.exp + LEEWAY {
            Some("service account token has expired".to_owned())
        } else if now + LEEWAY < claims.nbf.max(claims.iat) {
            Some("service account token is not valid yet".to_owned())
        } else {
            self.check_objects(&claims.binding).await
        };
        if let Some(why) = rejection {
            return Err(Error::ServiceAccountToken(why));
        }
        let user = user(&claims.binding);
        let stale_after = claims.binding.warnafter.as_ref();
        if stale_after
            .and_then(serde_json::Number::as_f64)
            .is_some_and(|at| now > at)
        {
            tracing::debug!(
                user.name = user.name,
                "a stale token is used, it should have been renewed"
            );
        }
        Ok(Some((user, common.into_iter().cloned().collect())))
    }

    /// The verified claims of a token; `None` if it is from another issuer.
    fn verify(&self, text: &str) -> Result<Option<Arc<Claims>>, Error> {
        let Some(token) = Token::parse(text) else {
            return Ok(None);
        };
        let accepted_issuer = token
            .claims::<Origin>()
            .is_some_and(|o| self.trust.issuers.contains(&o.iss));
        if !accepted_issuer {
            return Ok(None);
        }
        let digest = Secret::of(text.as_bytes()).digest();
        // Read before the keys: a token verified while they change is not cached.
        let version = self.trust.keys.version();
        let cached = self.cached_tokens(version).1.get(&digest).map(Arc::clone);
        if cached.is_some() {
            return Ok(cached);
        }
        if !self.trust.keys.signed(&token) {
            return Err(Error::ServiceAccountToken(UNKNOWN_KEY.to_owned()));
        }
        let claims: Claims = token
            .claims()
            .ok_or_else(|| Error::ServiceAccountToken(INVALID_CLAIMS.to_owned()))?;
        let claims = Arc::new(claims);
        let mut verified = self.cached_tokens(version);
        verified.1.insert(digest, Arc::clone(&claims));
        Ok(Some(claims))
    }

    /// The cache, which is emptied if the keys have changed.
    fn cached_tokens(&self, version: u64) -> MutexGuard<'_, VerifiedTokens> {
        let mut verified = self.verified.lock();
        if verified.0 != version {
            *verified = (version, Cache::new(CACHE_SIZE));
        }
        verified
    }

    /// Checks that the objects that a token is bound to exist; returns the error message otherwise.
    async fn check_objects(&self, binding: &TokenBinding) -> Option<String> {
        let namespace = &binding.namespace;
        let account = &binding.serviceaccount;
        if let Some(why) = check_account(&*self.objects, namespace, account).await {
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
const UNKNOWN_KEY: &str = "service account token is not signed by a known key";
const INVALID_CLAIMS: &str = "service account token has missing or invalid claims";

/// Checks that the account that a token names exists; returns the error message otherwise.
async fn check_account(
    objects: &dyn Objects,
    namespace: &str,
    named: &Reference,
) -> Option<String> {
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

/// Formats a list like Go's `%q`: `["a" "b"]`.
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

fn user(binding: &TokenBinding) -> UserInfo {
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
