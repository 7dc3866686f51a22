//! What is called `etcd`: a process that is as healthy as etcd, and says where a store may be.
//!
//! It serves none of etcd's data. A server that is called `kube-apiserver` and finds it at `--etcd-servers`
//! keeps its embedded store in the directory that it names, so that a restart of either loses nothing.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Empty, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use serde::{Deserialize, Serialize};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

use super::pflag::{Flags, Takes};
use crate::config::{Embedded, Serve};
use portcullis_storage::embedded::Survives;

/// Where it says what it is.
const ABOUT: &str = "/portcullis";

/// The version of etcd that kube-apiserver 1.24 is tested with.
const VERSION: &str = r#"{"etcdserver":"3.5.3","etcdcluster":"3.5.0"}"#;

/// How many connections at once, and how long one may take to say what it wants.
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// How often it is looked for, before it is there.
const RETRY: Duration = Duration::from_millis(20);

/// The switches of etcd, which take no word behind them.
const SWITCHES: &[&str] = &[
    "auto-tls",
    "client-cert-auth",
    "debug",
    "enable-grpc-gateway",
    "enable-pprof",
    "enable-v2",
    "force-new-cluster",
    "help",
    "log-rotation-config-json",
    "peer-auto-tls",
    "peer-client-cert-auth",
    "pre-vote",
    "strict-reconfig-check",
    "unsafe-no-fsync",
    "version",
];

const HELP: &str = "\
Usage:
  etcd [flags]

This is Portcullis. It answers health checks as etcd does and holds no data; a kube-apiserver that is
Portcullis, too, keeps its store in the data directory. Other flags of etcd are taken and have no effect.

Flags:
  --data-dir 'default.etcd'
    Path to the data directory.
  --listen-client-urls 'http://localhost:2379'
    List of URLs to listen on for client traffic.
  --unsafe-no-fsync 'false'
    Whether the store does not wait for the disk.
";

/// What a command line asks for.
#[derive(Debug)]
pub enum Asked {
    /// To print something, and end.
    Text(String),
    /// To serve.
    Serve(StandIn),
}

/// What serves in etcd's place.
#[derive(Debug, PartialEq, Eq)]
pub struct StandIn {
    /// Where it listens.
    listen: Vec<SocketAddr>,
    about: About,
}

/// What it says of itself.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct About {
    data_dir: PathBuf,
    unsafe_no_fsync: bool,
}

/// Reads etcd's command line, without the program's name.
///
/// # Errors
/// A sentence that names the flag at fault.
pub fn read(arguments: impl IntoIterator<Item = String>) -> Result<Asked, String> {
    let takes = |name: &str| match SWITCHES.contains(&name) {
        true => Some(Takes::Switch),
        false => Some(Takes::Value),
    };
    let flags = Flags::parse(arguments, takes)?;
    if flags.is_on("help") {
        return Ok(Asked::Text(HELP.to_owned()));
    }
    if flags.is_on("version") {
        return Ok(Asked::Text(
            "etcd Version: 3.5.3\nPortcullis: in its place\n".to_owned(),
        ));
    }
    let given = |name: &str| flags.last(name).filter(|value| !value.is_empty());
    let urls = given("listen-client-urls").unwrap_or("http://127.0.0.1:2379");
    let dir = given("data-dir").unwrap_or("default.etcd");
    let data_dir = std::path::absolute(dir).map_err(|why| format!("--data-dir: {why}"))?;
    Ok(Asked::Serve(StandIn {
        listen: urls.split(',').map(address).collect::<Result<_, _>>()?,
        about: About {
            data_dir,
            unsafe_no_fsync: flags.is_on("unsafe-no-fsync"),
        },
    }))
}

/// The address of a URL to listen on.
fn address(url: &str) -> Result<SocketAddr, String> {
    let refused = |why: &str| format!("--listen-client-urls: {url:?}: {why}");
    let parsed = url::Url::parse(url).map_err(|why| refused(&why.to_string()))?;
    if parsed.scheme() != "http" {
        return Err(refused("only http is served in etcd's place"));
    }
    let addresses = parsed.socket_addrs(|| Some(2379));
    let addresses = addresses.map_err(|why| refused(&why.to_string()))?;
    addresses
        .first()
        .copied()
        .ok_or_else(|| refused("no address"))
}

impl StandIn {
    /// Serves until it is dropped.
    ///
    /// # Errors
    /// A sentence that names the address or the directory at fault.
    pub async fn serve(self) -> Result<Infallible, String> {
        let dir = &self.about.data_dir;
        let made = std::fs::create_dir_all(dir);
        made.map_err(|why| format!("--data-dir: {}: {why}", dir.display()))?;
        let places = Arc::new(Semaphore::new(CONNECTIONS));
        let about: Bytes = serde_json::to_vec(&self.about)
            .map_err(|why| format!("--data-dir: {why}"))?
            .into();
        let mut serving = tokio::task::JoinSet::new();
        for address in self.listen {
            let listener = TcpListener::bind(address).await;
            let listener =
                listener.map_err(|why| format!("--listen-client-urls: {address}: {why}"))?;
            serving.spawn(accept(listener, about.clone(), places.clone()));
        }
        // none of them ends
        while serving.join_next().await.is_some() {}
        Err("nothing is listened on".into())
    }
}

