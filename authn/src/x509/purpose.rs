//! What certificates say they are good for, as Go's `x509.Verify` reads it: `anyExtendedKeyUsage` is as
//! good as client authentication. webpki knows no such purpose.

use rustls::{CertificateError, Error, RootCertStore};
use rustls_pki_types::{CertificateDer, UnixTime};
use webpki::{
    EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeId, KeyPurposeIdIter, KeyUsage,
    RequiredEkuNotFoundContext,
};

/// 2.5.29.37.0, encoded.
const ANY: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
/// 1.3.6.1.5.5.7.3.2, encoded.
const CLIENT_AUTHENTICATION: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// Whether a certificate was refused for its purpose alone.
pub(super) const fn is_at_fault(error: &Error) -> bool {
    matches!(
        error,
        Error::InvalidCertificate(
            CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. }
        )
    )
}

/// Whether a certificate is good where every purpose includes that of clients.
pub(super) fn any_will_do(
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
            Clients,
            None,
            None,
        );
        verified.is_ok()
    })
}

/// Upstream (Go): `checkChainForKeyUsage`. No purpose at all is every purpose.
struct Clients;

impl ExtendedKeyUsageValidator for Clients {
    fn validate(&self, purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        let good = [
            KeyPurposeId::new(ANY),
            KeyPurposeId::new(CLIENT_AUTHENTICATION),
        ];
        let mut none = true;
        for purpose in purposes {
            none = false;
            if good.contains(&purpose?) {
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
