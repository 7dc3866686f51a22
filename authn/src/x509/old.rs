//! Certificates older than version 3, such as `openssl x509 -req` signs where it is told of no
//! extensions. webpki, by which everything else is verified, reads none; upstream (Go's
//! `crypto/x509`) takes them from clients. Only certificates that an authority of the bundle signed
//! itself count here: nothing could say that one between them is an authority.

use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA,
    OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ED25519, Oid,
};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

/// How authorities may sign: not with SHA-1.
const ALGORITHMS: [Oid<'static>; 6] = [
    OID_PKCS1_SHA256WITHRSA,
    OID_PKCS1_SHA384WITHRSA,
    OID_PKCS1_SHA512WITHRSA,
    OID_SIG_ECDSA_WITH_SHA256,
    OID_SIG_ECDSA_WITH_SHA384,
    OID_SIG_ED25519,
];

/// The public key of a certificate older than version 3.
#[derive(Clone, Debug)]
pub struct OldKey {
    /// Encoded, with its algorithm.
    pub spki: SubjectPublicKeyInfoDer<'static>,
    /// The key itself.
    pub bits: Vec<u8>,
}

impl OldKey {
    /// The key of a certificate; `None` for one of version 3, or none at all.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let key = certificate.public_key();
        is_old(&certificate).then(|| Self {
            spki: key.raw.to_vec().into(),
            bits: key.subject_public_key.data.to_vec(),
        })
    }
}

/// Whether a certificate is older than version 3.
pub(super) fn is_old(certificate: &X509Certificate<'_>) -> bool {
    certificate.version() != X509Version::V3
}

/// Verifies a certificate against authorities.
///
/// # Errors
/// Why it is not believed.
pub(super) fn verify(
    certificate: &X509Certificate<'_>,
    authorities: &[CertificateDer<'static>],
    now: UnixTime,
) -> Result<(), &'static str> {
    let now = i64::try_from(now.as_secs()).map_err(|_| "the clock is wrong")?;
    let now = ASN1Time::from_timestamp(now).map_err(|_| "the clock is wrong")?;
    let validity = certificate.validity();
    if now < validity.not_before {
        return Err("certificate not valid yet");
    }
    if now > validity.not_after {
        return Err("certificate expired");
    }
    if !ALGORITHMS.contains(&certificate.signature_algorithm.algorithm) {
        return Err("signed with an algorithm that is not accepted");
    }
    let signed = authorities.iter().any(|authority| {
        X509Certificate::from_der(authority).is_ok_and(|(_, authority)| {
            authority.subject().as_raw() == certificate.issuer().as_raw()
                && certificate
                    .verify_signature(Some(authority.public_key()))
                    .is_ok()
        })
    });
    signed.then_some(()).ok_or("UnknownIssuer")
}
