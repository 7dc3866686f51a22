//! Signed tokens (RFC 7519), and the keys of files and issuers.
//!
//! [`jsonwebtoken`] encodes, decodes and validates the tokens, with signatures by ring ([`ring`]).
//! This module decides which algorithm applies: a key from a file has exactly one, ES256, ES384 or
//! RS256, as in kube-apiserver, and an issuer's key is limited to the algorithms that options
//! allow. A token cannot choose, so `none` and shared secrets are never accepted.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{DecodingKey, EncodingKey, Header, Validation, dangerous};
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::{PemObject, SectionKind};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use crate::reload::{FileError, Problem};
use crate::secret::Secret;

mod ring;

pub use jsonwebtoken::Algorithm;

/// The algorithms that this server can verify, which are the values of `--oidc-signing-algs`.
pub const ALGORITHMS: [Algorithm; 8] = [
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
];

/// Longer tokens are rejected without parsing, in bytes.
const MAX_LENGTH: usize = 64 * 1024;

/// The algorithm with this name, such as `RS256`, if this server can verify it.
pub fn algorithm(name: &str) -> Option<Algorithm> {
    let parsed = Algorithm::from_str(name).ok();
    parsed.filter(|algorithm| ALGORITHMS.contains(algorithm))
}

/// A public key that verifies service account tokens.
#[derive(Clone)]
pub struct VerifyingKey {
    algorithm: Algorithm,
    key: DecodingKey,
    id: String,
}

impl VerifyingKey {
    /// All keys of a PEM file. Of private keys and of certificates only the public key is kept (upstream:
    /// `keyutil.ParsePublicKeysPEM`).
    ///
    /// # Errors
    /// [`FileError`], if there is no key, or one that is neither P-256, P-384 nor RSA.
    pub fn all(path: &Path, pem: &[u8]) -> Result<Vec<Self>, FileError> {
        let file_error = |problem| FileError::Whole {
            path: path.to_owned(),
            problem,
        };
        let mut keys = Vec::new();
        for (number, section) in (1..).zip(<(SectionKind, Vec<u8>)>::pem_slice_iter(pem)) {
            let (kind, der) = section.map_err(|e| file_error(Problem::NotPem(e.to_string())))?;
            let key = match kind {
                SectionKind::PublicKey => Self::of_spki(&der).map_err(str::to_owned),
                SectionKind::Certificate => Self::of_certificate(&der).map_err(str::to_owned),
                kind => SigningKey::of_section(kind, der).map(|key| key.public),
            };
            keys.push(key.map_err(|reason| file_error(Problem::Key { number, reason }))?);
        }
        if keys.is_empty() {
            Err(file_error(Problem::NoKey))
        } else {
            Ok(keys)
        }
    }

    /// The key ID in tokens: as upstream, a digest of the encoded public key.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The key as `/openid/v1/jwks` lists it (RFC 7517).
    pub fn jwk(&self) -> serde_json::Value {
        let jwk = Jwk::from_decoding_key(&self.key, Some(self.algorithm)).map(|mut jwk| {
            jwk.common.public_key_use = Some(PublicKeyUse::Signature);
            jwk.common.key_id = Some(self.id.clone());
            jwk
        });
        // Neither fails for a key from `of_spki`, whose parts are numbers and fixed names.
        let listed = jwk.ok().and_then(|jwk| serde_json::to_value(jwk).ok());
        listed.unwrap_or_default()
    }

    fn of_certificate(der: &[u8]) -> Result<Self, &'static str> {
        let (_, certificate) = X509Certificate::from_der(der).map_err(|_| "malformed")?;
        Self::of_spki(certificate.public_key().raw)
    }

    fn of_spki(spki: &[u8]) -> Result<Self, &'static str> {
        const P256: &str = "1.2.840.10045.3.1.7";
        const P384: &str = "1.3.132.0.34";
        ring::install();
        let (_, parsed) = SubjectPublicKeyInfo::from_der(spki).map_err(|_| "malformed")?;
        let parameters = parsed.algorithm.parameters.as_ref();
        let curve = parameters
            .and_then(|p| p.as_oid().ok())
            .map(|oid| oid.to_id_string());
        let point = || DecodingKey::from_ec_der(&parsed.subject_public_key.data);
        let (algorithm, key) = match (parsed.parsed(), curve.as_deref()) {
            (Ok(PublicKey::RSA(rsa)), _) => {
                let [n, e] = [rsa.modulus, rsa.exponent].map(ring::unpadded);
                let key = DecodingKey::from_rsa_raw_components(n, e);
                (Algorithm::RS256, key)
            }
            (Ok(PublicKey::EC(_)), Some(P256)) => (Algorithm::ES256, point()),
            (Ok(PublicKey::EC(_)), Some(P384)) => (Algorithm::ES384, point()),
            _ => return Err("neither an RSA nor a P-256 or P-384 key"),
        };
        Ok(Self {
            algorithm,
            key,
            id: URL_SAFE_NO_PAD.encode(Secret::of(spki).digest()),
        })
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// The error of signing a token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot sign a token: {0}")]
pub struct SignError(String);

/// A private key that signs service account tokens.
#[derive(Clone)]
pub struct SigningKey {
    private: EncodingKey,
    public: VerifyingKey,
}

