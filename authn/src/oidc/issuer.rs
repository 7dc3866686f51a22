//! An issuer's keys: found by discovery, cached, and refreshed when a token needs others.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use serde::Deserialize;
use tokio::sync::watch;

use super::{Fetch, FetchError, error};
use crate::Error;
use crate::jwt::{Algorithm, IssuerKey, Token};

/// Intervals and timeouts of fetching keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// After how long cached keys are refreshed in the background.
    pub(super) max_age: Duration,
    /// The minimum interval between refreshes, regardless of the tokens received.
    pub(super) min_interval: Duration,
    /// How long a request whose token needs unknown keys waits for a refresh.
    pub(super) wait: Duration,
    /// The timeout of a refresh.
    pub(super) timeout: Duration,
}

const TIMING: Timing = Timing {
    max_age: Duration::from_secs(10 * 60),
    min_interval: Duration::from_secs(1),
    wait: Duration::from_secs(10),
    timeout: Duration::from_secs(30),
};

/// An issuer and its cached keys.
pub struct Issuer {
    shared: Arc<Shared>,
    pub(super) timing: Timing,
}

struct Shared {
    url: String,
    /// The URL of its configuration.
    discovery_url: String,
    fetch: Arc<dyn Fetch>,
    cached: RwLock<Option<CachedKeys>>,
    refresh: Mutex<Refresh>,
}

/// The refresh of the keys; at most one is running.
#[derive(Default)]
struct Refresh {
    /// Closed when it ends, whether it succeeded or failed.
    running: Option<watch::Receiver<()>>,
    /// When the last one started.
    began: Option<Instant>,
}

#[derive(Clone)]
struct CachedKeys {
    keys: Arc<[IssuerKey]>,
    at: Instant,
}

/// The fields used of `/.well-known/openid-configuration`.
#[derive(Deserialize)]
struct Configuration {
    issuer: String,
    jwks_uri: String,
}

impl Issuer {
    /// An issuer with this URL, whose configuration is at `discovery_url`, by default below it.
    pub fn new(url: &str, discovery_url: Option<&str>, fetch: Arc<dyn Fetch>) -> Self {
        let base = url.trim_end_matches('/');
        let below = || format!("{base}/.well-known/openid-configuration");
        Self {
            shared: Arc::new(Shared {
                url: url.to_owned(),
                discovery_url: discovery_url.map_or_else(below, str::to_owned),
                fetch,
                cached: RwLock::default(),
                refresh: Mutex::default(),
            }),
            timing: TIMING,
        }
    }

    /// Its HTTPS client.
    pub(super) fn fetch(&self) -> &Arc<dyn Fetch> {
        &self.shared.fetch
    }

    /// Whether the issuer signed the token with one of the allowed algorithms. Cached keys are
    /// tried first; only a token that needs others waits for a refresh.
    ///
    /// # Errors
    /// [`Error::Oidc`], if the issuer's keys were never fetched.
    pub(super) async fn signed(
        &self,
        token: &Token<'_>,
        allowed: &[Algorithm],
    ) -> Result<bool, Error> {
        let by = |keys: &[IssuerKey]| keys.iter().any(|key| key.signed(token, allowed));
        let cached = self.shared.cached.read().clone();
        if let Some(cached) = cached.filter(|cached| by(&cached.keys)) {
            if cached.at.elapsed() >= self.timing.max_age {
                drop(self.refresh());
            }
            return Ok(true);
        }
        if let Some(mut running) = self.refresh() {
            // Nothing is ever sent: the channel closes at the end. If the refresh fails, the old
            // keys decide.
            let _ = tokio::time::timeout(self.timing.wait, running.changed()).await;
        }
        match &*self.shared.cached.read() {
            Some(cached) => Ok(by(&cached.keys)),
            None => Err(error("the issuer's keys are not available yet")),
        }
    }

    /// The running refresh, or a new one unless the last was less than the minimum interval ago.
    fn refresh(&self) -> Option<watch::Receiver<()>> {
        let mut refresh = self.shared.refresh.lock();
        if let Some(running) = &refresh.running
            && running.has_changed().is_ok()
        {
            return Some(running.clone());
        }
        let too_soon = |began: Instant| began.elapsed() < self.timing.min_interval;
        if refresh.began.is_some_and(too_soon) {
            return None;
        }
        let (done, running) = watch::channel(());
        refresh.began = Some(Instant::now());
        refresh.running = Some(running.clone());
        let (shared, timeout) = (self.shared.clone(), self.timing.timeout);
        tokio::spawn(async move {
            shared.refresh_keys(timeout).await;
            drop(done);
        });
        Some(running)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer")
            .field("url", &self.shared.url)
            .finish_non_exhaustive()
    }
}

impl Shared {
    /// Fetches the keys. If that fails, the cached ones stay.
    async fn refresh_keys(&self, timeout: Duration) {
        let fetched = tokio::time::timeout(timeout, self.keys()).await;
        let fetched_keys = fetched.unwrap_or_else(|_| Err(FetchError("timed out".to_owned())));
        match fetched_keys {
            Ok(keys) => {
                *self.cached.write() = Some(CachedKeys {
                    keys,
                    at: Instant::now(),
                });
            }
            Err(error) => tracing::warn!(
                issuer = self.url,
                %error,
                "cannot fetch the OpenID issuer's keys; the cached ones stay in use"
            ),
        }
    }

    async fn keys(&self) -> Result<Arc<[IssuerKey]>, FetchError> {
        let invalid = |what: &str| FetchError(what.to_owned());
        let configuration = self.fetch.get(&self.discovery_url).await?;
        let configuration: Configuration = serde_json::from_slice(&configuration)
            .map_err(|_| invalid("the issuer's configuration is invalid"))?;
        if configuration.issuer != self.url {
            let other = format!("the issuer reports its URL as {:?}", configuration.issuer);
            return Err(FetchError(other));
        }
        let set = self.fetch.get(&configuration.jwks_uri).await?;
        let keys =
            IssuerKey::set(&set).ok_or_else(|| invalid("the issuer's key set is invalid"))?;
        Ok(keys.into())
    }
}
