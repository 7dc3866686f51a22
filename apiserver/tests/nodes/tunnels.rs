//! Exec, attach and portforward.

use std::time::Duration;

use portcullis::config::Deadlines;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::runtime::Handle;

use super::{Cluster, PODS, SPDY, Upgraded, until, upgrade};
use crate::authn::requests::protocol;
use crate::support::PATIENCE;
use crate::support::kubelet::{CUT, head};
use crate::support::server::ALICES_TOKEN;

/// The upgrade that Python's client and others request.
const WEBSOCKET: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Protocol: v4.channel.k8s.io\r\n";

async fn is_echoed(tunnel: &mut Upgraded, said: &[u8]) {
    tunnel.stream.write_all(said).await.unwrap();
    let mut heard = vec![0; said.len()];
    tunnel.stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(heard, said);
}

#[tokio::test]
async fn an_upgrade_is_forwarded_unchanged() {
    let cluster = Cluster::start(&["a"], &[]).await;
    let path = format!("{PODS}/web/exec?command=sh&command=-c&container=a&stdin=true&stdout=true");
    let mut spdy = cluster.upgrade("POST", &path, SPDY).await;
    assert_eq!(
        (spdy.code, spdy.header("upgrade").as_str()),
        (101, "SPDY/3.1")
    );
    is_echoed(&mut spdy, b"\x80\x03\x00\x01 whatever this is").await;
    let asked = cluster.kubelet.last();
    assert_eq!(asked.method, "POST");
    assert_eq!(
        asked.target,
        "/exec/default/web/a?command=sh&command=-c&input=1&output=1"
    );
    assert_eq!(
        asked.headers["x-stream-protocol-version"],
        "v4.channel.k8s.io"
    );
    assert_eq!(asked.headers["upgrade"], "SPDY/3.1");
    assert_eq!(
        asked.shown,
        "O=system:masters, CN=kube-apiserver-kubelet-client"
    );

    let path = format!("{PODS}/web/attach?stderr=true&tty=true");
    let mut websocket = cluster.upgrade("GET", &path, WEBSOCKET).await;
    assert_eq!(websocket.code, 101);
    assert_eq!(
        websocket.header("sec-websocket-protocol"),
        "v4.channel.k8s.io"
    );
    is_echoed(&mut websocket, b"\x81\x01x").await;
    let asked = cluster.kubelet.last();
    assert_eq!(asked.target, "/attach/default/web/a?error=1&tty=1");
    assert_eq!(
        asked.headers["sec-websocket-key"],
        "dGhlIHNhbXBsZSBub25jZQ=="
    );

    let path = format!("{PODS}/web/portforward?ports=80&ports=443");
    let mut ports = cluster.upgrade("POST", &path, SPDY).await;
    is_echoed(&mut ports, b"GET / HTTP/1.1\r\n\r\n").await;
    assert_eq!(
        cluster.kubelet.last().target,
        "/portForward/default/web?port=80%2C443"
    );
}

/// A client need not wait for the answer to its upgrade.
#[tokio::test]
async fn early_data_arrives() {
    let cluster = Cluster::start(&["a"], &[]).await;
    let mut stream = cluster.server.admin().over_http1().raw().await;
    let path = format!("{PODS}/web/exec?command=x");
    let early = format!("POST {path} HTTP/1.1\r\nHost: server\r\n{SPDY}\r\nearly");
    stream.write_all(early.as_bytes()).await.unwrap();
    stream.write_all(b" bird").await.unwrap();
    assert!(head(&mut stream).await.starts_with("HTTP/1.1 101"));
    let mut heard = [0; 10];
    stream.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"early bird");
}

