//! A small HTTPS client, for what this program asks of others: one request, one connection.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderValue};
use http::{HeaderMap, Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer, in bytes.
const ANSWER_MAX: usize = 16 * 1024 * 1024;

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum HttpsError {
    /// Not a URL that can be asked.
    #[error("{:?} is no https URL", without_credentials(.0))]
    Url(String),
    /// A URL that says who asks; what this program shows of itself stands elsewhere.
    #[error("{:?}: credentials in a URL are not supported", without_credentials(.0))]
    Credentials(String),
    /// The certificates of an authority, or of this client, cannot be used.
    #[error("{0}")]
    Certificates(String),
    /// Nobody listens there, or not with a certificate this client trusts.
    #[error("{0}")]
    Connection(#[from] std::io::Error),
    /// The connection broke.
    #[error("{0}")]
    Http(#[from] hyper::Error),
    /// The answer is too long, or broke off.
    #[error("the answer cannot be read: {0}")]
    Answer(String),
    /// It took too long.
    #[error("no answer in time")]
    Timeout,
}

/// Asks servers it trusts.
#[derive(Clone, Debug)]
pub struct HttpsClient {
    tls: Arc<ClientConfig>,
}

/// What came back.
#[derive(Debug)]
pub struct Reply {
    /// The status code.
    pub code: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

/// What a client shows of itself: a chain and its key, as PEM.
pub struct ClientCertificate<'a> {
    /// The chain.
    pub certificate: &'a [u8],
    /// The key.
    pub key: &'a [u8],
}

impl HttpsClient {
    /// A client with TLS of one's own making.
    pub fn new(tls: ClientConfig) -> Self {
        Self { tls: Arc::new(tls) }
    }

    /// A client that believes servers whose certificate one of the authorities signed, as PEM.
    ///
    /// # Errors
    /// [`HttpsError::Certificates`].
    pub fn trusting(
        authorities: &[u8],
        identity: Option<&ClientCertificate<'_>>,
    ) -> Result<Self, HttpsError> {
        let unusable = |why: &dyn std::fmt::Display| HttpsError::Certificates(why.to_string());
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(authorities) {
            let certificate = certificate.map_err(|e| unusable(&e))?;
            roots.add(certificate).map_err(|e| unusable(&e))?;
        }
        if roots.is_empty() {
            return Err(unusable(&"no certificate of an authority in it"));
        }
        let builder = builder()?.with_root_certificates(roots);
        let tls = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = CertificateDer::pem_slice_iter(identity.certificate)
                    .collect::<Result<_, _>>()
                    .map_err(|e| unusable(&e))?;
                let key = PrivateKeyDer::from_pem_slice(identity.key).map_err(|e| unusable(&e))?;
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(|e| unusable(&e))?
            }
        };
        Ok(Self::new(tls))
    }

    /// The answer to a request.
    ///
    /// # Errors
    /// [`HttpsError`].
    pub async fn send(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: impl Into<Bytes>,
    ) -> Result<Reply, HttpsError> {
        tokio::time::timeout(TIMEOUT, self.exchange(method, url, headers, body.into()))
            .await
            .unwrap_or(Err(HttpsError::Timeout))
    }

    async fn exchange(
        &self,
        method: Method,
        url: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Reply, HttpsError> {
        let wrong = || HttpsError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| wrong())?;
        let authority = uri.authority().ok_or_else(wrong)?;
        if uri.scheme_str() != Some("https") {
            return Err(wrong());
        }
        if has_credentials(url) {
            return Err(HttpsError::Credentials(url.to_owned()));
        }
        let host = authority.host().trim_matches(['[', ']']);
        let name = ServerName::try_from(host.to_owned()).map_err(|_| wrong())?;
        let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(443))).await?;
        let connector = TlsConnector::from(self.tls.clone());
        let stream = connector.connect(name, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let path = uri.path_and_query().map_or("/", |p| p.as_str());
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().map_err(|_| wrong())?;
        *request.headers_mut() = headers;
        let host = HeaderValue::from_str(authority.as_str()).map_err(|_| wrong())?;
        request.headers_mut().insert(HOST, host);
        let answer = async {
            let (parts, body) = sender.send_request(request).await?.into_parts();
            let body = Limited::new(body, ANSWER_MAX).collect().await;
            Ok(Reply {
                code: parts.status.as_u16(),
                headers: parts.headers,
                body: body
                    .map_err(|e| HttpsError::Answer(e.to_string()))?
                    .to_bytes(),
            })
        };
        tokio::pin!(answer);
        // The connection may end before its answer has been read.
        tokio::select! {
            answer = &mut answer => answer,
            ended = connection => {
                ended?;
                answer.await
            }
        }
    }
}

/// Whether a URL names somebody, and maybe a password, before its host.
pub fn has_credentials(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let end = authority.find(['/', '?', '#']).unwrap_or(authority.len());
    authority.get(..end).is_some_and(|a| a.contains('@'))
}

/// A URL as it may be shown, in a log or a message. A password may hold any character, so whatever
/// stands before the last `@` is left out.
pub fn without_credentials(url: &str) -> String {
    let (scheme, rest) = match url.split_once("://") {
        Some((scheme, rest)) => (format!("{scheme}://"), rest),
        None => (String::new(), url),
    };
    match rest.rsplit_once('@') {
        Some((_, after)) => format!("{scheme}…@{after}"),
        None => url.to_owned(),
    }
}

/// The beginning of a client's TLS.
///
/// # Errors
/// [`HttpsError::Certificates`], which no crypto provider of this program gives cause for.
pub fn builder() -> Result<ConfigBuilder<ClientConfig, WantsVerifier>, HttpsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| HttpsError::Certificates(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown, has) in [
            ("https://h:1/p?q", "https://h:1/p?q", false),
            ("https://bob:pw@h:1/p", "https://…@h:1/p", true),
            ("https://bob@h", "https://…@h", true),
            ("https://bob:p@w@h", "https://…@h", true),
            ("https://bob:p/w@h", "https://…@h", false),
            ("bob:pw@h", "…@h", true),
            ("h:1", "h:1", false),
        ] {
            assert_eq!(without_credentials(url), shown);
            assert_eq!(has_credentials(url), has, "{url}");
        }
    }
}
