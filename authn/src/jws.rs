//! Signed tokens (RFC 7515, the compact form) with the crypto stack that TLS brings along.
//!
//! A key file's key knows its algorithm, ES256, ES384 or RS256, as kube-apiserver signs with it, so a
//! token cannot choose. An issuer's key knows its type, and options say which algorithms are good enough.
//! `none` is nobody's.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{PemObject, SectionKind};
use serde::{Deserialize, Serialize};
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::reload::{FileError, Problem};
use crate::secret::Secret;

mod algorithm;
mod der;
mod jwk;

pub use algorithm::Algorithm;
pub(crate) use jwk::Jwk;

/// A token longer than this is none.
const LONGEST: usize = 64 * 1024;

/// Verifies signatures.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    /// The encoded `SubjectPublicKeyInfo`, and the bits of the key in it.
    spki: Vec<u8>,
    bits: Vec<u8>,
}

impl VerifyingKey {
    /// All keys of a PEM file: public keys, or private ones, of which only the public half is kept.
    ///
    /// # Errors
    /// [`FileError`], if there is none, or one that is neither P-256, P-384 nor RSA.
    pub fn all(path: &Path, pem: &[u8]) -> Result<Vec<Self>, FileError> {
        let wrong = |problem| FileError::Whole {
            path: path.to_owned(),
            problem,
        };
        let mut keys = Vec::new();
        for (number, section) in (1..).zip(<(SectionKind, Vec<u8>)>::pem_slice_iter(pem)) {
            let (kind, der) = section.map_err(|e| wrong(Problem::NotPem(e.to_string())))?;
            let key = match kind {
                SectionKind::PublicKey => Self::of_spki(&der).map_err(str::to_owned),
                kind => private_key(kind, der).map(|(_, public)| public),
            };
            keys.push(key.map_err(|reason| wrong(Problem::Key { number, reason }))?);
        }
        if keys.is_empty() {
            Err(wrong(Problem::NoKey))
        } else {
            Ok(keys)
        }
    }

    /// What tokens name the key by: upstream's key id, a digest of the key.
    pub fn id(&self) -> String {
        URL_SAFE_NO_PAD.encode(Secret::of(&self.spki).digest())
    }

    /// The key as `/openid/v1/jwks` lists it (RFC 7517).
    pub fn jwk(&self) -> serde_json::Value {
        let number = |bytes: &[u8]| {
            let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
            URL_SAFE_NO_PAD.encode(bytes.get(zeros..).unwrap_or_default())
        };
        let mut jwk = serde_json::json!({
            "use": "sig", "alg": self.algorithm.name(), "kid": self.id(),
        });
        let parsed = SubjectPublicKeyInfo::from_der(&self.spki).ok();
        let facts = match parsed.as_ref().and_then(|(_, spki)| spki.parsed().ok()) {
            Some(PublicKey::RSA(rsa)) => vec![
                ("kty", "RSA".to_owned()),
                ("n", number(rsa.modulus)),
                ("e", number(rsa.exponent)),
            ],
            _ => {
                // Uncompressed: a byte that says so, then both coordinates.
                let point = self.bits.get(1..).unwrap_or_default();
                let (x, y) = point.split_at(point.len() / 2);
                vec![
                    ("kty", "EC".to_owned()),
                    ("crv", self.curve().to_owned()),
                    ("x", URL_SAFE_NO_PAD.encode(x)),
                    ("y", URL_SAFE_NO_PAD.encode(y)),
                ]
            }
        };
        if let Some(object) = jwk.as_object_mut() {
            object.extend(
                facts
                    .into_iter()
                    .map(|(key, value)| (key.to_owned(), value.into())),
            );
        }
        jwk
    }

    const fn curve(&self) -> &'static str {
        match self.algorithm.number_size() {
            Some(48) => "P-384",
            _ => "P-256",
        }
    }

    fn of_spki(spki: &[u8]) -> Result<Self, &'static str> {
        const P256: &str = "1.2.840.10045.3.1.7";
        const P384: &str = "1.3.132.0.34";
        const UNUSABLE: &str = "neither an RSA nor a P-256 or P-384 key";
        let (_, parsed) = SubjectPublicKeyInfo::from_der(spki).map_err(|_| "malformed")?;
        let curve = parsed
            .algorithm
            .parameters
            .as_ref()
            .and_then(|p| p.as_oid().ok())
            .map(|oid| oid.to_id_string());
        let algorithm = match (parsed.parsed(), curve.as_deref()) {
            (Ok(PublicKey::RSA(_)), _) => Algorithm::Rs256,
            (Ok(PublicKey::EC(_)), Some(P256)) => Algorithm::Es256,
            (Ok(PublicKey::EC(_)), Some(P384)) => Algorithm::Es384,
            _ => return Err(UNUSABLE),
        };
        Ok(Self {
            algorithm,
            spki: spki.to_vec(),
            bits: parsed.subject_public_key.data.to_vec(),
        })
    }

    fn verifies(&self, token: &Token<'_>) -> bool {
        token.header.alg == self.algorithm.name()
            && self
                .algorithm
                .verifies(&self.bits, token.signed.as_bytes(), &token.signature)
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("VerifyingKey");
        shown
            .field("algorithm", &self.algorithm)
            .field("id", &self.id())
            .finish()
    }
}

