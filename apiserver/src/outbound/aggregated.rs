//! The clients of the servers that API services name.
//!
//! Upstream: `handler_proxy.go` of kube-aggregator, and `discovery` of its availability controller.

pub mod metrics;
mod specs;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, Request, Response};
use k8s_openapi::kube_aggregator::pkg::apis::apiregistration::v1::APIService;
use parking_lot::{Mutex, RwLock};
use portcullis_api::UserInfo;
use portcullis_controllers::availability::Probe;
use portcullis_kinds::kinds::api_service::name_of;
use portcullis_openapi::discovery::registration::resources_of;
use prometheus::core::Collector;
use serde_json::Value;

use self::metrics::Losses;
use self::specs::Specs;
use super::headers;
use super::https::{self, ClientCertificate, HttpsClient, HttpsError, Resolve, StreamClient};
use super::identity::ClientIdentity;
use super::upgrade;
use super::webhook_client::go_error;
use crate::pki::Identity;
use crate::response;

/// How long a server may take to begin its response.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How long connecting to it may take, for a request that switches to another protocol.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long its discovery may take (upstream: `sync` of the availability controller).
const DISCOVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest discovery document, in bytes.
const DISCOVERY_MAX: usize = 4 * 1024 * 1024;
/// The user of discovery requests.
const AGGREGATOR: &str = "system:kube-aggregator";

/// The resources of versions in the servers' last discovery documents, by the name of the API service.
pub type Discovered = HashMap<String, Vec<Value>>;

/// Sends requests to the servers of API services, as a front proxy that they accept.
pub struct AggregatedServers {
    services: Arc<dyn Resolve>,
    identity: ClientIdentity,
    /// By the name of the API service.
    clients: Mutex<HashMap<String, Kept>>,
    discovered: RwLock<Arc<Discovered>>,
    specs: Specs,
    losses: Losses,
}

/// Clients, and what they were made for. New ones are made when that changes: connections and sessions
/// of before would go on presenting the certificate of before.
struct Kept {
    spec: String,
    identity: Arc<Identity>,
    clients: Clients,
}

/// The clients of one service.
#[derive(Clone)]
struct Clients {
    requests: HttpsClient,
    streams: StreamClient,
}

impl AggregatedServers {
    /// Finds services by `services`, and presents `identity`.
    pub fn new(services: Arc<dyn Resolve>, identity: ClientIdentity) -> Self {
        Self {
            services,
            identity,
            clients: Mutex::default(),
            discovered: RwLock::default(),
            specs: Specs::default(),
            losses: Losses::default(),
        }
    }

    /// How often servers became unavailable, to be registered.
    pub fn losses(&self) -> Box<dyn Collector> {
        Box::new(self.losses.0.clone())
    }

    /// What servers last said that they serve; another one once any of them says something else.
    pub fn discovered(&self) -> Arc<Discovered> {
        self.discovered.read().clone()
    }

    /// Forwards a user's request to the server of a version; the body of the response is streamed. The URL of
    /// the request is its path and query.
    ///
    /// # Errors
    /// Why there is no response, with Go's text.
    pub async fn forward(
        &self,
        service: &APIService,
        mut request: Request<Bytes>,
        user: &UserInfo,
    ) -> Result<Response<Body>, String> {
        let clients = self.clients(service).map_err(|error| error.to_string())?;
        let url = direct(service, &mut request, user)?;
        let answer = clients.requests.with_timeout(TIMEOUT).open(request).await;
        let answer = answer.map_err(|error| go_error::text(&error, &url))?;
        let mut answer = upgrade::stays(answer)?;
        headers::without_hops(answer.headers_mut());
        Ok(answer)
    }

    /// Forwards a request that switches to another protocol.
    ///
    /// # Errors
    /// Why there is no response, with Go's text.
    pub async fn switch(
        &self,
        service: &APIService,
        mut request: Request<Bytes>,
        protocol: &HeaderValue,
        user: &UserInfo,
    ) -> Result<response::Response, String> {
        let clients = self.clients(service).map_err(|error| error.to_string())?;
        direct(service, &mut request, user)?;
        upgrade::ask(request.headers_mut(), protocol);
        upgrade::switch(&clients.streams, request, TIMEOUT).await
    }

