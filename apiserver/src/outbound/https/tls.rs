//! The TLS configuration of a client: which servers it accepts, and its certificate.

use std::error::Error;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::{WantsClientCert, WebPkiServerVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};

use super::any_server::AnyServer;
use super::error::HttpsError;
use super::pinned::Pinned;
use crate::pki::Identity;

/// A client's certificate: a chain and its key, as PEM.
pub struct ClientCertificate<'a> {
    /// The chain.
    pub certificate: &'a [u8],
    /// The key.
    pub key: &'a [u8],
}

impl<'a> ClientCertificate<'a> {
    /// A certificate of text.
    pub const fn of(identity: &'a Identity) -> Self {
        Self {
            certificate: identity.certificate.as_bytes(),
            key: identity.key.as_bytes(),
        }
    }
}

/// TLS that accepts servers whose certificate one of the authorities, as PEM, has signed.
///
/// # Errors
/// [`HttpsError::Certificates`].
pub fn trusting(
    authorities: &[u8],
    identity: Option<&ClientCertificate<'_>>,
) -> Result<ClientConfig, HttpsError> {
    let (mut roots, mut certificates) = (RootCertStore::empty(), Vec::new());
    for certificate in CertificateDer::pem_slice_iter(authorities) {
        let certificate = certificate.map_err(unusable)?;
        roots.add(certificate.clone()).map_err(unusable)?;
        certificates.push(certificate);
    }
    if roots.is_empty() {
        return Err(unusable("it contains no certificate of an authority"));
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
    let verifier = Pinned {
        authorities: authorities.build().map_err(unusable)?,
        certificates,
    };
    let builder = builder()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    presenting(builder, identity)
}

/// TLS that accepts every server: for API services with `insecureSkipTLSVerify`, and for servers that get
/// nothing secret.
///
/// # Errors
/// [`HttpsError::Certificates`].
pub fn trusting_anyone(
    identity: Option<&ClientCertificate<'_>>,
) -> Result<ClientConfig, HttpsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = builder()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer(provider)));
    presenting(builder, identity)
}

fn presenting(
    builder: ConfigBuilder<ClientConfig, WantsClientCert>,
    identity: Option<&ClientCertificate<'_>>,
) -> Result<ClientConfig, HttpsError> {
    let Some(identity) = identity else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = CertificateDer::pem_slice_iter(identity.certificate);
    let chain = chain.collect::<Result<_, _>>().map_err(unusable)?;
    let key = PrivateKeyDer::from_pem_slice(identity.key).map_err(unusable)?;
    builder.with_client_auth_cert(chain, key).map_err(unusable)
}

/// The usual files of a system's authorities, in the order of search (Go: `crypto/x509/root_linux.go`).
const SYSTEM: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// The file of the authorities that the system trusts, if there is one.
pub fn system_authorities() -> Option<PathBuf> {
    let named = std::env::var_os("SSL_CERT_FILE").map(PathBuf::from);
    let known = SYSTEM.iter().map(PathBuf::from);
    let mut paths = named.into_iter().chain(known);
    paths.find(|path| path.exists())
}

/// TLS that accepts servers whose certificate an authority has signed that the system trusts.
///
/// # Errors
/// [`HttpsError::Certificates`].
pub fn trusting_system(
    identity: Option<&ClientCertificate<'_>>,
) -> Result<ClientConfig, HttpsError> {
    let path = system_authorities();
    let path = path.ok_or_else(|| unusable("the system has no list of authorities"))?;
    trusting(&fs::read(path).map_err(unusable)?, identity)
}

/// The beginning of a client's TLS.
///
/// # Errors
/// [`HttpsError::Certificates`], which this program's crypto provider never causes.
fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, HttpsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)
}

fn unusable(why: impl Into<Box<dyn Error>>) -> HttpsError {
    HttpsError::Certificates(why.into().to_string())
}
