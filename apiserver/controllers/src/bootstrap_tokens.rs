//! Bootstrap tokens, with which nodes join: expired ones are deleted, and the others sign the cluster
//! information that joining nodes read first (upstream: `pkg/controller/bootstrap`).

pub mod cleaning;
pub mod signing;

use k8s_openapi::api::core::v1::Secret;
use portcullis_api::bootstrap_token::{NAMESPACE, PREFIX, SECRET_TYPE, end};

/// The token in a secret.
struct Token<'s> {
    id: &'s str,
    secret: &'s str,
    /// When it expires, in seconds since 1970.
    ends: Option<i64>,
    /// Whether it may be used for signing.
    signs: bool,
}

impl<'s> Token<'s> {
    /// The token of a secret; `None` if it has none.
    fn of(secret: &'s Secret) -> Option<Self> {
        let is_token = secret.type_.as_deref() == Some(SECRET_TYPE)
            && secret.metadata.namespace.as_deref() == Some(NAMESPACE);
        let text = |key: &str| {
            let value = secret.data.as_ref().and_then(|data| data.get(key));
            let value = value.and_then(|value| std::str::from_utf8(&value.0).ok());
            value.unwrap_or_default()
        };
        let (id, own) = (text("token-id"), text("token-secret"));
        let name = secret.metadata.name.as_deref().unwrap_or_default();
        let is_named = name.strip_prefix(PREFIX) == Some(id);
        is_token.then(|| Self {
            id,
            secret: own,
            ends: end(text("expiration")),
            signs: is_named
                && !id.is_empty()
                && !own.is_empty()
                && text("usage-bootstrap-signing") == "true",
        })
    }
}
