//! An issuer's keys: found by discovery, remembered, and asked for again when a token needs others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use serde::Deserialize;
use tokio::sync::Mutex;

use super::{Fetch, FetchError, refused};
use crate::Error;
use crate::jwt::{Algorithm, IssuerKey, Token};

/// How long keys are believed without asking whether they are still the issuer's.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// How often the issuer is asked at most, whatever tokens are shown.
const PAUSE: Duration = Duration::from_secs(1);

/// An issuer, and what is known of its keys.
pub(super) struct Issuer {
    url: String,
    fetch: Arc<dyn Fetch>,
    known: RwLock<Option<Known>>,
    /// Held while asking, so that tokens that come at once ask once; when the issuer was asked.
    asking: Mutex<Option<Instant>>,
}

#[derive(Clone)]
struct Known {
    keys: Arc<[IssuerKey]>,
    at: Instant,
}

/// What is needed of `/.well-known/openid-configuration`.
#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    pub(super) fn new(url: &str, fetch: Arc<dyn Fetch>) -> Self {
        Self {
            url: url.to_owned(),
            fetch,
            known: RwLock::default(),
            asking: Mutex::default(),
        }
    }

    /// Whether the issuer signed a token, in one of the ways allowed.
    ///
    /// # Errors
    /// [`Error::Oidc`], if nobody can tell: no key of the issuer was ever had.
    pub(super) async fn signed(
        &self,
        token: &Token<'_>,
        allowed: &[Algorithm],
    ) -> Result<bool, Error> {
        let by = |keys: &[IssuerKey]| keys.iter().any(|key| key.signed(token, allowed));
        let known = self.known.read().clone();
        let fresh = known.as_ref().filter(|known| known.at.elapsed() < FRESH);
        if fresh.is_some_and(|known| by(&known.keys)) {
            return Ok(true);
        }
        self.ask(known.map(|known| known.at)).await;
        match &*self.known.read() {
            Some(known) => Ok(by(&known.keys)),
            None => Err(refused("the issuer's keys are not known yet")),
        }
    }

    /// Asks for keys newer than `older`, unless somebody just did. What was known stays if the
    /// issuer does not answer.
    async fn ask(&self, older: Option<Instant>) {
        let mut asked = self.asking.lock().await;
        let newer = self.known.read().as_ref().map(|known| known.at);
        if newer != older || asked.is_some_and(|at| at.elapsed() < PAUSE) {
            return;
        }
        *asked = Some(Instant::now());
        match self.keys().await {
            Ok(keys) => {
                *self.known.write() = Some(Known {
                    keys,
                    at: Instant::now(),
                });
            }
            Err(error) => tracing::warn!(
                issuer = self.url,
                %error,
                "the keys of the OpenID issuer cannot be had; those known stay in force"
            ),
        }
    }

    async fn keys(&self) -> Result<Arc<[IssuerKey]>, FetchError> {
        let wrong = |what: &str| FetchError(what.to_owned());
        let base = self.url.trim_end_matches('/');
        let url = format!("{base}/.well-known/openid-configuration");
        let description: Description = serde_json::from_slice(&self.fetch.get(&url).await?)
            .map_err(|_| wrong("the issuer's description cannot be read"))?;
        if description.issuer != self.url {
            let other = format!("the issuer calls itself {:?}", description.issuer);
            return Err(FetchError(other));
        }
        let set = self.fetch.get(&description.jwks_uri).await?;
        let keys = IssuerKey::set(&set).ok_or_else(|| wrong("the issuer's keys cannot be read"))?;
        Ok(keys.into())
    }
}
