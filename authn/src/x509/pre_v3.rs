//! X.509 certificates before version 3, such as `openssl x509 -req` issues without extensions.
//!
//! webpki, which verifies all others, does not support them; upstream (Go's `crypto/x509`) accepts
//! them from clients. Only those signed directly by a CA of the bundle are accepted, as a
//! certificate without extensions cannot declare that it is a CA.

use rustls_pki_types::{CertificateDer, SubjectPublicKeyInfoDer, UnixTime};
use x509_parser::certificate::X509Certificate;
use x509_parser::oid_registry::{
    OID_PKCS1_SHA256WITHRSA, OID_PKCS1_SHA384WITHRSA, OID_PKCS1_SHA512WITHRSA,
    OID_SIG_ECDSA_WITH_SHA256, OID_SIG_ECDSA_WITH_SHA384, OID_SIG_ED25519, Oid,
};
use x509_parser::prelude::FromDer;
use x509_parser::time::ASN1Time;
use x509_parser::x509::X509Version;

/// The accepted signature algorithms: none with SHA-1.
const ALGORITHMS: [Oid<'static>; 6] = [
    OID_PKCS1_SHA256WITHRSA,
    OID_PKCS1_SHA384WITHRSA,
    OID_PKCS1_SHA512WITHRSA,
    OID_SIG_ECDSA_WITH_SHA256,
    OID_SIG_ECDSA_WITH_SHA384,
    OID_SIG_ED25519,
];

/// The public key of a certificate before version 3.
#[derive(Clone, Debug)]
pub struct PreV3Key {
    /// The DER-encoded key with its algorithm.
    pub spki: SubjectPublicKeyInfoDer<'static>,
    /// The raw key.
    pub bits: Vec<u8>,
}

impl PreV3Key {
    /// The key of a certificate; `None` if it is of version 3 or malformed.
    pub fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
        let key = certificate.public_key();
        is_pre_v3(&certificate).then(|| Self {
            spki: key.raw.to_vec().into(),
            bits: key.subject_public_key.data.to_vec(),
        })
    }
}

/// Whether a certificate has a version before 3.
pub(super) fn is_pre_v3(certificate: &X509Certificate<'_>) -> bool {
    certificate.version() != X509Version::V3
}

/// Verifies a certificate against CAs.
///
/// # Errors
/// Why it is rejected.
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
