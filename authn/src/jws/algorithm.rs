//! How tokens are signed (RFC 7518, section 3).

use std::sync::LazyLock;

use rustls::SignatureScheme;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls_pki_types::SignatureVerificationAlgorithm;

use super::der;

static KNOWN: LazyLock<WebPkiSupportedAlgorithms> =
    LazyLock::new(|| rustls::crypto::ring::default_provider().signature_verification_algorithms);

/// An algorithm that signs tokens. `none` is not among them, nor are those with a shared secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "RFC 7518 documents them")]
pub enum Algorithm {
    Es256,
    Es384,
    Ps256,
    Ps384,
    Ps512,
    Rs256,
    Rs384,
    Rs512,
}

/// Which keys an algorithm works with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum KeyType {
    Rsa,
    P256,
    P384,
}

impl Algorithm {
    /// All that this server can verify.
    pub const ALL: [Self; 8] = [
        Self::Es256,
        Self::Es384,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
    ];

    /// The algorithm of that name, such as `RS256`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.name() == name)
    }

    /// Such as `RS256`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
        }
    }

    pub(crate) const fn scheme(self) -> SignatureScheme {
        match self {
            Self::Es256 => SignatureScheme::ECDSA_NISTP256_SHA256,
            Self::Es384 => SignatureScheme::ECDSA_NISTP384_SHA384,
            Self::Ps256 => SignatureScheme::RSA_PSS_SHA256,
            Self::Ps384 => SignatureScheme::RSA_PSS_SHA384,
            Self::Ps512 => SignatureScheme::RSA_PSS_SHA512,
            Self::Rs256 => SignatureScheme::RSA_PKCS1_SHA256,
            Self::Rs384 => SignatureScheme::RSA_PKCS1_SHA384,
            Self::Rs512 => SignatureScheme::RSA_PKCS1_SHA512,
        }
    }

    pub(crate) const fn key_type(self) -> KeyType {
        match self {
            Self::Es256 => KeyType::P256,
            Self::Es384 => KeyType::P384,
            Self::Ps256 | Self::Ps384 | Self::Ps512 | Self::Rs256 | Self::Rs384 | Self::Rs512 => {
                KeyType::Rsa
            }
        }
    }

    /// How long each of the two numbers is that are an elliptic curve's signature.
    pub(crate) const fn number_size(self) -> Option<usize> {
        match self.key_type() {
            KeyType::Rsa => None,
            KeyType::P256 => Some(32),
            KeyType::P384 => Some(48),
        }
    }

    /// Whether `key`, the bits of a public key of the right type, made the signature.
    pub(crate) fn verifies(self, key: &[u8], signed: &[u8], signature: &[u8]) -> bool {
        let encoded = match self.number_size() {
            None => Some(signature.to_vec()),
            Some(size) => der::from_raw(signature, size),
        };
        let verifier = self.verifier();
        verifier.zip(encoded).is_some_and(|(verifier, signature)| {
            verifier.verify_signature(key, signed, &signature).is_ok()
        })
    }

    fn verifier(self) -> Option<&'static dyn SignatureVerificationAlgorithm> {
        let known = KNOWN.mapping.iter();
        let (_, verifiers) = known.clone().find(|(scheme, _)| *scheme == self.scheme())?;
        verifiers.first().copied()
    }
}