/// Why a token cannot be signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign a token: {0}")]
pub struct SignError(String);

/// Signs tokens.
#[derive(Clone)]
pub struct SigningKey {
    private: Arc<dyn rustls::sign::SigningKey>,
    public: VerifyingKey,
}

impl SigningKey {
    /// The private key of a PEM file.
    ///
    /// # Errors
    /// [`FileError`], if there is none, or it is neither P-256, P-384 nor RSA.
    pub fn of(path: &Path, pem: &[u8]) -> Result<Self, FileError> {
        let wrong = |problem| FileError::Whole {
            path: path.to_owned(),
            problem,
        };
        let (kind, der) = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem)
            .next()
            .ok_or_else(|| wrong(Problem::NoKey))?
            .map_err(|error| wrong(Problem::NotPem(error.to_string())))?;
        let (private, public) =
            private_key(kind, der).map_err(|reason| wrong(Problem::Key { number: 1, reason }))?;
        Ok(Self { private, public })
    }

    /// The half for others.
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// A token that says `claims`.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, SignError> {
        let failed = |error: &dyn fmt::Display| SignError(error.to_string());
        let algorithm = self.public.algorithm;
        let header = Header {
            alg: algorithm.name().into(),
            kid: Some(self.public.id()),
        };
        let mut text = encode(&header).map_err(|e| failed(&e))?;
        text.push('.');
        text.push_str(&encode(claims).map_err(|e| failed(&e))?);
        let signer = self.private.choose_scheme(&[algorithm.scheme()]);
        let signer = signer.ok_or_else(|| failed(&"the key does not sign like that"))?;
        let signature = signer.sign(text.as_bytes()).map_err(|e| failed(&e))?;
        let signature = match algorithm.number_size() {
            Some(size) => der::to_raw(&signature, size).ok_or_else(|| failed(&"no signature"))?,
            None => signature,
        };
        text.push('.');
        text.push_str(&URL_SAFE_NO_PAD.encode(signature));
        Ok(text)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

fn private_key(
    kind: SectionKind,
    der: Vec<u8>,
) -> Result<(Arc<dyn rustls::sign::SigningKey>, VerifyingKey), String> {
    let der = PrivateKeyDer::from_pem(kind, der).ok_or("not a key")?;
    let private =
        rustls::crypto::ring::sign::any_supported_type(&der).map_err(|e| e.to_string())?;
    let public = match private.public_key() {
        Some(spki) => VerifyingKey::of_spki(&spki)?,
        None => return Err("its public half is unknown".into()),
    };
    Ok((private, public))
}

fn encode(value: &impl Serialize) -> Result<String, serde_json::Error> {
    Ok(URL_SAFE_NO_PAD.encode(serde_json::to_vec(value)?))
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
}

/// A token, taken apart but not verified.
pub(crate) struct Token<'a> {
    signed: &'a str,
    header: Header,
    payload: Vec<u8>,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart, if it is one.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.').filter(|_| text.len() <= LONGEST)?;
        let (header, payload) = signed.split_once('.')?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).ok();
        Some(Self {
            signed,
            header: serde_json::from_slice(&decode(header)?).ok()?,
            payload: decode(payload)?,
            signature: decode(signature)?,
        })
    }

    /// What it says, whoever says so.
    pub(crate) fn claims<T: for<'de> Deserialize<'de>>(&self) -> Option<T> {
        serde_json::from_slice(&self.payload).ok()
    }

    /// What was signed.
    pub(crate) const fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The signature.
    pub(crate) fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// How it says it is signed.
    pub(crate) fn algorithm(&self) -> &str {
        &self.header.alg
    }

    /// The key it says it is signed with.
    pub(crate) fn key_id(&self) -> Option<&str> {
        self.header.kid.as_deref().filter(|id| !id.is_empty())
    }

    /// Whether one of the keys signed it.
    pub(crate) fn is_signed_by(&self, keys: &[VerifyingKey]) -> bool {
        keys.iter().any(|key| key.verifies(self))
    }
}
