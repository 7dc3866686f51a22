//! Extended key usages as Go's `x509.Verify` checks them: `anyExtendedKeyUsage` includes client
//! authentication, which webpki does not support.

use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage,
    RequiredEkuNotFoundContext,
};

/// `anyExtendedKeyUsage`, 2.5.29.37.0, DER-encoded.
const ANY: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
/// `id-kp-clientAuth`, 1.3.6.1.5.5.7.3.2, DER-encoded.
const CLIENT_AUTHENTICATION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// Whether a certificate was rejected only for its extended key usage.
pub(super) const fn is_purpose_error(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. }
        )
    )
}

/// Whether a certificate is valid if `anyExtendedKeyUsage` includes client authentication.
pub(super) fn verify_any_purpose(
    own: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    roots: &RootCertStore,
    now: UnixTime,
) -> bool {
    let provider = rustls::crypto::ring::default_provider();
    let algorithms = provider.signature_verification_algorithms.all;
    EndEntityCert::try_from(own).is_ok_and(|certificate| {
        let verified = certificate.verify_for_usage(
            algorithms,
            &roots.roots,
            intermediates,
            now,
            AnyOrClient,
            None,
            None,
        );
        verified.is_ok()
    })
}

/// Upstream (Go): `checkChainForKeyUsage`. A certificate without usages is valid for all.
struct AnyOrClient;

impl ExtendedKeyUsageValidator for AnyOrClient {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let accepted = [
            KeyPurposeId::new(ANY),
            KeyPurposeId::new(CLIENT_AUTHENTICATION),
        ];
        let mut none = true;
        for purpose in purposes {
            none = false;
            if accepted.contains(&purpose?) {
                return Ok(());
            }
        }
        if none {
            return Ok(());
        }
        let missing = RequiredEkuNotFoundContext {
            required: KeyUsage::client_auth(),
            present: Vec::new(),
        };
        Err(webpki::Error::RequiredEkuNotFoundContext(missing))
    }
}