#[tokio::test]
async fn a_clients_credentials_are_not_sent_to_kubelets() {
    let cluster = Cluster::start(&["a"], &["--authorization-mode=AlwaysAllow"]).await;
    let client = cluster.server.anonymous();
    let path = format!("{PODS}/web/exec?command=x");
    let shown = format!(
        "{SPDY}Authorization: Bearer {ALICES_TOKEN}\r\nX-Remote-User: root\r\nCookie: c\r\n"
    );
    assert_eq!(upgrade(&client, "POST", &path, &shown).await.code, 101);
    let asked = cluster.kubelet.last();
    for name in ["authorization", "x-remote-user"] {
        assert_eq!(asked.headers.get(name), None, "{name}");
    }
    assert_ne!(asked.headers["host"], "server");

    let token = protocol(ALICES_TOKEN);
    let offered = WEBSOCKET.replace("v4.", &format!("{token}, v4."));
    let websocket = upgrade(&client, "GET", &path, &offered).await;
    assert_eq!(websocket.code, 101);
    let asked = cluster.kubelet.last();
    assert_eq!(asked.headers["sec-websocket-protocol"], "v4.channel.k8s.io");
}

/// Sends 100 MB through a tunnel and back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn data_arrives_unchanged() {
    const SIZE: u64 = 100_000_000;
    let cluster = Cluster::start(&["a"], &[]).await;
    let tunnel = cluster
        .upgrade("POST", &format!("{PODS}/web/exec?command=cat"), SPDY)
        .await;
    // the nth byte of a sequence whose period is not a power of two
    let byte = |n: u64| u8::try_from(n % 251).unwrap();
    let (mut reader, mut writer) = split(tunnel.stream);
    let writing = tokio::spawn(async move {
        let mut sent = 0;
        while sent < SIZE {
            let size = (SIZE - sent).min(251 * 200);
            let piece: Vec<u8> = (sent..sent + size).map(byte).collect();
            writer.write_all(&piece).await.unwrap();
            sent += size;
        }
        writer.shutdown().await.unwrap();
    });
    let (mut received, mut buffer) = (0, vec![0; 64 * 1024]);
    let mut tail = Vec::new();
    loop {
        let size = reader.read(&mut buffer).await.unwrap();
        if size == 0 {
            break;
        }
        for &got in &buffer[..size] {
            if received < SIZE {
                assert_eq!(got, byte(received), "at {received}");
                received += 1;
            } else {
                tail.push(got);
            }
        }
    }
    writing.await.unwrap();
    assert_eq!((received, tail.as_slice()), (SIZE, &b"goodbye"[..]));
}

#[tokio::test]
async fn either_side_may_close_its_half_first() {
    let cluster = Cluster::start(&["echoes", "ends"], &[]).await;
    let exec = |container: &str| format!("{PODS}/web/exec?command=x&container={container}");
    let mut first = cluster.upgrade("POST", &exec("echoes"), SPDY).await.stream;
    first.write_all(b"and ").await.unwrap();
    first.shutdown().await.unwrap();
    let mut heard = String::new();
    first.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "and goodbye");

    let mut second = cluster.upgrade("POST", &exec("ends"), SPDY).await.stream;
    let mut heard = String::new();
    second.read_to_string(&mut heard).await.unwrap();
    assert_eq!(heard, "over");
    second.write_all(b"are you still there?").await.unwrap();
    second.shutdown().await.unwrap();
    let said = || cluster.kubelet.last().target == "are you still there?";
    until("what was said after the end did not arrive", said).await;
    until("a connection is left", || cluster.kubelet.open() == 0).await;
}

#[tokio::test]
async fn an_abrupt_end_on_one_side_ends_the_other() {
    let cluster = Cluster::start(&["echoes", "resets"], &[]).await;
    let exec = |container: &str| format!("{PODS}/web/exec?command=x&container={container}");
    let mut reset = cluster.upgrade("POST", &exec("resets"), SPDY).await;
    assert_eq!(reset.code, 101);
    reset.stream.write_all(b"x").await.unwrap();
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(PATIENCE, reset.stream.read_to_end(&mut rest)).await;
    assert!(ended.is_ok() && rest.is_empty());

    let mut echoing = cluster.upgrade("POST", &exec("echoes"), SPDY).await;
    is_echoed(&mut echoing, b"x").await;
    assert_eq!(cluster.kubelet.open(), 1);
    drop(echoing);
    until("the kubelet did not hear of the end", || {
        cluster.kubelet.open() == 0
    })
    .await;
}

