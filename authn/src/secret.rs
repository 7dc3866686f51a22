//! Digests of secrets.

use std::fmt;

use rustls::SupportedCipherSuite;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use subtle::{Choice, ConstantTimeEq};

/// The SHA-256 digest of a password or token, which is all that is kept of it.
///
/// Comparison takes constant time, independent of the secrets and their lengths. (Upstream compared
/// passwords byte by byte until kubernetes#81126.)
#[derive(Clone)]
pub(crate) struct Secret([u8; 32]);

impl Secret {
    /// Digests `secret`.
    pub(crate) fn of(secret: &[u8]) -> Self {
        // Uses the hash of the crypto stack that TLS needs anyway.
        let suite = match TLS13_AES_128_GCM_SHA256 {
            SupportedCipherSuite::Tls13(suite) => &suite.common,
            SupportedCipherSuite::Tls12(suite) => &suite.common,
        };
        let mut digest = [0; 32];
        for (to, from) in digest
            .iter_mut()
            .zip(suite.hash_provider.hash(secret).as_ref())
        {
            *to = *from;
        }
        Self(digest)
    }

    /// The digest, as a key of maps and sets where timing reveals nothing.
    pub(crate) const fn digest(&self) -> [u8; 32] {
        self.0
    }

    /// Compares in constant time.
    pub(crate) fn same(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_equal_secrets_are_the_same() {
        let secret = Secret::of(b"correct horse");
        assert!(bool::from(secret.same(&Secret::of(b"correct horse"))));
        for other in [
            &b"correct hors"[..],
            b"correct horse ",
            b"",
            b"Correct horse",
        ] {
            assert!(!bool::from(secret.same(&Secret::of(other))));
        }
    }

    #[test]
    fn digests_are_sha_256_and_are_not_shown() {
        let empty = Secret::of(b"");
        assert_eq!(empty.0[..4], [0xe3, 0xb0, 0xc4, 0x42]);
        assert_eq!(format!("{empty:?}"), "Secret(…)");
    }
}
