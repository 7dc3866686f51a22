//! How other servers are: for `portcullis healthcheck`, as an image `FROM scratch` has no other
//! client, and for component statuses.

use std::sync::Arc;

use http::{HeaderMap, Method};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, Error, SignatureScheme};

use crate::outbound::https::{self, HttpsClient, HttpsError};

/// The status code of a server's `/readyz`. One of these authorities, as PEM, must have signed its
/// certificate; anybody, if none are given.
///
/// # Errors
/// Why it did not answer.
pub async fn readyz(server: &str, authorities: Option<&[u8]>) -> Result<u16, HttpsError> {
    let url = format!("{}/readyz", server.trim_end_matches('/'));
    match authorities {
        Some(authorities) => ask(&HttpsClient::trusting(authorities, None)?, &url).await,
        None => status_of(&url).await,
    }
}

/// The status code of an answer, whoever signed the server's certificate.
///
/// # Errors
/// Why there is none.
pub async fn status_of(url: &str) -> Result<u16, HttpsError> {
    ask(&any_server()?, url).await
}

async fn ask(client: &HttpsClient, url: &str) -> Result<u16, HttpsError> {
    let reply = client.send(Method::GET, url, HeaderMap::new(), "").await?;
    Ok(reply.code)
}

fn any_server() -> Result<HttpsClient, HttpsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = https::builder()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyServer(provider)))
        .with_no_client_auth();
    Ok(HttpsClient::new(tls))
}

/// Believes any server: nothing secret is sent, and the answer only says whether to wait.
#[derive(Debug)]
struct AnyServer(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
