//! Public keys as issuers list them (RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::algorithm::{Algorithm, KeyType};
use super::{Token, der};

/// A key of an issuer.
#[derive(Clone, Debug)]
pub(crate) struct Jwk {
    id: String,
    key_type: KeyType,
    bits: Vec<u8>,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Listed>,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct Listed {
    kty: String,
    kid: String,
    #[serde(rename = "use")]
    usage: String,
    crv: String,
    n: String,
    e: String,
    x: String,
    y: String,
}

impl Jwk {
    /// The keys of a set that can verify signatures; others are left out, as issuers list keys for
    /// other ends too. `None` for what is no set.
    pub(crate) fn set(json: &[u8]) -> Option<Vec<Self>> {
        let set: Set = serde_json::from_slice(json).ok()?;
        Some(set.keys.into_iter().filter_map(Self::of).collect())
    }

    fn of(listed: Listed) -> Option<Self> {
        let number = |text: &str| URL_SAFE_NO_PAD.decode(text.trim_end_matches('=')).ok();
        let usable = listed.usage.is_empty() || listed.usage == "sig";
        let (key_type, bits) = match (listed.kty.as_str(), listed.crv.as_str()) {
            ("RSA", _) => {
                let bits = der::rsa_key(&number(&listed.n)?, &number(&listed.e)?)?;
                (KeyType::Rsa, bits)
            }
            ("EC", "P-256") => (
                KeyType::P256,
                point(&number(&listed.x)?, &number(&listed.y)?, 32)?,
            ),
            ("EC", "P-384") => (
                KeyType::P384,
                point(&number(&listed.x)?, &number(&listed.y)?, 48)?,
            ),
            _ => return None,
        };
        usable.then_some(Self {
            id: listed.kid,
            key_type,
            bits,
        })
    }

    /// Whether this key signed the token, in one of the ways allowed. A token that names its key is
    /// only good with that one.
    pub(crate) fn signed(&self, token: &Token<'_>, allowed: &[Algorithm]) -> bool {
        let meant = token.key_id().is_none_or(|id| id == self.id);
        let algorithm = allowed.iter().find(|a| a.name() == token.algorithm());
        let algorithm = algorithm.filter(|a| meant && a.key_type() == self.key_type);
        algorithm.is_some_and(|a| a.verifies(&self.bits, token.signed(), token.signature()))
    }
}

/// An uncompressed point: a byte that says so, then both coordinates.
fn point(x: &[u8], y: &[u8], size: usize) -> Option<Vec<u8>> {
    let whole = x.len() == size && y.len() == size;
    whole.then(|| [&[4], x, y].concat())
}
