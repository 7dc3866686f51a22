//! Service account tokens: issuing and reviewing them, and the objects they are bound to.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use portcullis_authn::service_account::{Kind, Objects, TokenIssuer};
use portcullis_authn::{KeyRing, Lookup, Secrets, SigningKeyFile, StoredSecret, TokenReviewer};
use portcullis_storage::{Entry, ReadAt};
use serde::Deserialize;

use portcullis_kinds::table;
use portcullis_registry::{Registry, codec};

/// How long a token outlives the deletion of an object that finalizers keep, as clocks differ.
const AFTERLIFE: Duration = Duration::from_secs(60);

/// The use of tokens by the API itself, besides authentication.
pub struct Tokens {
    /// Makes them.
    pub issuer: Issuer,
    /// The keys of accepted tokens.
    pub keys: Arc<KeyRing>,
    /// Reviews tokens for other servers.
    pub reviewer: TokenReviewer,
    /// The default audiences: this server.
    pub audiences: Vec<String>,
    /// How long they last.
    pub lifetimes: Lifetimes,
}

/// Limits of lifetimes.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// The longest that may be requested, in seconds.
    pub longest: Option<i64>,
    /// Whether tokens that admission requests for pods last longer than requested.
    pub extend: bool,
}

/// The issuer of new tokens, and the file of the key that signs them.
pub struct Issuer {
    /// The name, mostly a URL.
    pub name: String,
    /// The file of the key that signs them.
    pub key: Arc<SigningKeyFile>,
}

impl Issuer {
    /// The issuer with the current key.
    pub fn current(&self) -> TokenIssuer {
        TokenIssuer {
            issuer: self.name.clone(),
            key: self.key.current().as_ref().clone(),
        }
    }
}

/// The objects that tokens are bound to, from the cache.
pub struct Bound(pub Arc<Registry>);

/// The fields that matter of an object: the rest is not parsed.
#[derive(Deserialize)]
struct Head {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    uid: String,
    #[serde(default)]
    deletion_timestamp: Option<Time>,
}

impl Bound {
    /// The object in the cache, or in the store if the cache may not have it yet (upstream: `clientGetter`).
    async fn find(&self, key: &str, lookup: Lookup) -> Option<Arc<Entry>> {
        match self.entry(key, ReadAt::NotOlderThan(0)).await {
            None if lookup == Lookup::Consistent => self.entry(key, ReadAt::Latest).await,
            known => known,
        }
    }

    async fn entry(&self, key: &str, at: ReadAt) -> Option<Arc<Entry>> {
        let found = self.0.storage().get(key, at).await;
        found
            .inspect_err(|error| tracing::warn!(key, %error, "a token's object cannot be read"))
            .ok()?
            .entry
    }
}

#[async_trait]
impl Objects for Bound {
    async fn uid(&self, kind: Kind, namespace: &str, name: &str) -> Option<String> {
        let resource = match kind {
            Kind::ServiceAccount => table::SERVICE_ACCOUNTS,
            Kind::Pod => table::PODS,
            Kind::Secret => table::SECRETS,
        };
        let key = self.0.key(resource, namespace, name);
        // Only tokens with a valid signature get this far.
        let entry = self.find(&key, Lookup::Consistent).await?;
        let head: Head = serde_json::from_slice(&entry.value)
            .inspect_err(|error| tracing::warn!(key, %error, "a token's object cannot be read"))
            .ok()?;
        let Metadata {
            uid,
            deletion_timestamp,
        } = head.metadata;
        let gone = deletion_timestamp.is_some_and(|at| at.0 + AFTERLIFE < Timestamp::now());
        (!gone).then_some(uid)
    }
}

#[async_trait]
impl Secrets for Bound {
    async fn secret(&self, namespace: &str, name: &str, lookup: Lookup) -> Option<StoredSecret> {
        let key = self.0.key(table::SECRETS, namespace, name);
        let entry = self.find(&key, lookup).await?;
        let object = codec::object(table::SECRETS, &entry).ok()?;
        let secret = object.as_kind::<Secret>()?.clone();
        let data = secret.data.unwrap_or_default();
        Some(StoredSecret {
            kind: secret.type_.unwrap_or_default(),
            data: data
                .into_iter()
                .map(|(key, value)| (key, value.0))
                .collect(),
            deleted: secret.metadata.deletion_timestamp.is_some(),
        })
    }
}
