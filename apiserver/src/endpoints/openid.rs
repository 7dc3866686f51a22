//! How others verify this server's tokens: `OpenID` Connect discovery.
//!
//! Upstream: `pkg/serviceaccount/openidmetadata.go`.

use serde_json::{Value, json};

use super::document::{Document, JSON};
use crate::tokens::TokenKeys;

/// Where the issuer is described.
const CONFIGURATION: &str = "/.well-known/openid-configuration";
/// Where its keys are.
const KEYS: &str = "/openid/v1/jwks";

/// Both documents, unless the issuer's name is no URL that could be asked.
pub struct OpenId(Option<[(&'static str, Document); 2]>);

impl OpenId {
    /// The documents of a server that clients reach at `address`, such as `127.0.0.1:6443`.
    pub fn new(tokens: &TokenKeys, address: &str) -> Self {
        let issuer = &tokens.issuer.issuer;
        if !issuer.starts_with("https://") || issuer.contains(['?', '#']) {
            tracing::debug!(
                issuer,
                "no OpenID discovery: the issuer is no https URL without query"
            );
            return Self(None);
        }
        let keys: Vec<Value> = tokens.trust.keys.iter().map(|key| key.jwk()).collect();
        let mut algorithms: Vec<&str> = keys.iter().filter_map(|k| k["alg"].as_str()).collect();
        algorithms.sort_unstable();
        algorithms.dedup();
        let configuration = json!({
            "issuer": issuer,
            "jwks_uri": format!("https://{address}{KEYS}"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": algorithms,
        });
        Self(Some([
            (CONFIGURATION, document(JSON, &configuration)),
            (
                KEYS,
                document("application/jwk-set+json", &json!({"keys": keys})),
            ),
        ]))
    }

    /// The document at a path.
    pub fn document(&self, path: &str) -> Option<Document> {
        let mut all = self.0.iter().flatten();
        all.find(|(at, _)| *at == path)
            .map(|(_, document)| document.clone())
    }

    /// Where the documents are.
    pub fn paths(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().flatten().map(|(path, _)| *path)
    }
}

fn document(content_type: &'static str, value: &Value) -> Document {
    Document {
        cache_control: "public, max-age=3600",
        ..Document::plain(content_type, value.to_string().into())
    }
}
