//! Token signatures by ring, which TLS uses anyway (docs/adr/0001-ring.md).
//!
//! [`jsonwebtoken`] delegates signatures to a process-wide [`CryptoProvider`]. This one supports
//! the algorithms of RFC 7518 that ring has keys for, except those with a shared secret, which this
//! server never uses.

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::signature::{Error as SignatureError, Signer, Verifier};
use jsonwebtoken::{Algorithm, AlgorithmFamily, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{self, EcdsaKeyPair, RsaKeyPair, RsaParameters, VerificationAlgorithm};
use rustls_pki_types::PrivateKeyDer;

static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    // Only needed for key sets from private keys; this server's are from public ones.
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: |_| unsupported(),
        rsa_pub_components_from_public_key: |_| unsupported(),
        ec_pub_components_from_private_key: |_, _| unsupported(),
        ed_pub_components_from_private_key: |_, _| unsupported(),
        compute_digest: |_, _| unsupported(),
    },
};

/// Installs the process-wide provider. Every constructor of a key calls this, and nothing is signed
/// or verified without a key.
pub(super) fn install() {
    // Fails after the first call, when it is already installed.
    let _ = PROVIDER.install_default();
}

/// A number without leading zeros, as ring and RFC 7518 require.
pub(super) fn unpadded(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Converts a private key that rustls has accepted to the form that [`signer`] reads.
pub(super) fn encoding_key(algorithm: Algorithm, der: &PrivateKeyDer<'_>) -> EncodingKey {
    match (algorithm.family(), der) {
        (AlgorithmFamily::Rsa, _) => EncodingKey::from_rsa_der(der.secret_der()),
        (_, PrivateKeyDer::Sec1(sec1)) => {
            EncodingKey::from_ec_der(&pkcs8(algorithm, sec1.secret_sec1_der()))
        }
        _ => EncodingKey::from_ec_der(der.secret_der()),
    }
}

/// Wraps the key of a PEM section `EC PRIVATE KEY` (RFC 5915) in PKCS #8 (RFC 5208), which ring
/// reads.
fn pkcs8(algorithm: Algorithm, sec1: &[u8]) -> Vec<u8> {
    const EC_PUBLIC_KEY: &[u64] = &[1, 2, 840, 10045, 2, 1];
    let curve: &[u64] = match algorithm {
        Algorithm::ES384 => &[1, 3, 132, 0, 34],
        _ => &[1, 2, 840, 10045, 3, 1, 7],
    };
    yasna::construct_der(|writer| {
        writer.write_sequence(|writer| {
            writer.next().write_u8(0);
            writer.next().write_sequence(|writer| {
                for oid in [EC_PUBLIC_KEY, curve] {
                    let oid = yasna::models::ObjectIdentifier::from_slice(oid);
                    writer.next().write_oid(&oid);
                }
            });
            writer.next().write_bytes(sec1);
        });
    })
}

fn unsupported<T>() -> Result<T, Error> {
    Err(ErrorKind::UnsupportedAlgorithm.into())
}

struct RsaSigner(RsaKeyPair);

impl Signer<Vec<u8>> for RsaSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let random = SystemRandom::new();
        self.0
            .sign(
                &signature::RSA_PKCS1_SHA256,
                &random,
                message,
                &mut signature,
            )
            .map_err(|_| SignatureError::new())?;
        Ok(signature)
    }
}

impl JwtSigner for RsaSigner {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}

struct EcSigner(Algorithm, EcdsaKeyPair);

impl Signer<Vec<u8>> for EcSigner {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, SignatureError> {
        let signature = self.1.sign(&SystemRandom::new(), message);
        let signature = signature.map_err(|_| SignatureError::new())?;
        Ok(signature.as_ref().to_vec())
    }
}

impl JwtSigner for EcSigner {
    fn algorithm(&self) -> Algorithm {
        self.0
    }
}

fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>, Error> {
    let der = key.as_bytes();
    let parameters = match algorithm {
        Algorithm::RS256 => {
            let pair = RsaKeyPair::from_pkcs8(der).or_else(|_| RsaKeyPair::from_der(der));
            let pair = pair.map_err(|e| ErrorKind::InvalidRsaKey(e.to_string()))?;
            return Ok(Box::new(RsaSigner(pair)));
        }
        Algorithm::ES256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
        Algorithm::ES384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
        _ => return unsupported(),
    };
    let pair = EcdsaKeyPair::from_pkcs8(parameters, der, &SystemRandom::new());
    let pair = pair.map_err(|_| ErrorKind::InvalidEcdsaKey)?;
    Ok(Box::new(EcSigner(*algorithm, pair)))
}

/// How signatures of an algorithm are verified.
enum Check {
    Rsa(&'static RsaParameters),
    Ec(&'static dyn VerificationAlgorithm),
}

struct KeyVerifier {
    algorithm: Algorithm,
    check: Check,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for KeyVerifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), SignatureError> {
        let verified = match (&self.check, self.key.kind()) {
            (Check::Rsa(parameters), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                let [n, e] = [n, e].map(|number| unpadded(number));
                signature::RsaPublicKeyComponents { n, e }.verify(parameters, message, signature)
            }
            (Check::Ec(algorithm), DecodingKeyKind::SecretOrDer(point)) => {
                signature::UnparsedPublicKey::new(*algorithm, point).verify(message, signature)
            }
            _ => return Err(SignatureError::new()),
        };
        verified.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for KeyVerifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>, Error> {
    let check = match algorithm {
        Algorithm::ES256 => Check::Ec(&signature::ECDSA_P256_SHA256_FIXED),
        Algorithm::ES384 => Check::Ec(&signature::ECDSA_P384_SHA384_FIXED),
        Algorithm::RS256 => Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA256),
        Algorithm::RS384 => Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Check::Rsa(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS256 => Check::Rsa(&signature::RSA_PSS_2048_8192_SHA256),
        Algorithm::PS384 => Check::Rsa(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Check::Rsa(&signature::RSA_PSS_2048_8192_SHA512),
        _ => return unsupported(),
    };
    if key.family() != algorithm.family() {
        return Err(ErrorKind::InvalidKeyFormat.into());
    }
    Ok(Box::new(KeyVerifier {
        algorithm: *algorithm,
        check,
        key: key.clone(),
    }))
}
