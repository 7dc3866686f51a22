//! The clients of kubelets.
//!
//! Upstream: `pkg/kubelet/client/kubelet_client.go`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response};
use k8s_openapi::api::core::v1::Node;
use parking_lot::Mutex;
use portcullis_api::Status;
use portcullis_storage::ReadAt;

use super::https::{ClientCertificate, HttpsError, StreamClient, trusting, trusting_anyone};
use super::identity::ClientIdentity;
use super::upgrade;
use super::webhook_client::go_error;
use crate::config::Kubelets as Options;
use crate::pki::Identity;
use crate::response;
use portcullis_controllers::bootstrap;
use portcullis_kinds::table;
use portcullis_registry::{Registry, Scope, codec};

/// The default port of a kubelet.
const PORT: i32 = 10250;
/// The declared feature of a node whose kubelet supports the protocols that others leave to the API server.
const EXTENDS_WEBSOCKETS: &str = "ExtendWebSocketsToKubelet";

/// How many timeouts a response to exec, attach or portforward may take: a busy kubelet waits for its container
/// runtime first, and upstream waits for both without end.
const ANSWER_TIMEOUTS: u32 = 6;

/// Sends requests to kubelets, with a client certificate that they accept.
pub struct Kubelets {
    identity: ClientIdentity,
    /// Who signs the certificates of kubelets, as PEM; if none, they are not verified.
    authority: Option<String>,
    clients: Mutex<Clients>,
    /// Which of a node's addresses to use, the best first.
    address_types: Vec<String>,
    timeout: Duration,
}

/// The clients that present a certificate. New ones are made when it changes: sessions of before would
/// go on presenting that of before.
#[derive(Clone)]
struct Clients {
    identity: Arc<Identity>,
    verifying: StreamClient,
    /// For logs whose reader does not care whose they are.
    unverifying: StreamClient,
}

impl Clients {
    fn new(
        identity: Arc<Identity>,
        authority: Option<&str>,
        timeout: Duration,
    ) -> Result<Self, HttpsError> {
        let presented = ClientCertificate::of(&identity);
        let presented = Some(&presented);
        let client = |tls| StreamClient::new(tls, None, timeout);
        let verifying = match authority {
            Some(authority) => trusting(authority.as_bytes(), presented)?,
            None => trusting_anyone(presented)?,
        };
        Ok(Self {
            verifying: client(verifying),
            unverifying: client(trusting_anyone(presented)?),
            identity,
        })
    }
}

/// Where a kubelet is, and what it can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kubelet {
    /// Its address or name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether it supports the newer protocols of a websocket.
    pub extends_websockets: bool,
}

impl Kubelet {
    fn of(node: &Node, address_types: &[String]) -> Result<Self, Status> {
        let status = node.status.clone().unwrap_or_default();
        let addresses = status.addresses.unwrap_or_default();
        let mut preferred = address_types.iter().filter_map(|wanted| {
            let mut addresses = addresses.iter();
            addresses.find(|address| address.type_ == *wanted)
        });
        let host = preferred.next().ok_or_else(|| {
            let known: Vec<_> = addresses
                .iter()
                .map(|known| format!("{{{} {}}}", known.type_, known.address))
                .collect();
            let known = known.join(" ");
            Status::unknown(format!(
                "no preferred addresses found; known addresses: [{known}]"
            ))
        })?;
        let endpoint = status.daemon_endpoints.and_then(|e| e.kubelet_endpoint);
        let port = endpoint.map_or(0, |endpoint| endpoint.port);
        let port = if port > 0 { port } else { PORT };
        let features = status.declared_features.unwrap_or_default();
        Ok(Self {
            host: host.address.clone(),
            port: u16::try_from(port)
                .map_err(|_| Status::unknown(format!("the kubelet's port {port} is invalid")))?,
            extends_websockets: features.iter().any(|name| name == EXTENDS_WEBSOCKETS),
        })
    }

    /// A URL of the kubelet.
    pub fn url(&self, path_and_query: &str) -> String {
        format!("https://{}{path_and_query}", self.authority())
    }

    /// Host and port.
    pub fn authority(&self) -> String {
        authority(&self.host, self.port)
    }
}

/// Host and port in the form of URLs.
pub fn authority(host: &str, port: u16) -> String {
    match host.contains(':') {
        true => format!("[{host}]:{port}"),
        false => format!("{host}:{port}"),
    }
}

