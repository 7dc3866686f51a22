//! The TLS of the secure port.

use std::sync::Arc;

use portcullis_authn::PreV3Key;
use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    verify_tls13_signature_with_raw_key,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::server::ResolvesServerCert;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, ServerConfig,
    SignatureScheme,
};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

/// Requests a client certificate and accepts any whose private key the client has. Authentication decides
/// later whether a trusted authority signed it: an unknown client gets a 401 that it can read, as upstream,
/// and not a broken handshake.
#[derive(Debug)]
struct AnyCertificate {
    provider: Arc<CryptoProvider>,
    /// The authorities that this server accepts: clients with several certificates choose by them.
    authorities: Vec<DistinguishedName>,
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.authorities
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match PreV3Key::of(certificate) {
            Some(key) => verify_tls12_signature_with_key(message, &key.bits, signature, algorithms),
            None => verify_tls12_signature(message, certificate, signature, algorithms),
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        match PreV3Key::of(certificate) {
            Some(key) => {
                verify_tls13_signature_with_raw_key(message, &key.spki, signature, algorithms)
            }
            None => verify_tls13_signature(message, certificate, signature, algorithms),
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// rustls' verification for certificates, and for TLS 1.3, with a bare key. A key of another type than the
/// algorithm's verifies nothing.
fn verify_tls12_signature_with_key(
    message: &[u8],
    key: &[u8],
    signature: &DigitallySignedStruct,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<HandshakeSignatureValid, Error> {
    let mut known = algorithms.mapping.iter();
    let known = known.find(|(scheme, _)| *scheme == signature.scheme);
    let verifiers = known.map_or(&[][..], |(_, verifiers)| *verifiers);
    let verifies = |verifier: &&dyn SignatureVerificationAlgorithm| {
        let verified = verifier.verify_signature(key, message, signature.signature());
        verified.is_ok()
    };
    if verifiers.iter().any(verifies) {
        Ok(HandshakeSignatureValid::assertion())
    } else {
        Err(Error::InvalidCertificate(CertificateError::BadSignature))
    }
}

/// The most bytes that names of authorities may take in a handshake, as a few thousand are of no use and 64
/// KiB do not fit. A part of the names would be worse than none: a client would choose by them.
const NAMES_MAX: usize = 32 * 1024;

/// The names of the authorities in bundles, as PEM, each once.
fn names(bundles: &mut [watch::Receiver<String>]) -> Vec<DistinguishedName> {
    let bundles = bundles.iter_mut();
    let bundle: String = bundles
        .map(|bundle| bundle.borrow_and_update().clone())
        .collect();
    let mut roots = RootCertStore::empty();
    let certificates = CertificateDer::pem_slice_iter(bundle.as_bytes());
    roots.add_parsable_certificates(certificates.filter_map(Result::ok));
    let mut names: Vec<DistinguishedName> = Vec::new();
    for name in roots.subjects() {
        if !names.iter().any(|known| known.as_ref() == name.as_ref()) {
            names.push(name);
        }
    }
    if names
        .iter()
        .map(|name| name.as_ref().len() + 2)
        .sum::<usize>()
        > NAMES_MAX
    {
        return Vec::new();
    }
    names
}

/// Makes acceptors for HTTP/2 and HTTP/1.1 with the current certificate of the server, and the current names
/// of the authorities that it accepts.
pub struct Acceptors {
    certificate: Arc<dyn ResolvesServerCert>,
    authorities: Vec<watch::Receiver<String>>,
    current: TlsAcceptor,
}

impl Acceptors {
    /// Acceptors that prove the server with `certificate` and name the `authorities` of some bundles, as PEM.
    ///
    /// # Errors
    /// If the crypto provider supports no version of TLS, which does not happen.
    pub fn new(
        certificate: Arc<dyn ResolvesServerCert>,
        mut authorities: Vec<watch::Receiver<String>>,
    ) -> Result<Self, Error> {
        let names = names(&mut authorities);
        Ok(Self {
            current: acceptor(certificate.clone(), names)?,
            certificate,
            authorities,
        })
    }

    /// The acceptor for a connection that begins now.
    pub fn current(&mut self) -> TlsAcceptor {
        let mut bundles = self.authorities.iter();
        if bundles.any(|bundle| bundle.has_changed().unwrap_or(false)) {
            let names = names(&mut self.authorities);
            match acceptor(self.certificate.clone(), names) {
                Ok(acceptor) => self.current = acceptor,
                Err(error) => {
                    tracing::warn!(%error, "the new client authorities cannot be announced")
                }
            }
        }
        self.current.clone()
    }
}

fn acceptor(
    certificate: Arc<dyn ResolvesServerCert>,
    authorities: Vec<DistinguishedName>,
) -> Result<TlsAcceptor, Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = AnyCertificate {
        provider: provider.clone(),
        authorities,
    };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(certificate);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}
