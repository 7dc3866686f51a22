//! Admission webhooks on loopback, over HTTPS, which can misbehave.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, LOCATION};
use http::{HeaderValue, Request, Response, StatusCode};
use parking_lot::Mutex;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivatePkcs8KeyDer;
use serde_json::{Value, json};
use time::OffsetDateTime;
use tokio_rustls::TlsAcceptor;

use super::https_server::serve;

/// A webhook's reply to a request.
pub enum Reply {
    /// A review whose response has these fields and the right uid.
    Review(Value),
    /// Any response.
    Raw(StatusCode, Bytes),
    /// A redirect.
    Redirect(&'static str),
    /// No response.
    Never,
}

/// The certificate that a webhook presents.
#[derive(Clone, Copy, PartialEq)]
pub enum Certificate {
    /// For `127.0.0.1`, `localhost` and `hook.default.svc`.
    Good,
    /// The same for a certificate that is also an authority.
    Authority,
    Expired,
    /// For `other.example`.
    WrongName,
}

type Answer = dyn Fn(&str, &Value) -> Reply + Send + Sync;

/// A webhook; it ends with the runtime of its test.
pub struct Webhook {
    pub address: SocketAddr,
    authority: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

/// A call to a webhook.
pub struct Call {
    pub path: String,
    /// The `Authorization` header; empty if it is missing.
    pub authorization: String,
    pub request: Value,
}

impl Webhook {
    /// Starts a webhook whose answer depends on the path and on the request of a review.
    pub async fn start(answer: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static) -> Self {
        Self::presenting(Certificate::Good, answer).await
    }

    /// Starts a webhook that allows everything.
    pub async fn allowing() -> Self {
        Self::start(|_, _| allow()).await
    }

    pub async fn presenting(
        certificate: Certificate,
        answer: impl Fn(&str, &Value) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let (acceptor, authority) = acceptor(certificate);
        let calls: Arc<Mutex<Vec<Call>>> = Arc::default();
        let (noted, answer): (_, Arc<Answer>) = (calls.clone(), Arc::new(answer));
        let (address, _) = serve(acceptor, move |request| {
            let (calls, answer) = (noted.clone(), answer.clone());
            async move { respond(&request, &calls, &*answer).await }
        })
        .await;
        Self {
            address,
            authority,
            calls,
        }
    }

    /// The `clientConfig` of a path.
    pub fn config(&self, path: &str) -> Value {
        json!({"url": format!("https://{}{path}", self.address), "caBundle": self.bundle()})
    }

    /// The authority of its certificate, for configurations.
    pub fn bundle(&self) -> String {
        STANDARD.encode(&self.authority)
    }

    /// The calls since the last time.
    pub fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.calls.lock())
    }

    /// The requests of reviews since the last time.
    pub fn requests(&self) -> Vec<Value> {
        self.calls().into_iter().map(|call| call.request).collect()
    }

    /// The paths of calls since the last time.
    pub fn paths(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.path).collect()
    }
}

/// A reply that allows a request.
pub fn allow() -> Reply {
    Reply::Review(json!({"allowed": true}))
}

/// A reply that allows a request, with a patch.
pub fn patch(patch: &Value) -> Reply {
    let patch = STANDARD.encode(patch.to_string());
    Reply::Review(json!({"allowed": true, "patchType": "JSONPatch", "patch": patch}))
}

fn acceptor(certificate: Certificate) -> (TlsAcceptor, String) {
    let names = match certificate {
        Certificate::WrongName => vec!["other.example".to_owned()],
        _ => ["127.0.0.1", "localhost", "hook.default.svc"]
            .map(str::to_owned)
            .to_vec(),
    };
    let mut params = CertificateParams::new(names).unwrap();
    if certificate == Certificate::Expired {
        let now = OffsetDateTime::now_utc();
        params.not_before = now - Duration::from_secs(7200);
        params.not_after = now - Duration::from_secs(3600);
    }
    if certificate == Certificate::Authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap();
    let der = PrivatePkcs8KeyDer::from(key.serialize_der());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], der.into())
        .unwrap();
    (TlsAcceptor::from(Arc::new(tls)), own.pem())
}

async fn respond(
    request: &Request<Bytes>,
    calls: &Mutex<Vec<Call>>,
    answer: &Answer,
) -> Response<Bytes> {
    let path = request.uri().path().to_owned();
    let authorization = request.headers().get(AUTHORIZATION);
    let authorization = authorization.map_or("", |value| value.to_str().unwrap());
    let authorization = authorization.to_owned();
    let review: Value = serde_json::from_slice(request.body()).unwrap();
    let request = review["request"].clone();
    calls.lock().push(Call {
        path: path.clone(),
        authorization,
        request: request.clone(),
    });
    match answer(&path, &request) {
        Reply::Review(mut response) => {
            if response.get("uid").is_none() {
                response["uid"] = request["uid"].clone();
            }
            let review = json!({"kind": "AdmissionReview",
                "apiVersion": review["apiVersion"], "response": response});
            Response::new(review.to_string().into())
        }
        Reply::Raw(code, body) => {
            let mut response = Response::new(body);
            *response.status_mut() = code;
            response
        }
        Reply::Redirect(location) => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
            let location = HeaderValue::from_static(location);
            response.headers_mut().insert(LOCATION, location);
            response
        }
        Reply::Never => pending().await,
    }
}