impl Kubelets {
    /// Authenticates with `identity`, and verifies kubelets by `authority`, as PEM, if there is one.
    ///
    /// # Errors
    /// [`HttpsError::Certificates`].
    pub fn new(
        options: &Options,
        authority: Option<String>,
        identity: ClientIdentity,
    ) -> Result<Self, HttpsError> {
        let timeout = options.kubelet_timeout;
        let clients = Clients::new(identity.current(), authority.as_deref(), timeout)?;
        Ok(Self {
            clients: Mutex::new(clients),
            identity,
            authority,
            address_types: options.kubelet_preferred_address_types.clone(),
            timeout,
        })
    }

    /// The clients that present what the files say now.
    fn clients(&self) -> Clients {
        let (mut clients, current) = (self.clients.lock(), self.identity.current());
        if !Arc::ptr_eq(&clients.identity, &current) {
            match Clients::new(current, self.authority.as_deref(), self.timeout) {
                Ok(new) => *clients = new,
                Err(error) => {
                    tracing::warn!(
                        %error,
                        "the new kubelet client certificate cannot be used; the previous one is kept"
                    );
                }
            }
        }
        clients.clone()
    }

    /// The kubelet of a node.
    ///
    /// # Errors
    /// 404 for a node that is not registered, 500 for one without a usable address.
    pub async fn of_node(&self, registry: &Registry, node: &str) -> Result<Kubelet, Status> {
        let user = bootstrap::system();
        let scope = Scope::all(table::NODES, &user).named("", node);
        let entry = registry.get(&scope, ReadAt::Latest).await?;
        let object = codec::object(scope.resource, &entry)?;
        let node = object.as_kind::<Node>();
        let node = node.ok_or_else(|| Status::internal("a node of an unexpected type"))?;
        Kubelet::of(node, &self.address_types)
    }

    /// What asks kubelets.
    pub fn client(&self) -> StreamClient {
        self.clients().verifying
    }

    /// Forwards a request that switches to another protocol.
    ///
    /// # Errors
    /// 500 for a kubelet that does not respond in time, or cannot be reached.
    pub async fn switch(&self, request: Request<Bytes>) -> Result<response::Response, Status> {
        let client = self.client();
        let timeout = self.timeout.saturating_mul(ANSWER_TIMEOUTS);
        let switched = upgrade::switch(&client, request, timeout);
        switched.await.map_err(Status::unknown)
    }

    /// Sends a GET whose response is streamed; `timeout` is the time until it begins. With `insecure` the
    /// kubelet's certificate is not verified.
    ///
    /// # Errors
    /// 500 for a kubelet that does not respond in time, or cannot be reached.
    pub async fn get(
        &self,
        url: &str,
        insecure: bool,
        timeout: Duration,
    ) -> Result<Response<Body>, Status> {
        let request = Request::get(url).body(Bytes::new());
        let request = request.map_err(|error| Status::unknown(format!("{url:?}: {error}")))?;
        let client = match insecure {
            true => self.clients().unverifying,
            false => self.client(),
        };
        let answer = client.open(request, timeout).await;
        let answer = answer.map_err(|error| go_error::text(&error, url));
        let answer = answer.and_then(upgrade::stays);
        answer.map_err(|why| Status::unknown(format!("Get {url:?}: {why}")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn of(status: &Value) -> Result<Kubelet, String> {
        let node = json!({"metadata": {"name": "n"}, "status": status});
        let node: Node = serde_json::from_value(node).unwrap();
        let types = ["Hostname", "InternalIP"].map(str::to_owned);
        Kubelet::of(&node, &types).map_err(|status| status.message)
    }

    #[test]
    fn a_kubelet_is_where_its_node_says() {
        let found = of(&json!({
            "addresses": [{"type": "ExternalIP", "address": "1.2.3.4"},
                {"type": "InternalIP", "address": "fd00::1"}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10251}},
            "declaredFeatures": ["A", "ExtendWebSocketsToKubelet"]}));
        let found = found.unwrap();
        assert_eq!(found.url("/x"), "https://[fd00::1]:10251/x");
        assert!(found.extends_websockets);
        let found = of(
            &json!({"addresses": [{"type": "InternalIP", "address": "10.0.0.1"},
            {"type": "Hostname", "address": "n"}]}),
        );
        assert_eq!(found.unwrap().authority(), "n:10250");
    }

    #[test]
    fn a_node_without_such_an_address_has_no_kubelet() {
        let none = of(&json!({})).unwrap_err();
        assert_eq!(none, "no preferred addresses found; known addresses: []");
        let other = json!({"addresses": [{"type": "ExternalIP", "address": "1.2.3.4"}]});
        let other = of(&other).unwrap_err();
        let expected = "no preferred addresses found; known addresses: [{ExternalIP 1.2.3.4}]";
        assert_eq!(other, expected);
    }
}
