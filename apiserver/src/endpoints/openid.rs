//! How other servers verify this server's tokens: `OpenID` Connect discovery.
//!
//! Upstream: `pkg/serviceaccount/openidmetadata.go`.

use std::sync::Arc;

use portcullis_authn::KeyRing;
use serde_json::{Value, json};

use portcullis_openapi::document::{Document, JSON};

/// The path of the issuer's configuration.
const CONFIGURATION: &str = "/.well-known/openid-configuration";
/// The path of its keys.
const KEYS: &str = "/openid/v1/jwks";

/// Both documents, unless the issuer is not an https URL.
pub struct OpenId(Option<Described>);

struct Described {
    issuer: String,
    keys_uri: String,
    keys: Arc<KeyRing>,
}

impl OpenId {
    /// The documents of a server that clients reach at `address`, such as `127.0.0.1:6443`.
    ///
    /// `keys_uri` is where other servers get the keys, if not here.
    pub fn new(issuer: &str, keys: Arc<KeyRing>, keys_uri: Option<String>, address: &str) -> Self {
        if !issuer.starts_with("https://") || issuer.contains(['?', '#']) {
            tracing::debug!(
                issuer,
                "no OpenID discovery: the issuer is not an https URL without a query"
            );
            return Self(None);
        }
        Self(Some(Described {
            issuer: issuer.to_owned(),
            keys_uri: keys_uri.unwrap_or_else(|| format!("https://{address}{KEYS}")),
            keys,
        }))
    }

    /// The document at a path, made of the current keys.
    pub fn document(&self, path: &str) -> Option<Document> {
        let described = self.0.as_ref()?;
        match path {
            CONFIGURATION => Some(document(JSON, &described.configuration())),
            KEYS => Some(document(
                "application/jwk-set+json",
                &json!({"keys": described.keys()}),
            )),
            _ => None,
        }
    }

    /// The paths of the documents.
    pub fn paths(&self) -> impl Iterator<Item = &'static str> {
        let served = self.0.as_ref().map(|_| [CONFIGURATION, KEYS]);
        served.into_iter().flatten()
    }
}

impl Described {
    fn keys(&self) -> Vec<Value> {
        self.keys.all().iter().map(|key| key.jwk()).collect()
    }

    fn configuration(&self) -> Value {
        let keys = self.keys();
        let mut algorithms: Vec<&str> = keys.iter().filter_map(|k| k["alg"].as_str()).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        json!({
            "issuer": self.issuer,
            "jwks_uri": self.keys_uri,
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        })
    }
}

fn document(content_type: &'static str, value: &Value) -> Document {
    Document {
        cache_control: "public, max-age=3600",
        ..Document::plain(content_type, value.to_string().into())
    }
}
