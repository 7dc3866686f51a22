//! A kubelet on loopback. It echoes the data of exec, attach and portforward, has a log, and records its
//! requests.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use portcullis::pki::Authority;
use portcullis::serving::certificate::ServingCertificate;
use portcullis::serving::tls;
use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use x509_parser::prelude::{FromDer, X509Certificate};

/// The length of the output of a container that is cut off, in bytes.
pub const CUT: usize = 1_000_000;
/// How long the container `slow` waits before it answers.
const SLOW: Duration = Duration::from_millis(1500);

/// A kubelet that serves until it is dropped.
pub struct TestKubelet {
    address: SocketAddr,
    authority: String,
    shared: Arc<Shared>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    asked: Mutex<Vec<Asked>>,
    open: AtomicUsize,
    goes_on: Notify,
    written: AtomicUsize,
}

/// A request that it received.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub method: String,
    /// The path and the query.
    pub target: String,
    pub headers: HashMap<String, String>,
    /// The subject of the client certificate; empty if there is none.
    pub shown: String,
}

impl Drop for TestKubelet {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl TestKubelet {
    /// Starts a kubelet whose certificate is valid for loopback and these names.
    pub async fn start(names: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::in_dir(dir.path()).unwrap();
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let identity = authority.server(&names, &[here]).unwrap();
        let certificate = ServingCertificate::fixed(&identity.certificate, &identity.key);
        let acceptors = tls::Acceptors::new(Arc::new(certificate.unwrap()), Vec::new());
        let mut tls = ServerConfig::clone(acceptors.unwrap().current().config());
        tls.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind((here, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::<Shared>::default();
        Self {
            address,
            authority: authority.certificate().to_owned(),
            accepting: tokio::spawn(accept(listener, acceptor, shared.clone())),
            shared,
        }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The authority of its certificate, in PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// All requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().clone()
    }

    /// The last request.
    pub fn last(&self) -> Asked {
        self.asked().pop().unwrap()
    }

    /// The number of its connections.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// The number of bytes written of endless logs so far.
    pub fn written(&self) -> usize {
        self.shared.written.load(Ordering::SeqCst)
    }

    /// Continues the log of a container that waits.
    pub fn go_on(&self) {
        self.shared.goes_on.notify_one();
    }
}

async fn accept(listener: TcpListener, acceptor: TlsAcceptor, shared: Arc<Shared>) {
    // aborted with this task
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, shared) = (acceptor.clone(), shared.clone());
        connections.spawn(async move {
            shared.open.fetch_add(1, Ordering::SeqCst);
            // clients that do not trust it close the connection here
            if let Ok(stream) = acceptor.accept(stream).await {
                serve(stream, &shared).await;
            }
            shared.open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

/// Reads a head, up to its empty line.
pub async fn head(stream: &mut (impl AsyncReadExt + Unpin)) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).unwrap()
}

/// The headers of a head, by their names in lower case.
pub fn headers(head: &str) -> HashMap<String, String> {
    let lines = head
        .lines()
        .skip(1)
        .filter_map(|line| line.split_once(": "));
    lines
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect()
}

fn subject(stream: &TlsStream<TcpStream>) -> String {
    let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
    shown.first().map_or_else(String::new, |certificate| {
        let (_, certificate) = X509Certificate::from_der(certificate).unwrap();
        certificate.subject().to_string()
    })
}

/// The behavior of a container depends on its name.
async fn serve(mut stream: TlsStream<TcpStream>, shared: &Shared) {
    let head = head(&mut stream).await;
    let mut words = head.split(' ');
    let asked = Asked {
        method: words.next().unwrap_or_default().to_owned(),
        target: words.next().unwrap_or_default().to_owned(),
        headers: headers(&head),
        shown: subject(&stream),
    };
    shared.asked.lock().push(asked.clone());
    let path = asked.target.split('?').next().unwrap_or_default();
    let container = path.rsplit('/').next().unwrap_or_default();
    if container == "switches" {
        let switching = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n";
        stream.write_all(switching.as_bytes()).await.unwrap();
        return;
    }
    if path.starts_with("/containerLogs/") {
        return log(&mut stream, container, shared).await;
    }
    if !asked.headers.contains_key("upgrade") {
        let body = format!("{} {}", asked.method, asked.target);
        return answer(&mut stream, "200 OK", &body).await;
    }
    match container {
        "silent" => std::future::pending().await,
        "slow" => tokio::time::sleep(SLOW).await,
        "refuses" => return answer(&mut stream, "403 Forbidden", "not you").await,
        "answers" => return answer(&mut stream, "200 OK", "what?").await,
        _ => {}
    }
    let protocol = &asked.headers["upgrade"];
    let mut switching = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: {protocol}\r\n"
    );
    if let Some(offered) = asked.headers.get("sec-websocket-protocol") {
        let chosen = offered.split(',').next_back().unwrap_or_default().trim();
        switching.push_str(&format!("Sec-WebSocket-Protocol: {chosen}\r\n"));
    }
    switching.push_str("\r\n");
    stream.write_all(switching.as_bytes()).await.unwrap();
    match container {
        "resets" => {
            stream.read_u8().await.unwrap();
            let linger = rustix::net::sockopt::set_socket_linger;
            linger(stream.get_ref().0, Some(Duration::ZERO)).unwrap();
        }
        "cuts" => {
            stream.write_all(&vec![b'x'; CUT]).await.unwrap();
            stream.flush().await.unwrap();
            // closes the TCP connection, but not TLS
            stream.get_mut().0.shutdown().await.unwrap();
        }
        "ends" => {
            stream.write_all(b"over").await.unwrap();
            stream.shutdown().await.unwrap();
            let mut rest = Vec::new();
            let _ = stream.read_to_end(&mut rest).await;
            let target = String::from_utf8(rest).unwrap();
            shared.asked.lock().push(Asked {
                target,
                ..Asked::default()
            });
        }
        _ => echo(&mut stream).await,
    }
}

/// Echoes data, and a farewell at its end.
async fn echo(stream: &mut TlsStream<TcpStream>) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match stream.read(&mut buffer).await {
            Ok(0) => break,
            Ok(size) if stream.write_all(&buffer[..size]).await.is_ok() => {
                let _ = stream.flush().await;
            }
            _ => return,
        }
    }
    let _ = stream.write_all(b"goodbye").await;
    let _ = stream.shutdown().await;
}

async fn answer(stream: &mut TlsStream<TcpStream>, status: &str, body: &str) {
    let size = body.len();
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n{body}"
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    let _ = stream.shutdown().await;
}

async fn log(stream: &mut TlsStream<TcpStream>, container: &str, shared: &Shared) {
    match container {
        "waiting" => {
            let why = "container \"waiting\" in pod \"web\" is waiting to start: ContainerCreating";
            return answer(stream, "400 Bad Request", why).await;
        }
        "silent" => std::future::pending().await,
        _ => {}
    }
    let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    if container == "endless" {
        let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
        while stream.write_all(chunk.as_bytes()).await.is_ok() {
            shared.written.fetch_add(chunk.len(), Ordering::SeqCst);
        }
        return;
    }
    stream.write_all(b"4\r\none\n\r\n").await.unwrap();
    stream.flush().await.unwrap();
    if container == "follows" {
        shared.goes_on.notified().await;
    }
    let _ = stream.write_all(b"4\r\ntwo\n\r\n0\r\n\r\n").await;
    let _ = stream.shutdown().await;
}
