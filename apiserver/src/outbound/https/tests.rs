//! The client against TLS servers on loopback.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use http::{Response, Version};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use rcgen::generate_simple_self_signed;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::*;

const H1: &str = "http/1.1";
const H2: &str = "h2";

/// A server's behaviour for each connection.
#[derive(Clone, Copy, PartialEq)]
enum Does {
    /// Responds to every request, with a body of so many bytes.
    Respond(usize),
    /// Responds to one request, and closes the connection without announcing it.
    Close,
    /// Completes the handshake, and nothing after it.
    Handshake,
    /// Accepts the connection, and nothing after it.
    Accept,
}

/// A server whose certificate, its own authority, is for 127.0.0.1 and `hook.default.svc`.
struct Server {
    address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    authority: String,
}

impl Server {
    async fn start(protocol: &str, does: Does) -> Self {
        let names = ["127.0.0.1", "hook.default.svc"].map(str::to_owned);
        let own = generate_simple_self_signed(names).unwrap();
        let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key.into())
            .unwrap();
        tls.alpn_protocols = vec![protocol.into()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = Self {
            address: listener.local_addr().unwrap(),
            accepted: Arc::default(),
            authority: own.cert.pem(),
        };
        let accepted = server.accepted.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                accepted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(connection(stream, acceptor.clone(), does));
            }
        });
        server
    }

    fn tls(&self) -> ClientConfig {
        trusting(self.authority.as_bytes(), None).unwrap()
    }

    fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    async fn get(&self, client: &HttpsClient) -> Result<Reply, HttpsError> {
        get(client, &format!("https://{}/", self.address)).await
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, does: Does) {
    if does == Does::Accept {
        pending::<()>().await;
    }
    // a client that does not accept the certificate ends here
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    match does {
        Does::Respond(size) => respond(stream, size).await,
        Does::Close => respond_and_close(stream).await,
        Does::Handshake | Does::Accept => pending().await,
    }
}

async fn respond(stream: TlsStream<TcpStream>, size: usize) {
    let service = service_fn(move |request: Request<_>| async move {
        let mut response = Response::new(Full::new(Bytes::from(vec![b'x'; size])));
        let version = match request.version() {
            Version::HTTP_2 => H2,
            _ => H1,
        };
        let headers = response.headers_mut();
        headers.insert("version", version.parse().unwrap());
        Ok::<_, Infallible>(response)
    });
    let builder = auto::Builder::new(TokioExecutor::new());
    let served = builder.serve_connection(TokioIo::new(stream), service);
    let _ = served.await;
}

async fn respond_and_close(mut stream: TlsStream<TcpStream>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let response = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    stream.write_all(response).await.unwrap();
    stream.shutdown().await.unwrap();
}

async fn get(client: &HttpsClient, url: &str) -> Result<Reply, HttpsError> {
    client.send(Method::GET, url, HeaderMap::new(), "").await
}

/// Waits until the pool has noticed the end of a connection.
async fn settle() {
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[tokio::test]
async fn requests_share_a_connection() {
    for protocol in [H1, H2] {
        let server = Server::start(protocol, Does::Respond(10)).await;
        let client = HttpsClient::new(server.tls());
        for _ in 0..3 {
            let reply = server.get(&client.clone()).await.unwrap();
            assert_eq!((reply.code, reply.body.len()), (200, 10));
            assert_eq!(reply.headers["version"], protocol);
            settle().await;
        }
        assert_eq!(server.accepted(), 1, "{protocol}");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_is_replaced() {
    let server = Server::start(H1, Does::Close).await;
    let client = HttpsClient::new(server.tls());
    for request in 1..=3 {
        assert_eq!(server.get(&client).await.unwrap().body, "ok");
        settle().await;
        assert_eq!(server.accepted(), request);
    }
}

#[tokio::test]
async fn a_silent_server_is_waited_for_until_the_deadline() {
    for protocol in [H1, H2] {
        for does in [Does::Accept, Does::Handshake] {
            let server = Server::start(protocol, does).await;
            let client = HttpsClient::new(server.tls()).with_timeout(Duration::from_millis(200));
            let start = Instant::now();
            let error = server.get(&client).await.unwrap_err();
            assert!(matches!(error, HttpsError::Timeout), "{error}");
            assert_eq!(error.to_string(), "no answer in time");
            let took = start.elapsed();
            assert!(took > Duration::from_millis(190), "{took:?}");
            assert!(took < Duration::from_secs(5), "{took:?}");
        }
    }
}

#[tokio::test]
async fn a_response_that_is_too_large_is_an_error() {
    for protocol in [H1, H2] {
        let server = Server::start(protocol, Does::Respond(100_001)).await;
        let client = HttpsClient::new(server.tls());
        let larger = client.clone().with_response_max(100_001);
        assert_eq!(server.get(&larger).await.unwrap().body.len(), 100_001);
        let error = server.get(&client.with_response_max(100_000)).await;
        let error = error.unwrap_err().to_string();
        assert_eq!(error, "cannot read the answer: length limit exceeded");
    }
}

#[tokio::test]
async fn a_failed_connection_says_why() {
    let server = Server::start(H2, Does::Respond(1)).await;
    let other = Server::start(H2, Does::Respond(1)).await;
    let error = server.get(&HttpsClient::new(other.tls())).await;
    let error = error.unwrap_err().to_string();
    assert!(error.starts_with("invalid peer certificate"), "{error}");

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let url = format!("https://{}/", listener.local_addr().unwrap());
    drop(listener);
    match get(&HttpsClient::new(server.tls()), &url).await {
        Err(HttpsError::Connection(e)) => {
            assert_eq!(e.kind(), io::ErrorKind::ConnectionRefused);
            assert_eq!(e.to_string(), "Connection refused (os error 111)");
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn an_invalid_url_is_named_without_its_password() {
    let server = Server::start(H2, Does::Respond(1)).await;
    let client = HttpsClient::new(server.tls());
    let credentials = "\"https://…@h\": credentials in a URL are not supported";
    for (url, why) in [
        ("http://h", "\"http://h\" is not an https URL"),
        ("https://h:port", "\"https://h:port\" is not an https URL"),
        ("https://bob:pw@h", credentials),
        ("https://bob:p/w@h", credentials),
    ] {
        assert_eq!(get(&client, url).await.unwrap_err().to_string(), why);
    }
}

/// Every service is at one address.
struct Services(SocketAddr);

#[async_trait]
impl Resolve for Services {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Option<String>> {
        match (host, port) {
            ("gone.default.svc", _) => Err(io::Error::other("no such service")),
            (host, 443) if host.ends_with(".svc") => Ok(Some(self.0.to_string())),
            _ => Ok(None),
        }
    }
}

#[tokio::test]
async fn a_name_is_verified_wherever_it_is_dialled() {
    let server = Server::start(H2, Does::Respond(1)).await;
    let services = Arc::new(Services(server.address));
    let client = HttpsClient::resolving(server.tls(), services);
    let reply = get(&client, "https://hook.default.svc/mutate").await;
    assert_eq!(reply.unwrap().code, 200);
    assert_eq!(server.get(&client).await.unwrap().code, 200, "by DNS");
    for (url, why) in [
        ("https://hook.other.svc", "certificate not valid for name"),
        ("https://gone.default.svc", "no such service"),
    ] {
        let error = get(&client, url).await.unwrap_err();
        assert!(matches!(error, HttpsError::Connection(_)), "{error:?}");
        assert!(error.to_string().contains(why), "{error}");
    }
}
