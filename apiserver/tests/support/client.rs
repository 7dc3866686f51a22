//! An HTTP client that sends exactly the requests of a test.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use portcullis::pki::Identity;
use rustls::client::ResolvesClientCert;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, SignatureScheme};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A client that sends each request over a connection of its own.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    roots: RootCertStore,
    tls: ClientConfig,
    headers: HeaderMap,
    /// How much a stream of HTTP/2 may send before it has been read: the least that the protocol allows, so that
    /// unread data is not received either.
    pub window: u32,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    pub code: u16,
    pub headers: HeaderMap,
    pub body: Bytes,
}

impl Answer {
    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The message of a Status.
    pub fn message(&self) -> String {
        let message = self.json()["message"].as_str().map(str::to_owned);
        message.unwrap_or_else(|| panic!("no message: {self:?}"))
    }
}

impl Client {
    /// A client that trusts only servers whose certificate `trusted`, in PEM, signed.
    pub fn new(address: SocketAddr, trusted: &str, identity: Option<&Identity>) -> Self {
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(trusted.as_bytes()) {
            roots.add(certificate.unwrap()).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone());
        let mut tls = match identity {
            None => tls.with_no_client_auth(),
            Some(identity) => {
                let chain = CertificateDer::pem_slice_iter(identity.certificate.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
                let key = rustls::crypto::ring::sign::any_supported_type(&key).unwrap();
                // with_client_auth_cert is not used, as it rejects certificates older than version 3
                let shown = CertifiedKey::new(chain.map(Result::unwrap).collect(), key);
                tls.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(shown)))
            }
        };
        tls.alpn_protocols = vec![b"h2".to_vec()];
        Self {
            address,
            roots,
            tls,
            headers: HeaderMap::new(),
            window: 65_535,
        }
    }

    /// The same client over HTTP/1.1 instead of HTTP/2, as for kubectl's streams.
    #[must_use]
    pub fn over_http1(mut self) -> Self {
        self.tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        self
    }

    /// The same client with a TLS version of at most 1.2.
    #[must_use]
    pub fn over_tls12(mut self) -> Self {
        let provider = self.tls.crypto_provider().clone();
        let old = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS12])
            .unwrap()
            .with_root_certificates(self.roots.clone());
        let shown = self.tls.client_auth_cert_resolver.clone();
        let mut old = old.with_client_cert_resolver(shown);
        old.alpn_protocols.clone_from(&self.tls.alpn_protocols);
        self.tls = old;
        self
    }

    /// The same client with an additional header in every request.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
        self.headers.append(HeaderName::from_static(name), value);
        self
    }

    /// The same client with a name and a password.
    #[must_use]
    pub fn basic(self, user: &str, password: &str) -> Self {
        let credentials = STANDARD.encode(format!("{user}:{password}"));
        self.header("authorization", &format!("Basic {credentials}"))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path, "").await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path, "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path, body.to_string()).await
    }

    /// Sends a request and returns its answer.
    pub async fn ask(&self, method: Method, path: &str, body: impl Into<Bytes>) -> Answer {
        self.try_ask(method, path, body).await.unwrap()
    }

    /// Sends a request; an error if the server closes the connection without an answer.
    pub async fn try_ask(
        &self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> hyper::Result<Answer> {
        self.connect().await?.ask(method, path, body).await
    }

    /// The answer to a GET, unless there is no connection.
    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let connector = TlsConnector::from(Arc::new(self.tls.clone()));
        let name = ServerName::from(self.address.ip());
        // in TLS 1.3 a client learns only after the handshake that its signature is invalid
        connector.connect(name, stream).await.ok()?;
        self.try_ask(Method::GET, path, "").await.ok()
    }

    /// Whether the server presents a certificate that this client trusts.
    pub async fn trusts_server(&self) -> bool {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let connector = TlsConnector::from(Arc::new(self.tls.clone()));
        let name = ServerName::from(self.address.ip());
        connector.connect(name, stream).await.is_ok()
    }

    /// A TLS connection without any request yet.
    pub async fn raw(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let connector = TlsConnector::from(Arc::new(self.tls.clone()));
        let name = ServerName::from(self.address.ip());
        connector.connect(name, stream).await.unwrap()
    }

    /// The names of the authorities in the server's certificate request.
    pub async fn named_authorities(&self) -> Vec<Vec<u8>> {
        let named = Arc::new(Named::default());
        let mut client = self.clone();
        client.tls.client_auth_cert_resolver = named.clone();
        drop(client.raw().await);
        named.0.lock().clone()
    }

    /// A connection for several consecutive requests.
    pub async fn connect(&self) -> hyper::Result<Connection> {
        let stream = TcpStream::connect(self.address).await.unwrap();
        // As every Kubernetes client does. Otherwise a body would wait for the acknowledgement of its head.
        stream.set_nodelay(true).unwrap();
        let connector = TlsConnector::from(Arc::new(self.tls.clone()));
        let name = ServerName::from(self.address.ip());
        let io = TokioIo::new(connector.connect(name, stream).await.unwrap());
        let mut headers = self.headers.clone();
        headers
            .entry(CONTENT_TYPE)
            .or_insert(HeaderValue::from_static("application/json"));
        let (base, sender) = if self.tls.alpn_protocols == [b"h2"] {
            let (sender, connection) = http2::Builder::new(TokioExecutor::new())
                .initial_stream_window_size(self.window)
                .handshake(io)
                .await?;
            tokio::spawn(connection);
            (format!("https://{}", self.address), Sender::Http2(sender))
        } else {
            let host = HeaderValue::from_str(&self.address.to_string()).unwrap();
            headers.entry(HOST).or_insert(host);
            let (sender, connection) = http1::handshake(io).await?;
            tokio::spawn(connection);
            (String::new(), Sender::Http1(sender))
        };
        Ok(Connection {
            base,
            headers,
            sender,
        })
    }
}

/// Records the authorities of a certificate request, and presents no certificate.
#[derive(Debug, Default)]
struct Named(Mutex<Vec<Vec<u8>>>);

impl ResolvesClientCert for Named {
    fn resolve(&self, names: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        *self.0.lock() = names.iter().map(|name| name.to_vec()).collect();
        None
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// A persistent connection.
pub struct Connection {
    /// The prefix of requests' URLs.
    pub base: String,
    /// The headers of all requests.
    pub headers: HeaderMap,
    sender: Sender,
}

enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    /// Sends a request and returns the head of its answer, with the body unread.
    pub async fn send(
        &mut self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> hyper::Result<Response<Incoming>> {
        let mut request = Request::new(Full::new(body.into()));
        *request.method_mut() = method;
        *request.headers_mut() = self.headers.clone();
        *request.uri_mut() = format!("{}{path}", self.base).parse().unwrap();
        match &mut self.sender {
            Sender::Http1(sender) => {
                sender.ready().await?;
                sender.send_request(request).await
            }
            Sender::Http2(sender) => sender.send_request(request).await,
        }
    }

    /// Sends a request; an error if the server closes the connection without an answer.
    pub async fn ask(
        &mut self,
        method: Method,
        path: &str,
        body: impl Into<Bytes>,
    ) -> hyper::Result<Answer> {
        let answer = self.send(method, path, body).await?;
        let (parts, body) = answer.into_parts();
        Ok(Answer {
            code: parts.status.as_u16(),
            headers: parts.headers,
            body: body.collect().await?.to_bytes(),
        })
    }
}
