//! The server of the stand-in for etcd: health checks, and the directory for a store.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

use super::acceptance::PAUSE;
use crate::config::stand_in::{ABOUT, About};

/// The version of etcd that kube-apiserver 1.24 is tested with.
const VERSION: &str = r#"{"etcdserver":"3.5.3","etcdcluster":"3.5.0"}"#;

/// How many connections at the same time, and how long one may last.
const CONNECTIONS: usize = 64;
const PATIENCE: Duration = Duration::from_secs(10);

/// Serves without TLS, until it is dropped.
///
/// # Errors
/// A sentence that names the address or the directory at fault.
pub async fn serve(listen: &[SocketAddr], about: &About) -> Result<Infallible, String> {
    let dir = &about.data_dir;
    let made = std::fs::create_dir_all(dir);
    made.map_err(|why| format!("--data-dir: {}: {why}", dir.display()))?;
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let about: Bytes = serde_json::to_vec(about)
        .map_err(|why| format!("--data-dir: {why}"))?
        .into();
    let mut serving = tokio::task::JoinSet::new();
    for address in listen {
        let listener = TcpListener::bind(address).await;
        let listener = listener.map_err(|why| format!("--listen-client-urls: {address}: {why}"))?;
        serving.spawn(accept(listener, about.clone(), permits.clone()));
    }
    // none of them ends
    while serving.join_next().await.is_some() {}
    Err("nothing is listened on".into())
}

async fn accept(listener: TcpListener, about: Bytes, permits: Arc<Semaphore>) {
    loop {
        let Ok(permit) = permits.clone().acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let about = about.clone();
                tokio::spawn(async move {
                    serve_one(stream, about).await;
                    drop(permit);
                });
            }
            // out of descriptors, or the client has disconnected
            Err(_) => sleep(PAUSE).await,
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
    // a client that disconnected has its answer, or needs none
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
