//! The proxy subresources of nodes, pods and services.

use std::net::{IpAddr, SocketAddr, UdpSocket};

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

use super::{Cluster, PODS, SPDY};

const SERVICES: &str = "/api/v1/namespaces/default/services";

/// An address of this machine other than loopback, which no pod can have. Nothing is sent.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").unwrap();
    socket.local_addr().unwrap().ip()
}

/// An application in a pod that echoes its requests, until it is dropped.
struct Application {
    address: SocketAddr,
    accepting: JoinHandle<()>,
}

impl Drop for Application {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Application {
    async fn start() -> Self {
        let listener = TcpListener::bind((own_address(), 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepting = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let service = service_fn(answer);
                connections.spawn(async move {
                    let serving = http1::Builder::new();
                    let _ = serving
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self { address, accepting }
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let header = |name: &str| {
        parts
            .headers
            .get(name)
            .map(|v| v.to_str().unwrap().to_owned())
    };
    let told = json!({"method": parts.method.as_str(), "uri": parts.uri.to_string(),
        "host": header("host"), "forwardedFor": header("x-forwarded-for"),
        "forwardedUri": header("x-forwarded-uri"), "authorization": header("authorization"),
        "hop": header("x-hop"), "body": String::from_utf8_lossy(&body)});
    let mut response = Response::new(Full::new(told.to_string().into()));
    let headers = response.headers_mut();
    headers.insert("content-type", "application/json".parse().unwrap());
    headers.insert("access-control-allow-origin", "*".parse().unwrap());
    if let Some(target) = parts.uri.query().and_then(|q| q.strip_prefix("to=")) {
        headers.insert("location", target.parse().unwrap());
        *response.status_mut() = StatusCode::FOUND;
    }
    Ok(response)
}

/// Gives the pod `web` an address.
async fn address_pod(cluster: &Cluster, ip: &str) {
    let admin = cluster.server.admin();
    let merge = admin.header("content-type", "application/merge-patch+json");
    let status = json!({"status": {"podIP": ip, "podIPs": [{"ip": ip}]}}).to_string();
    let path = format!("{PODS}/web/status");
    let patched = merge.ask(Method::PATCH, &path, status).await;
    assert_eq!(patched.code, 200, "{patched:?}");
}

#[tokio::test]
async fn a_pod_is_reached_through_the_server() {
    let application = Application::start().await;
    let (ip, port) = (application.address.ip(), application.address.port());
    let cluster = Cluster::start(&["a"], &[]).await;
    address_pod(&cluster, &ip.to_string()).await;
    let proxy = format!("{PODS}/web:{port}/proxy");
    let admin = cluster.server.admin().header("x-forwarded-for", "10.9.9.9");
    for client in [admin.clone(), admin.over_http1()] {
        let client = client.header("connection", "x-hop").header("x-hop", "1");
        for method in [
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ] {
            let sent = if method == Method::GET { "" } else { "hello" };
            let path = format!("{proxy}/a%2Fb/c/?x=1&y=%20");
            let answer = client.ask(method.clone(), &path, sent).await;
            let told = answer.json();
            assert_eq!(answer.code, 200);
            assert_eq!(told["method"], method.as_str());
            assert_eq!(told["uri"], "/a%2Fb/c/?x=1&y=%20");
            assert_eq!(told["body"], sent);
            assert_eq!(told["host"], cluster.server.address().to_string());
            assert_eq!(told["forwardedUri"], format!("{proxy}/a%2Fb/c/"));
            assert_eq!(told["forwardedFor"], "10.9.9.9, 127.0.0.1");
            assert_eq!(
                (&told["authorization"], &told["hop"]),
                (&Value::Null, &Value::Null)
            );
            assert_eq!(answer.headers.get("access-control-allow-origin"), None);
        }
    }
    let client = cluster.server.admin();
    let root = client.get(&format!("{proxy}?a=b")).await;
    assert_eq!(root.code, 301);
    assert_eq!(root.headers["location"], format!("{proxy}/?a=b"));
    assert_eq!(client.get(&format!("{proxy}/")).await.json()["uri"], "/");
    for (to, expected) in [
        ("/home".to_owned(), format!("{proxy}/home")),
        (
            format!("http://{}/home", application.address),
            format!("{proxy}/home"),
        ),
        (
            "https://example.com/".to_owned(),
            "https://example.com/".to_owned(),
        ),
    ] {
        let moved = client.get(&format!("{proxy}/x?to={to}")).await;
        assert_eq!(
            (moved.code, moved.headers["location"].to_str().unwrap()),
            (302, expected.as_str())
        );
    }
    drop(application);
    let gone = client.get(&format!("{proxy}/")).await;
    let expected =
        format!("error trying to reach service: dial tcp {ip}:{port}: connect: connection refused");
    assert_eq!((gone.code, gone.message()), (503, expected));
}

#[tokio::test]
async fn a_pod_with_an_address_of_this_machine_is_not_reached() {
    let cluster = Cluster::start(&["a"], &[]).await;
    let admin = cluster.server.admin();
    for ip in ["127.0.0.1", "169.254.169.254"] {
        address_pod(&cluster, ip).await;
        let answer = admin.get(&format!("{PODS}/web/proxy/")).await;
        assert_eq!(
            (answer.code, answer.message().as_str()),
            (400, "address not allowed")
        );
    }
    let service = json!({"metadata": {"name": "here"}, "spec": {"ports": [{"port": 80}]}});
    assert_eq!(admin.post(SERVICES, &service).await.code, 201);
    let slice = json!({"metadata": {"name": "here-x",
        "labels": {"kubernetes.io/service-name": "here"}}, "addressType": "FQDN",
        "endpoints": [{"addresses": ["localhost.localdomain"]}], "ports": [{"port": 1}]});
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    assert_eq!(admin.post(slices, &slice).await.code, 201);
    let named = admin.get(&format!("{SERVICES}/here/proxy/")).await;
    assert_eq!(
        (named.code, named.message().as_str()),
        (400, "address not allowed")
    );
    let port = cluster.kubelet.address().port() - 1;
    let beside = admin.get(&format!("/api/v1/nodes/n1:{port}/proxy/")).await;
    assert_eq!(
        (beside.code, beside.message().as_str()),
        (400, "address not allowed")
    );
}

#[tokio::test]
async fn a_node_is_reached_at_its_kubelet() {
    let cluster = Cluster::start(&["a"], &[]).await;
    let admin = cluster.server.admin();
    let port = cluster.kubelet.address().port();
    for node in [
        "n1".to_owned(),
        format!("n1:{port}"),
        format!("https:n1:{port}"),
    ] {
        let path = format!("/api/v1/nodes/{node}/proxy/stats/summary?only=cpu");
        let answer = admin.get(&path).await;
        assert_eq!(
            (answer.code, &answer.body[..]),
            (200, &b"GET /stats/summary?only=cpu"[..])
        );
        let shown = cluster.kubelet.last().shown;
        assert_eq!(shown, "O=system:masters, CN=kube-apiserver-kubelet-client");
    }
    assert_eq!(admin.get("/api/v1/nodes/n2/proxy/").await.code, 404);
    assert_eq!(
        cluster
            .server
            .alice()
            .get("/api/v1/nodes/n1/proxy/")
            .await
            .code,
        403
    );
    let path = "/api/v1/nodes/n1/proxy/exec/default/web/a?command=x";
    assert_eq!(cluster.upgrade("POST", path, SPDY).await.code, 101);
}

#[tokio::test]
async fn a_service_is_reached_at_its_endpoints() {
    let application = Application::start().await;
    let cluster = Cluster::start(&["a"], &[]).await;
    let admin = cluster.server.admin();
    let service = json!({"metadata": {"name": "web"}, "spec": {"ports": [
        {"name": "http", "port": 80}, {"name": "other", "port": 81}]}});
    assert_eq!(admin.post(SERVICES, &service).await.code, 201);
    let none = admin.get(&format!("{SERVICES}/web:80/proxy/")).await;
    let expected = "no endpoints available for service \"web\"";
    assert_eq!((none.code, none.message().as_str()), (503, expected));
    let endpoints = json!({"metadata": {"name": "web"}, "subsets": [{
        "addresses": [{"ip": application.address.ip().to_string()}],
        "ports": [{"name": "http", "port": application.address.port()}]}]});
    let all = "/api/v1/namespaces/default/endpoints";
    assert_eq!(admin.post(all, &endpoints).await.code, 201);
    for port in ["80", "http"] {
        let told = admin.get(&format!("{SERVICES}/web:{port}/proxy/x")).await;
        assert_eq!(told.json()["uri"], "/x", "{port}");
    }
    let unknown = admin.get(&format!("{SERVICES}/web:8080/proxy/")).await;
    let expected = "no service port 8080 found for service \"web\"";
    assert_eq!((unknown.code, unknown.message().as_str()), (503, expected));
    let encrypted = admin.get(&format!("{SERVICES}/https:web:80/proxy/")).await;
    assert_eq!(encrypted.code, 503, "it does not speak TLS");
    let ftp = admin.get(&format!("{SERVICES}/ftp:web:80/proxy/")).await;
    let expected = "invalid service request \"ftp:web:80\"";
    assert_eq!((ftp.code, ftp.message().as_str()), (400, expected));
}
