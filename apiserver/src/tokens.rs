//! Service account tokens: the key that signs them, whose are believed, what they are bound to.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use portcullis_authn::service_account::{Kind, Objects, TokenIssuer, Trust};
use portcullis_authn::{SigningKey, TokenReviewer, VerifyingKey};
use portcullis_storage::ReadAt;
use rcgen::KeyPair;
use serde::Deserialize;

use crate::app::StartError;
use crate::config::Serve;
use crate::registry::{Registry, table};
use crate::serving::pki;
use crate::startup;

const ISSUER: &str = "--service-account-issuer";
const SIGNING_KEY: &str = "--service-account-signing-key-file";
const KEY: &str = "--service-account-key-file";

/// How long a deleted object that lingers still counts; clocks differ.
const AFTERLIFE: Duration = Duration::from_secs(60);

/// What a running server does with tokens besides letting their bearers in.
pub struct Tokens {
    /// Makes them.
    pub issuer: TokenIssuer,
    /// Judges them for others.
    pub reviewer: TokenReviewer,
    /// Whom they are for unless something else is asked for: this server.
    pub audiences: Vec<String>,
}

/// What options say of service account tokens, and the keys they name.
pub struct TokenKeys {
    /// Makes tokens.
    pub issuer: TokenIssuer,
    /// Whose are believed.
    pub trust: Trust,
}

impl TokenKeys {
    /// Reads the keys that options name; makes one in the data directory if they name none.
    ///
    /// # Errors
    /// [`StartError`], which names option and file.
    pub fn load(options: &Serve) -> Result<Self, StartError> {
        let options_of = &options.service_accounts;
        let issuers = options_of.service_account_issuer.clone();
        let issuer = match issuers.first() {
            Some(first) if issuers.iter().all(|i| !i.is_empty()) => first.clone(),
            _ => return Err(StartError::option(ISSUER, "an issuer must not be empty")),
        };
        let mut keys = Vec::new();
        for path in &options_of.service_account_key_file {
            keys.extend(verifying_keys(path)?);
        }
        let key = match &options_of.service_account_signing_key_file {
            Some(path) => signing_key(SIGNING_KEY, path)?,
            None => own_key(&options.data_dir)?,
        };
        // What it signs it believes, whether or not the key is named twice.
        let own = key.verifying_key();
        if keys.iter().all(|k| k.id() != own.id()) {
            keys.insert(0, own.clone());
        }
        let mut audiences = options_of.api_audiences.clone();
        if audiences.is_empty() {
            audiences.clone_from(&issuers);
        }
        Ok(Self {
            issuer: TokenIssuer { issuer, key },
            trust: Trust {
                issuers,
                audiences,
                keys,
            },
        })
    }
}

fn signing_key(option: &'static str, path: &Path) -> Result<SigningKey, StartError> {
    let pem = pki::read(path).map_err(|e| StartError::option(option, e))?;
    SigningKey::of(path, pem.as_bytes()).map_err(|e| StartError::option(option, e))
}

fn verifying_keys(path: &Path) -> Result<Vec<VerifyingKey>, StartError> {
    let pem = pki::read(path).map_err(|e| StartError::option(KEY, e))?;
    VerifyingKey::all(path, pem.as_bytes()).map_err(|e| StartError::option(KEY, e))
}

/// The key in the data directory, made at the first start.
fn own_key(data_dir: &Path) -> Result<SigningKey, StartError> {
    const OPTION: &str = "--data-dir";
    let path: PathBuf = startup::pki_dir(data_dir).join("sa.key");
    if !path.exists() {
        let key = KeyPair::generate().map_err(|e| StartError::option(OPTION, e))?;
        pki::write(&path, key.serialize_pem().as_bytes(), 0o600)
            .map_err(|e| StartError::option(OPTION, e))?;
    }
    signing_key(OPTION, &path)
}

/// The objects that tokens are bound to, as the cache knows them.
pub struct Bound(pub Arc<Registry>);

/// The little that matters of an object: the rest is not read.
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

#[async_trait]
impl Objects for Bound {
    async fn uid(&self, kind: Kind, namespace: &str, name: &str) -> Option<String> {
        let resource = match kind {
            Kind::ServiceAccount => table::SERVICE_ACCOUNTS,
            Kind::Pod => table::PODS,
            Kind::Secret => table::SECRETS,
        };
        let key = self.0.key(resource, namespace, name);
        // Whatever this server wrote, its cache has seen.
        let found = self.0.storage().get(&key, ReadAt::NotOlderThan(0)).await;
        let entry = found
            .inspect_err(|error| tracing::warn!(key, %error, "a token's object cannot be read"))
            .ok()?
            .entry?;
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
