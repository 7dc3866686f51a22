//! Whether the process at an address of etcd is etcd, or the stand-in for it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use crate::config::stand_in::{ABOUT, About};

/// The timeout of a request, and the limit of its response.
const PATIENCE: Duration = Duration::from_secs(10);
const ANSWER_MAX: usize = 64 << 10;
/// The pause between attempts while nothing listens.
const RETRY: Duration = Duration::from_millis(20);

/// The description that the stand-in at an address returns; `None` if it is etcd. While nothing listens there
/// it is waited for, as long as `patience`.
pub async fn about(address: SocketAddr, patience: Duration) -> Option<About> {
    let until = Instant::now() + patience;
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => return timeout(PATIENCE, ask(stream)).await.ok().flatten(),
            Err(_) if Instant::now() < until => sleep(RETRY).await,
            Err(_) => return None,
        }
    }
}

async fn ask(stream: TcpStream) -> Option<About> {
    let stream = TokioIo::new(stream);
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.ok()?;
    let request = Request::get(ABOUT).header(http::header::HOST, "etcd");
    let request = request.body(Empty::<Bytes>::new()).ok()?;
    let exchange = async {
        let response = sender.send_request(request).await.ok()?;
        let found = response.status() == StatusCode::OK;
        let body = Limited::new(response.into_body(), ANSWER_MAX)
            .collect()
            .await;
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
