//! Connections to nodes, pods and services.

mod certificates;
mod logs;
mod proxy;
mod tunnels;
mod unreachable;

use std::net::SocketAddr;
use std::time::Duration;

use portcullis::config::Deadlines;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::kubelet::{TestKubelet, head, headers};
use crate::support::server::TestServer;

pub const PODS: &str = "/api/v1/namespaces/default/pods";
/// The upgrade that kubectl requests.
pub const SPDY: &str =
    "Connection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n";

/// A server, and a kubelet whose node has a pod with containers of these names.
pub struct Cluster {
    pub server: TestServer,
    pub kubelet: TestKubelet,
}

impl Cluster {
    pub async fn start(containers: &[&str], flags: &[&str]) -> Self {
        Self::start_with(containers, flags, Deadlines::default()).await
    }

    pub async fn start_with(containers: &[&str], flags: &[&str], deadlines: Deadlines) -> Self {
        let kubelet = TestKubelet::start(&[]).await;
        let server = TestServer::start_with(flags, deadlines).await;
        let cluster = Self { server, kubelet };
        let admin = cluster.server.admin();
        node(&admin, "n1", cluster.kubelet.address()).await;
        pod(&admin, "n1", containers).await;
        cluster
    }

    /// The answer to an upgrade request of the admin.
    pub async fn upgrade(&self, method: &str, path: &str, headers: &str) -> Upgraded {
        upgrade(&self.server.admin(), method, path, headers).await
    }
}

/// Registers a node with this kubelet.
pub async fn node(admin: &Client, name: &str, kubelet: SocketAddr) {
    let node = json!({"metadata": {"name": name}, "status": {
        "addresses": [{"type": "InternalIP", "address": kubelet.ip().to_string()}],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": kubelet.port()}}}});
    let created = admin.post("/api/v1/nodes", &node).await;
    assert_eq!(created.code, 201, "{created:?}");
}

/// Makes the pod `web` on a node.
pub async fn pod(admin: &Client, node: &str, containers: &[&str]) {
    let containers: Vec<Value> = containers
        .iter()
        .map(|name| json!({"name": name, "image": "i"}))
        .collect();
    let pod = json!({"metadata": {"name": "web"},
        "spec": {"nodeName": node, "containers": containers}});
    let created = admin.post(PODS, &pod).await;
    assert_eq!(created.code, 201, "{created:?}");
}

/// An answer, and its connection.
pub struct Upgraded {
    pub code: u16,
    pub head: String,
    pub stream: TlsStream<TcpStream>,
}

impl Upgraded {
    /// A header of the answer; empty if it is missing.
    pub fn header(&self, name: &str) -> String {
        headers(&self.head).remove(name).unwrap_or_default()
    }
}

/// Requests an upgrade; `headers` are complete lines.
pub async fn upgrade(client: &Client, method: &str, path: &str, headers: &str) -> Upgraded {
    let mut stream = client.clone().over_http1().raw().await;
    let request = format!("{method} {path} HTTP/1.1\r\nHost: server\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head(&mut stream).await;
    let code = head.split(' ').nth(1).unwrap_or_default();
    Upgraded {
        code: code.parse().unwrap_or_default(),
        head,
        stream,
    }
}

/// Polls for a condition that has no event.
pub async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "{what}");
}