#[tokio::test]
async fn data_before_an_abrupt_end_arrives() {
    let cluster = Cluster::start(&["cuts"], &[]).await;
    let path = format!("{PODS}/web/exec?command=x");
    let mut cut = cluster.upgrade("POST", &path, SPDY).await.stream;
    let mut heard = Vec::new();
    cut.read_to_end(&mut heard).await.unwrap();
    assert_eq!(heard.len(), CUT);
}

#[tokio::test]
async fn an_idle_tunnel_ends() {
    let soon = Duration::from_millis(300);
    let half = Deadlines {
        half_closed: soon,
        ..Deadlines::default()
    };
    let cluster = Cluster::start_with(&["ends"], &[], half).await;
    let path = format!("{PODS}/web/exec?command=x");
    let open = cluster.upgrade("POST", &path, SPDY).await;
    // its kubelet has closed its half, and the client keeps its own open
    until("a half-closed tunnel stays", || cluster.kubelet.open() == 0).await;
    drop(open);

    let quiet = Deadlines {
        paused: soon,
        ..Deadlines::default()
    };
    let cluster = Cluster::start_with(&["echoes"], &[], quiet).await;
    let mut open = cluster.upgrade("POST", &path, SPDY).await;
    is_echoed(&mut open, b"x").await;
    until("a silent tunnel stays", || cluster.kubelet.open() == 0).await;
    assert_eq!(open.stream.read(&mut [0; 8]).await.unwrap_or_default(), 0);
}

/// Traffic keeps a tunnel open, though its connection looks idle to HTTP.
#[tokio::test]
async fn deadlines_of_requests_are_not_those_of_tunnels() {
    let soon = Duration::from_millis(200);
    let deadlines = Deadlines {
        first: soon,
        head: soon,
        idle: soon,
        stalled: soon,
        ..Deadlines::default()
    };
    let cluster = Cluster::start_with(&["echoes"], &[], deadlines).await;
    let path = format!("{PODS}/web/exec?command=x");
    let mut open = cluster.upgrade("POST", &path, SPDY).await;
    for _ in 0..4 {
        tokio::time::sleep(soon).await;
        is_echoed(&mut open, b"not the head of a request").await;
    }
}

#[tokio::test]
async fn many_tunnels_leave_nothing_behind() {
    let cluster = Cluster::start(&["echoes"], &[]).await;
    let path = format!("{PODS}/web/exec?command=x");
    let mut first = cluster.upgrade("POST", &path, SPDY).await;
    is_echoed(&mut first, b"x").await;
    drop(first);
    until("a connection is left", || cluster.kubelet.open() == 0).await;
    let tasks = || Handle::current().metrics().num_alive_tasks();
    let before = tasks();
    let mut tunnels = Vec::new();
    for _ in 0..10 {
        let more = (0..20).map(|_| cluster.upgrade("POST", &path, SPDY));
        tunnels.extend(futures_util::future::join_all(more).await);
    }
    for tunnel in &mut tunnels {
        is_echoed(tunnel, b"still there").await;
    }
    assert_eq!(cluster.kubelet.open(), 200);
    // one for each connection of either server; what the server does at its start may have ended
    assert!(tasks() > before + 300);
    drop(tunnels);
    until("a connection is left", || cluster.kubelet.open() == 0).await;
    until("a task is left", || tasks() <= before).await;
}