impl SigningKey {
    /// The private key of a PEM file.
    ///
    /// # Errors
    /// [`FileError`], if there is none, or it is neither P-256, P-384 nor RSA.
    pub fn of(path: &Path, pem: &[u8]) -> Result<Self, FileError> {
        let file_error = |problem| FileError::Whole {
            path: path.to_owned(),
            problem,
        };
        let (kind, der) = <(SectionKind, Vec<u8>)>::pem_slice_iter(pem)
            .next()
            .ok_or_else(|| file_error(Problem::NoKey))?
            .map_err(|error| file_error(Problem::NotPem(error.to_string())))?;
        Self::of_section(kind, der).map_err(|reason| file_error(Problem::Key { number: 1, reason }))
    }

    fn of_section(kind: SectionKind, der: Vec<u8>) -> Result<Self, String> {
        let der = PrivateKeyDer::from_pem(kind, der).ok_or("not a key")?;
        let private =
            rustls::crypto::ring::sign::any_supported_type(&der).map_err(|e| e.to_string())?;
        let spki = private
            .public_key()
            .ok_or("its public key cannot be derived")?;
        let public = VerifyingKey::of_spki(&spki)?;
        Ok(Self {
            private: ring::encoding_key(public.algorithm, &der),
            public,
        })
    }

    /// The public key.
    pub const fn verifying_key(&self) -> &VerifyingKey {
        &self.public
    }

    /// Signs a token with these claims.
    pub(crate) fn sign(&self, claims: &impl Serialize) -> Result<String, SignError> {
        let header = Header {
            // As in kube-apiserver's tokens.
            typ: None,
            kid: Some(self.public.id.clone()),
            ..Header::new(self.public.algorithm)
        };
        jsonwebtoken::encode(&header, claims, &self.private).map_err(|e| SignError(e.to_string()))
    }

    /// The encoded signature of a message, for tests with custom headers.
    #[cfg(test)]
    pub(crate) fn signature(&self, message: &[u8]) -> String {
        jsonwebtoken::crypto::sign(message, &self.private, self.public.algorithm).unwrap()
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("public", &self.public)
            .finish_non_exhaustive()
    }
}

/// A public key of an issuer.
#[derive(Clone, Debug)]
pub(crate) struct IssuerKey {
    id: String,
    curve: Option<EllipticCurve>,
    key: DecodingKey,
}

impl IssuerKey {
    /// The keys of a JSON Web Key Set that can verify signatures. Others are skipped, as issuers
    /// list keys for other purposes too. `None` if `json` is not a key set.
    pub(crate) fn set(json: &[u8]) -> Option<Vec<Self>> {
        ring::install();
        let set: JwkSet = serde_json::from_slice(json).ok()?;
        Some(set.keys.iter().filter_map(Self::of).collect())
    }

    fn of(jwk: &Jwk) -> Option<Self> {
        let usage = jwk.common.public_key_use.as_ref();
        let usable = usage.is_none_or(|usage| *usage == PublicKeyUse::Signature);
        let curve = match &jwk.algorithm {
            AlgorithmParameters::RSA(_) => None,
            AlgorithmParameters::EllipticCurve(parameters) => Some(parameters.curve.clone()),
            _ => return None,
        };
        let key = DecodingKey::from_jwk(jwk).ok().filter(|_| usable)?;
        Some(Self {
            id: jwk.common.key_id.clone().unwrap_or_default(),
            curve,
            key,
        })
    }

    /// Whether this key signed the token with one of the allowed algorithms. A token that names a
    /// key is verified by that key only.
    pub(crate) fn signed(&self, token: &Token<'_>, allowed: &[Algorithm]) -> bool {
        let Some(header) = &token.header else {
            return false;
        };
        let named = header.kid.as_deref().filter(|id| !id.is_empty());
        let fits_curve = match header.alg {
            Algorithm::ES256 => self.curve == Some(EllipticCurve::P256),
            Algorithm::ES384 => self.curve == Some(EllipticCurve::P384),
            _ => self.curve.is_none(),
        };
        fits_curve
            && named.is_none_or(|id| id == self.id)
            && allowed.contains(&header.alg)
            && token.is_verified_by(&self.key, header.alg)
    }
}

/// A parsed token whose signature is not verified yet.
pub(crate) struct Token<'a> {
    text: &'a str,
    /// The header; `None` if it is malformed or names an unknown algorithm.
    header: Option<Header>,
}

impl<'a> Token<'a> {
    /// Parses a token; `None` unless it has three parts, the first of which is JSON.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let (header, rest) = text.split_once('.').filter(|_| text.len() <= MAX_LENGTH)?;
        let header = URL_SAFE_NO_PAD.decode(header).ok()?;
        serde_json::from_slice::<IgnoredAny>(&header).ok()?;
        (rest.matches('.').count() == 1).then(|| Self {
            text,
            header: jsonwebtoken::decode_header(text).ok(),
        })
    }

    /// The claims, which are not verified.
    pub(crate) fn claims<T: DeserializeOwned>(&self) -> Option<T> {
        dangerous::insecure_decode_claims(self.text).ok()
    }

    /// The algorithm in the header, if it is a known one.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        self.header.as_ref().map(|header| header.alg)
    }

    /// Whether one of the keys signed it.
    pub(crate) fn is_signed_by(&self, keys: &[VerifyingKey]) -> bool {
        keys.iter()
            .any(|key| self.is_verified_by(&key.key, key.algorithm))
    }

    /// Verifies the signature and the header, and that `crit` lists nothing unknown. The claims are
    /// left to authenticators, which check them by their own rules and with upstream's messages.
    fn is_verified_by(&self, key: &DecodingKey, algorithm: Algorithm) -> bool {
        let mut validation = Validation::new(algorithm);
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        jsonwebtoken::decode::<IgnoredAny>(self.text, key, &validation).is_ok()
    }
}
