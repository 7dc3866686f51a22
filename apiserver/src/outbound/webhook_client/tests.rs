//! The client against webhooks on loopback.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Instant;

use async_trait::async_trait;
use http::{Request, Response};
use http_body_util::Full;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;

/// The only service is at an address.
struct Services(SocketAddr);

#[async_trait]
impl Resolve for Services {
    async fn resolve(&self, host: &str, _: u16) -> io::Result<Option<String>> {
        match host {
            "hook.default.svc" | "other.default.svc" => Ok(Some(self.0.to_string())),
            "gone.default.svc" => Err(io::Error::other("service \"gone\" not found")),
            _ => Ok(None),
        }
    }
}

/// A webhook for `127.0.0.1` and `hook.default.svc` that echoes its request, and never responds at `/slow`.
struct Hook {
    address: SocketAddr,
    authority: String,
}

impl Hook {
    async fn start() -> Self {
        let names = ["127.0.0.1", "hook.default.svc"].map(str::to_owned);
        let own = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivatePkcs8KeyDer::from(own.signing_key.serialize_der());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key.into())
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let listener = TcpListener::bind((here, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(stream) = acceptor.accept(stream).await else {
                    continue;
                };
                let service = service_fn(answer);
                tokio::spawn(async move {
                    let builder = auto::Builder::new(TokioExecutor::new());
                    let served = builder.serve_connection(TokioIo::new(stream), service);
                    let _ = served.await;
                });
            }
        });
        Self {
            address,
            authority: own.cert.pem(),
        }
    }

    async fn call(&self, target: Target<'_>, timeout: Duration) -> Result<Bytes, CallError> {
        let services = Arc::new(Services(self.address));
        let client = WebhookClient::new(&target, self.authority.as_bytes(), services)?;
        client.post(Bytes::from_static(b"{}"), timeout).await
    }
}

async fn answer(
    request: Request<hyper::body::Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let path = request.uri().path_and_query().unwrap().to_string();
    if path.starts_with("/slow") {
        std::future::pending::<()>().await;
    }
    let mut response = Response::new(Full::new(Bytes::from(path.clone())));
    if path.starts_with("/moved") {
        *response.status_mut() = http::StatusCode::FOUND;
        let location = HeaderValue::from_static("/other");
        response
            .headers_mut()
            .insert(http::header::LOCATION, location);
    }
    if path.starts_with("/huge") {
        *response.body_mut() = Full::new(Bytes::from(vec![b'x'; RESPONSE_MAX + 1]));
    }
    Ok(response)
}

const SECOND: Duration = Duration::from_secs(1);

fn service<'a>(name: &'a str, path: &'a str) -> Target<'a> {
    Target::Service {
        namespace: "default",
        name,
        path,
        port: 443,
    }
}

#[tokio::test]
async fn urls_and_services_are_called() {
    let hook = Hook::start().await;
    let url = format!("https://{}/a", hook.address);
    let answer = hook.call(Target::Url(&url), SECOND * 90).await;
    assert_eq!(answer.unwrap(), "/a?timeout=1m30s");
    let answer = hook.call(service("hook", "/b"), SECOND / 2).await;
    assert_eq!(answer.unwrap(), "/b?timeout=1s");
}

#[tokio::test]
async fn failures_have_gos_texts() {
    let hook = Hook::start().await;
    let at = |path: &str| format!("https://{}{path}", hook.address);
    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let gone = closed.local_addr().unwrap();
    drop(closed);
    for (target, why) in [
        (Target::Url(&format!("https://{gone}/x")), format!("Post \"https://{gone}/x?timeout=1s\": dial tcp {gone}: connect: connection refused")),
        (service("gone", ""), "Post \"https://gone.default.svc:443/?timeout=1s\": service \"gone\" not found".to_owned()),
        (service("other", ""), "Post \"https://other.default.svc:443/?timeout=1s\": x509: certificate is valid for hook.default.svc, not other.default.svc".to_owned()),
        (Target::Url(&at("/moved")), "the server responded with the status code 302 but did not return more information".to_owned()),
        (Target::Url("https://no-such-host.invalid/"), "Post \"https://no-such-host.invalid/?timeout=1s\": dial tcp: lookup no-such-host.invalid: no such host".to_owned()),
    ] {
        let error = hook.call(target, SECOND).await.unwrap_err();
        assert_eq!(error.to_string(), why, "{target:?}");
    }
    let huge = hook.call(Target::Url(&at("/huge")), SECOND * 5).await;
    let huge = huge.unwrap_err().to_string();
    assert!(huge.contains("length limit exceeded"), "{huge}");
}

#[tokio::test]
async fn a_webhook_that_cannot_be_dialled_fails_when_it_is_called() {
    let hook = Hook::start().await;
    let url = Target::Url("https://bücher.example:70000/ä");
    let error = hook.call(url, SECOND).await.unwrap_err();
    let why = "dial tcp: address 70000: invalid port";
    let url = "https://b%C3%BCcher.example:70000/%C3%A4?timeout=1s";
    assert_eq!(error, CallError::Call(format!("Post \"{url}\": {why}")));
    let error = hook.call(Target::Url("https://h:x"), SECOND).await;
    let why = "Unparsable URL: parse \"https://h:x\": invalid port \":x\" after host";
    assert_eq!(error, Err(CallError::Config(why.to_owned())));
}

#[tokio::test]
async fn a_webhook_has_its_timeout() {
    let hook = Hook::start().await;
    let url = format!("https://{}/slow", hook.address);
    let start = Instant::now();
    let error = hook.call(Target::Url(&url), SECOND / 5).await.unwrap_err();
    let expected = format!("Post \"{url}?timeout=1s\": context deadline exceeded");
    assert_eq!(error, CallError::Call(expected));
    assert!(start.elapsed() < SECOND * 3, "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_webhook_is_trusted_by_its_bundle_only() {
    let (hook, other) = (Hook::start().await, Hook::start().await);
    let url = format!("https://{}/a", hook.address);
    let services = Arc::new(Services(hook.address));
    let of_others = other.authority.as_bytes();
    let client = WebhookClient::new(&Target::Url(&url), of_others, services.clone()).unwrap();
    let error = client.post(Bytes::new(), SECOND).await.unwrap_err();
    let expected =
        format!("Post \"{url}?timeout=1s\": x509: certificate signed by unknown authority");
    assert_eq!(error, CallError::Call(expected));
    let broken = WebhookClient::new(&Target::Url(&url), b"no PEM", services);
    assert!(matches!(broken, Err(CallError::Config(_))));
}