async fn accept(listener: TcpListener, about: Bytes, places: Arc<Semaphore>) {
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let about = about.clone();
                tokio::spawn(async move {
                    serve_one(stream, about).await;
                    drop(place);
                });
            }
            // out of descriptors, or the client is gone
            Err(_) => sleep(RETRY).await,
        }
    }
}

async fn serve_one(stream: TcpStream, about: Bytes) {
    let service = service_fn(move |request: Request<Incoming>| {
        let about = about.clone();
        async move { Ok::<_, Infallible>(answer(request.uri().path(), about)) }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // a client that went away has its answer, or wants none
    let _ = timeout(PATIENCE, connection).await;
}

fn answer(path: &str, about: Bytes) -> Response<Full<Bytes>> {
    let (code, text) = match path {
        "/health" => (
            StatusCode::OK,
            Bytes::from_static(br#"{"health":"true","reason":""}"#),
        ),
        "/livez" | "/readyz" => (StatusCode::OK, Bytes::from_static(b"ok\n")),
        "/version" => (StatusCode::OK, Bytes::from_static(VERSION.as_bytes())),
        ABOUT => (StatusCode::OK, about),
        _ => (
            StatusCode::NOT_FOUND,
            Bytes::from_static(b"Portcullis holds no data of etcd\n"),
        ),
    };
    let mut response = Response::new(Full::new(text));
    *response.status_mut() = code;
    response
}

/// Takes the embedded store where the options name etcd and one of these answers in its place. An address at
/// which nothing listens yet is waited for as long as etcd is.
pub async fn settle(options: &mut Serve) {
    let etcd = &options.etcd;
    let [server] = &etcd.etcd_servers[..] else {
        return;
    };
    let Ok(address) = address(server) else { return };
    let until = Instant::now() + etcd.etcd_startup_timeout;
    let about = loop {
        match TcpStream::connect(address).await {
            Ok(stream) => break timeout(PATIENCE, ask(stream)).await.ok().flatten(),
            Err(_) if Instant::now() < until => sleep(RETRY).await,
            Err(_) => return,
        }
    };
    let Some(about) = about else { return };
    options.etcd.etcd_servers.clear();
    options.embedded = Embedded {
        dir: Some(about.data_dir.join("portcullis")),
        survives: match about.unsafe_no_fsync {
            true => Survives::Kill,
            false => Survives::PowerFailure,
        },
    };
}

/// What a server says of itself; `None` if it is etcd.
async fn ask(stream: TcpStream) -> Option<About> {
    let stream = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.ok()?;
    let request = Request::get(ABOUT).header(http::header::HOST, "etcd");
    let request = request.body(Empty::<Bytes>::new()).ok()?;
    let exchange = async {
        let response = sender.send_request(request).await.ok()?;
        let found = response.status() == StatusCode::OK;
        let body = Limited::new(response.into_body(), 64 << 10).collect().await;
        found
            .then(|| body.ok().map(|body| body.to_bytes()))
            .flatten()
    };
    tokio::pin!(exchange);
    let body = tokio::select! {
        body = &mut exchange => body,
        _ = connection => exchange.await,
    };
    serde_json::from_slice(&body?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand_in(words: &[&str]) -> Result<StandIn, String> {
        match read(words.iter().map(|word| (*word).to_owned()))? {
            Asked::Serve(stand_in) => Ok(stand_in),
            Asked::Text(text) => panic!("{text}"),
        }
    }

    #[test]
    fn etcds_command_lines_are_taken() {
        // envtest's
        let one = stand_in(&[
            "--advertise-client-urls=http://127.0.0.1:4001",
            "--listen-client-urls=http://127.0.0.1:4001",
            "--listen-peer-urls=http://127.0.0.1:4002",
            "--data-dir=/tmp/etcd",
            "--unsafe-no-fsync=true",
        ])
        .unwrap();
        assert_eq!(one.listen, ["127.0.0.1:4001".parse().unwrap()]);
        assert_eq!(one.about.data_dir, PathBuf::from("/tmp/etcd"));
        assert!(one.about.unsafe_no_fsync);
        // jenvtest's
        let other = stand_in(&[
            "-data-dir",
            "/d",
            "-wal-dir",
            "/w",
            "--listen-client-urls",
            "http://0.0.0.0:1",
        ]);
        let other = other.unwrap();
        assert_eq!(other.about.data_dir, PathBuf::from("/d"));
        assert!(!other.about.unsafe_no_fsync);
        assert!(
            matches!(read(["--help".to_owned()]), Ok(Asked::Text(text)) if text.contains("--unsafe-no-fsync"))
        );
    }

    #[test]
    fn what_cannot_be_listened_on_is_named() {
        for url in ["https://127.0.0.1:1", "nope", "http://"] {
            let error = stand_in(&[&format!("--listen-client-urls={url}")]).unwrap_err();
            assert!(error.starts_with("--listen-client-urls: "), "{error}");
        }
    }
}