    /// The clients of a service, kept while neither the API service nor the certificate changes.
    fn clients(&self, service: &APIService) -> Result<Clients, HttpsError> {
        let name = service.metadata.name.clone().unwrap_or_default();
        // a spec always serializes
        let made_for = serde_json::to_string(&service.spec).unwrap_or_default();
        let current = self.identity.current();
        if let Some(kept) = self.clients.lock().get(&name)
            && kept.spec == made_for
            && Arc::ptr_eq(&kept.identity, &current)
        {
            return Ok(kept.clients.clone());
        }
        let spec = service.spec.as_ref();
        let identity = ClientCertificate::of(&current);
        let identity = Some(&identity);
        let bundle = spec.and_then(|spec| spec.ca_bundle.as_ref());
        let bundle = bundle.map_or(&[][..], |bundle| &bundle.0);
        let tls = match bundle {
            _ if spec.and_then(|s| s.insecure_skip_tls_verify) == Some(true) => {
                https::trusting_anyone(identity)
            }
            [] => https::trusting_system(identity),
            bundle => https::trusting(bundle, identity),
        }?;
        let services = Some(self.services.clone());
        let clients = Clients {
            streams: StreamClient::new(tls.clone(), services, CONNECT_TIMEOUT),
            requests: HttpsClient::resolving(tls, self.services.clone()),
        };
        let kept = Kept {
            spec: made_for,
            clients: clients.clone(),
            identity: current,
        };
        self.clients.lock().insert(name, kept);
        Ok(clients)
    }

    async fn ask(&self, service: &APIService) -> Result<(), String> {
        let url = format!("{}{}", origin(service), discovery_path(service));
        let failing = |why: String| format!("failing or missing response from {url}: {why}");
        let clients = self.clients(service);
        let clients = clients.map_err(|error| failing(error.to_string()))?;
        let client = clients.requests.with_timeout(DISCOVERY_TIMEOUT);
        let client = client.with_response_max(DISCOVERY_MAX);
        let mut asking = HeaderMap::new();
        asking.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let user = UserInfo {
            name: AGGREGATOR.to_owned(),
            groups: vec![UserInfo::SYSTEM_MASTERS.to_owned()],
            ..UserInfo::default()
        };
        headers::prepare_forwarded_for(&mut asking, &user)?;
        let reply = client.send(http::Method::GET, &url, asking, "").await;
        let reply = reply
            .map_err(|error| failing(format!("Get {url:?}: {}", go_error::text(&error, &url))))?;
        if !(200..300).contains(&reply.code) {
            return Err(failing(format!("bad status from {url}: {}", reply.code)));
        }
        // an invalid document lists nothing, but the server is available
        let document = serde_json::from_slice(&reply.body).unwrap_or(Value::Null);
        let is_news = self.learn(service, resources_of(&document));
        self.specs.answered(service, is_news);
        Ok(())
    }

    /// Keeps what a server serves; whether that is something else than before.
    fn learn(&self, service: &APIService, resources: Vec<Value>) -> bool {
        let name = service.metadata.name.clone().unwrap_or_default();
        if self.discovered().get(&name) == Some(&resources) {
            return false;
        }
        let mut discovered = self.discovered.write();
        let mut all = Discovered::clone(&discovered);
        all.insert(name, resources);
        *discovered = Arc::new(all);
        true
    }

    fn forget(&self, name: &str) {
        self.clients.lock().remove(name);
        let mut discovered = self.discovered.write();
        if discovered.contains_key(name) {
            let mut all = Discovered::clone(&discovered);
            all.remove(name);
            *discovered = Arc::new(all);
        }
    }
}

#[async_trait]
impl Probe for AggregatedServers {
    async fn discovery(&self, service: &APIService) -> Result<(), String> {
        self.ask(service).await
    }

    fn gone(&self, name: &str) {
        self.forget(name);
        self.specs.forget(name);
        self.losses.forget(name);
    }

    fn unavailable(&self, name: &str, reason: &str) {
        self.losses.count(name, reason);
    }
}

/// Turns a client's request into one to the server of a service, on behalf of a user; returns its URL.
fn direct(
    service: &APIService,
    request: &mut Request<Bytes>,
    user: &UserInfo,
) -> Result<String, String> {
    let url = format!("{}{}", origin(service), request.uri());
    let no_url = |_| format!("{url:?} is not a URL");
    *request.uri_mut() = url.parse().map_err(no_url)?;
    headers::prepare_forwarded_for(request.headers_mut(), user)?;
    Ok(url)
}

/// The URL of a service, whose host is what its certificate must name.
fn origin(service: &APIService) -> String {
    let reference = service.spec.as_ref().and_then(|s| s.service.clone());
    let reference = reference.unwrap_or_default();
    let (name, namespace) = (reference.name, reference.namespace);
    format!(
        "https://{}.{}.svc:{}",
        name.unwrap_or_default(),
        namespace.unwrap_or_default(),
        reference.port.unwrap_or(443)
    )
}

/// The path of a server's discovery document.
fn discovery_path(service: &APIService) -> String {
    let spec = service.spec.as_ref();
    let group = spec.and_then(|s| s.group.clone()).unwrap_or_default();
    let version = spec.and_then(|s| s.version.clone()).unwrap_or_default();
    match service.metadata.name == Some(name_of("", "v1")) {
        true => format!("/api/{version}"),
        false => format!("/apis/{group}/{version}"),
    }
}
