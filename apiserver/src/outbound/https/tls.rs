//! The TLS of a client: which servers it accepts, and what it presents.

use std::error::Error;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use super::error::HttpsError;

/// What a client presents: a chain and its key, as PEM.
pub struct ClientCertificate<'a> {
    /// The chain.
    pub certificate: &'a [u8],
    /// The key.
    pub key: &'a [u8],
}

/// TLS that accepts servers whose certificate one of the authorities, as PEM, has signed.
///
/// # Errors
/// [`HttpsError::Certificates`].
pub fn trusting(
    authorities: &[u8],
    identity: Option<&ClientCertificate<'_>>,
) -> Result<ClientConfig, HttpsError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(authorities) {
        let certificate = certificate.map_err(unusable)?;
        roots.add(certificate).map_err(unusable)?;
    }
    if roots.is_empty() {
        return Err(unusable("no certificate of an authority in it"));
    }
    let builder = builder()?.with_root_certificates(roots);
    let Some(identity) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = CertificateDer::pem_slice_iter(identity.certificate);
    let chain = chain.collect::<Result<_, _>>().map_err(unusable)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key).map_err(unusable)?;
    builder.with_client_auth_cert(chain, key).map_err(unusable)
}

/// The beginning of a client's TLS.
///
/// # Errors
/// [`HttpsError::Certificates`], which no crypto provider of this program gives cause for.
pub fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, HttpsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)
}

fn unusable(why: impl Into<Box<dyn Error>>) -> HttpsError {
    HttpsError::Certificates(why.into().to_string())
}
