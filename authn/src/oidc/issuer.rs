//! An issuer's keys: found by discovery, remembered, and asked for again when a token needs others.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, RwLock};
use serde::Deserialize;
use tokio::sync::watch;

use super::{Fetch, FetchError, refused};
use crate::Error;
use crate::jwt::{Algorithm, IssuerKey, Token};

/// How long things take, and may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// How long keys are in force without asking whether they are still the issuer's.
    pub(super) fresh: Duration,
    /// How often the issuer is asked at most, whatever tokens are shown.
    pub(super) pause: Duration,
    /// How long a request whose token needs other keys waits for them.
    pub(super) patience: Duration,
    /// How long asking may take.
    pub(super) limit: Duration,
}

const TIMING: Timing = Timing {
    fresh: Duration::from_secs(10 * 60),
    pause: Duration::from_secs(1),
    patience: Duration::from_secs(10),
    limit: Duration::from_secs(30),
};

/// An issuer, and what is known of its keys.
pub(super) struct Issuer {
    shared: Arc<Shared>,
    pub(super) timing: Timing,
}

struct Shared {
    url: String,
    fetch: Arc<dyn Fetch>,
    known: RwLock<Option<Known>>,
    refresh: Mutex<Refresh>,
}

/// The one refresh of the keys that may be under way.
#[derive(Default)]
struct Refresh {
    /// Closed when it is over, however it ended.
    running: Option<watch::Receiver<()>>,
    /// When the last one began.
    began: Option<Instant>,
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
            shared: Arc::new(Shared {
                url: url.to_owned(),
                fetch,
                known: RwLock::default(),
                refresh: Mutex::default(),
            }),
            timing: TIMING,
        }
    }

    /// Whether the issuer signed a token, in one of the ways allowed. Keys that are known decide at once;
    /// only a token that needs others waits for them.
    ///
    /// # Errors
    /// [`Error::Oidc`], if nobody can tell: no key of the issuer was ever had.
    pub(super) async fn signed(
        &self,
        token: &Token<'_>,
        allowed: &[Algorithm],
    ) -> Result<bool, Error> {
        let by = |keys: &[IssuerKey]| keys.iter().any(|key| key.signed(token, allowed));
        let known = self.shared.known.read().clone();
        if let Some(known) = known.filter(|known| by(&known.keys)) {
            if known.at.elapsed() >= self.timing.fresh {
                drop(self.refresh());
            }
            return Ok(true);
        }
        if let Some(mut running) = self.refresh() {
            // Nothing is ever sent: the channel closes. Without new keys the old ones decide.
            let _ = tokio::time::timeout(self.timing.patience, running.changed()).await;
        }
        match &*self.shared.known.read() {
            Some(known) => Ok(by(&known.keys)),
            None => Err(refused("the issuer's keys are not known yet")),
        }
    }

    /// The refresh that is under way, or else a new one, unless there was one just now.
    fn refresh(&self) -> Option<watch::Receiver<()>> {
        let mut refresh = self.shared.refresh.lock();
        if let Some(running) = &refresh.running
            && running.has_changed().is_ok()
        {
            return Some(running.clone());
        }
        let just_now = |began: Instant| began.elapsed() < self.timing.pause;
        if refresh.began.is_some_and(just_now) {
            return None;
        }
        let (over, running) = watch::channel(());
        refresh.began = Some(Instant::now());
        refresh.running = Some(running.clone());
        let (shared, limit) = (self.shared.clone(), self.timing.limit);
        tokio::spawn(async move {
            shared.ask(limit).await;
            drop(over);
        });
        Some(running)
    }
}

impl Shared {
    /// Asks for the keys. What was known stays if the issuer does not answer.
    async fn ask(&self, limit: Duration) {
        let asked = tokio::time::timeout(limit, self.keys()).await;
        let answer = asked.unwrap_or_else(|_| Err(FetchError("no answer in time".to_owned())));
        match answer {
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
