//! An HTTPS server on loopback, for the calls of the tested server.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use portcullis::pki::Authority;
use portcullis::serving::certificate::ServingCertificate;
use portcullis::serving::tls;
use serde_json::json;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// A server that answers until it is dropped.
pub struct HttpsServer {
    address: SocketAddr,
    dir: TempDir,
    accepting: JoinHandle<()>,
}

impl Drop for HttpsServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl HttpsServer {
    /// Answers each request by `answer`. The certificate is valid for loopback and these names.
    pub async fn start<F, A>(names: &[&str], answer: F) -> Self
    where
        F: Fn(Request<Bytes>) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Response<Bytes>> + Send + 'static,
    {
        let dir = tempfile::tempdir().unwrap();
        let authority = Authority::in_dir(dir.path()).unwrap();
        let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let names = names.iter().map(|&name| name.to_owned());
        let names: Vec<_> = names.chain(["localhost".to_owned()]).collect();
        let identity = authority.server(&names, &[here]).unwrap();
        let certificate = ServingCertificate::fixed(&identity.certificate, &identity.key);
        let acceptors = tls::Acceptors::new(Arc::new(certificate.unwrap()), Vec::new());
        let acceptor = acceptors.unwrap().current();
        let (address, accepting) = serve(acceptor, answer).await;
        Self {
            address,
            dir,
            accepting,
        }
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Writes a kubeconfig whose current context is a path of this server, with a token.
    pub fn write_kubeconfig(&self, file: &Path, path: &str) {
        let cluster = json!({"server": format!("https://{}{path}", self.address),
            "certificate-authority": self.dir.path().join("ca.crt")});
        let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "it", "user": "me"}}],
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": "me", "user": {"token": "of-the-server"}}]});
        std::fs::write(file, config.to_string()).unwrap();
    }

    /// The directory of the authority's certificate, `ca.crt`.
    pub fn dir(&self) -> PathBuf {
        self.dir.path().to_owned()
    }
}

/// Serves on loopback with the acceptor's certificate, until the task is aborted.
pub async fn serve<F, A>(acceptor: TlsAcceptor, answer: F) -> (SocketAddr, JoinHandle<()>)
where
    F: Fn(Request<Bytes>) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Bytes>> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let accepting = tokio::spawn(async move {
        // aborted with this task
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            // Clients that do not trust the server close the connection here.
            let Ok(stream) = acceptor.accept(stream).await else {
                continue;
            };
            let answer = answer.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let answer = answer.clone();
                async move {
                    let (parts, body) = request.into_parts();
                    let body = body.collect().await.unwrap().to_bytes();
                    let response = answer(Request::from_parts(parts, body)).await;
                    Ok::<_, Infallible>(response.map(Full::new))
                }
            });
            connections.spawn(async move {
                let builder = auto::Builder::new(TokioExecutor::new());
                let _ = builder
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    (address, accepting)
}