#[tokio::test]
async fn tunnels_end_when_the_server_stops() {
    let cluster = Cluster::start(&["echoes"], &[]).await;
    let path = format!("{PODS}/web/exec?command=x");
    let mut open = cluster.upgrade("POST", &path, SPDY).await;
    is_echoed(&mut open, b"x").await;
    let Cluster { server, kubelet } = cluster;
    let stopped = tokio::time::timeout(PATIENCE, server.stop()).await;
    assert!(stopped.is_ok(), "it waits for a tunnel");
    assert_eq!(open.stream.read(&mut [0; 8]).await.unwrap_or_default(), 0);
    until("a connection is left", || kubelet.open() == 0).await;
}

#[tokio::test]
async fn a_websocket_needs_the_right_to_create() {
    let cluster = Cluster::start(&["a"], &["--authorization-mode=RBAC"]).await;
    let admin = cluster.server.admin();
    let grant = async |name: &str, verb: &str| {
        let rules = json!([{"apiGroups": [""], "verbs": [verb],
            "resources": ["pods/exec", "pods/attach", "pods/portforward"]}]);
        let role = json!({"metadata": {"name": name}, "rules": rules});
        let binding = json!({"metadata": {"name": name},
            "subjects": [{"kind": "User", "name": "alice", "apiGroup": "rbac.authorization.k8s.io"}],
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}});
        let of = "/apis/rbac.authorization.k8s.io/v1/namespaces/default";
        assert_eq!(admin.post(&format!("{of}/roles"), &role).await.code, 201);
        assert_eq!(
            admin
                .post(&format!("{of}/rolebindings"), &binding)
                .await
                .code,
            201
        );
    };
    let client = cluster.server.anonymous();
    let headers = format!("{WEBSOCKET}Authorization: Bearer {ALICES_TOKEN}\r\n");
    let code = async |subresource: &str| {
        let path = format!("{PODS}/web/{subresource}?command=x&ports=80");
        upgrade(&client, "GET", &path, &headers).await.code
    };
    grant("looks", "get").await;
    for subresource in ["exec", "attach", "portforward"] {
        assert_eq!(code(subresource).await, 403, "{subresource}");
    }
    assert!(cluster.kubelet.asked().is_empty());
    grant("enters", "create").await;
    for subresource in ["exec", "attach", "portforward"] {
        assert_eq!(code(subresource).await, 101, "{subresource}");
    }
}

#[tokio::test]
async fn protocols_unknown_to_kubelets_are_refused_unless_their_node_declares_them() {
    let cluster = Cluster::start(&["a"], &[]).await;
    let offering = |protocols: &str| WEBSOCKET.replace("v4.channel.k8s.io", protocols);
    let exec = format!("{PODS}/web/exec?command=x");
    let forward = format!("{PODS}/web/portforward?ports=80");
    let v5 = offering("v5.channel.k8s.io");
    let tunnel = offering("SPDY/3.1+portforward.k8s.io");
    assert_eq!(cluster.upgrade("GET", &exec, &v5).await.code, 400);
    assert_eq!(cluster.upgrade("GET", &forward, &tunnel).await.code, 400);
    assert!(cluster.kubelet.asked().is_empty());
    let both = offering("v5.channel.k8s.io, v4.channel.k8s.io");
    let chosen = cluster.upgrade("GET", &exec, &both).await;
    assert_eq!(chosen.header("sec-websocket-protocol"), "v4.channel.k8s.io");

    let admin = cluster.server.admin();
    let merge = admin.header("content-type", "application/merge-patch+json");
    let declared = json!({"status": {"declaredFeatures": ["ExtendWebSocketsToKubelet"]}});
    let status = "/api/v1/nodes/n1/status";
    let patched = merge.ask(http::Method::PATCH, status, declared.to_string());
    assert_eq!(patched.await.code, 200);
    assert_eq!(cluster.upgrade("GET", &exec, &v5).await.code, 101);
    assert_eq!(cluster.upgrade("GET", &forward, &tunnel).await.code, 101);
}
