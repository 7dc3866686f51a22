//! How much memory clients can make the server take: each attack would cost it hundreds of megabytes
//! if what it keeps had no bound, and nobody else notices.

use std::collections::BTreeSet;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::process::Process;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// How much more than an idle one a server under attack may take, in MiB.
const MOST: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(120);

/// A server of its own process, whose memory is nobody else's.
struct Attacked {
    server: Process,
    idle: u64,
    _dir: tempfile::TempDir,
}

impl Attacked {
    async fn start(maps: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let server = Process::start(
            dir.path().join("data"),
            &["--authorization-mode=AlwaysAllow"],
        );
        for n in 0..maps {
            let map = json!({"metadata": {"name": format!("m{n}")}, "data": {"x": "y".repeat(1_000_000)}});
            assert_eq!(server.admin().post(MAPS, &map).await.code, 201);
        }
        let idle = server.peak_memory();
        Self {
            server,
            idle,
            _dir: dir,
        }
    }

    /// Somebody else is served, and memory has not grown much.
    async fn survives(&self) {
        let other = self.server.anonymous();
        for _ in 0..20 {
            let served = other.get("/api/v1/namespaces/default");
            let served = tokio::time::timeout(PATIENCE, served).await.unwrap();
            assert_eq!(served.code, 200, "{served:?}");
        }
        let (idle, peak) = (self.idle, self.server.peak_memory());
        assert!(peak < idle + MOST, "{peak} MiB of memory, {idle} before");
    }
}

#[tokio::test]
async fn bodies_of_nobody_are_not_kept() {
    let attacked = Attacked::start(0).await;
    let nobody = attacked.server.anonymous();
    let nobody = nobody.header("authorization", "Bearer x");
    let body = Bytes::from(vec![b' '; 8 * 1024 * 1024]);
    let asked = (0..40).map(|n| {
        let client = if n % 2 == 0 {
            nobody.clone()
        } else {
            nobody.clone().over_http1()
        };
        let body = body.clone();
        async move { client.try_ask(Method::POST, MAPS, body).await }
    });
    for answer in futures_util::future::join_all(asked).await {
        assert_eq!(answer.unwrap().code, 401);
    }
    attacked.survives().await;
}

#[tokio::test]
async fn unfinished_heads_share_what_there_is() {
    let attacked = Attacked::start(0).await;
    let filler = vec![b'x'; 1_000_000];
    let (http2, http1) = {
        let client = attacked.server.anonymous();
        (client.clone(), client.over_http1())
    };
    let http1_head = [b"GET /version HTTP/1.1\r\nx-filler: ", &filler[..]].concat();
    let mut http2_head = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    for (n, part) in filler.chunks(16_000).enumerate() {
        let kind = if n == 0 { 1 } else { 9 };
        let [.., a, b, c] = part.len().to_be_bytes();
        http2_head.extend([a, b, c, kind, 0, 0, 0, 0, 1]);
        http2_head.extend(part);
    }
    let mut open = Vec::new();
    for _ in 0..100 {
        for (client, head) in [(&http1, &http1_head), (&http2, &http2_head)] {
            let mut stream = client.raw().await;
            // it may be closed before all is written
            let _ = stream.write_all(head).await;
            open.push(stream);
        }
    }
    attacked.survives().await;
}

#[tokio::test]
async fn answers_that_nobody_reads_are_not_made() {
    let attacked = Attacked::start(8).await;
    let reader = attacked.server.admin();
    let asked = (0..60).map(|_| async {
        let mut connection = reader.connect().await.unwrap();
        let unread = connection.send(Method::GET, MAPS, "").await.unwrap();
        (connection, unread)
    });
    let asked = futures_util::future::join_all(asked);
    let unread = tokio::time::timeout(PATIENCE, asked).await.unwrap();
    let codes: BTreeSet<_> = unread
        .iter()
        .map(|(_, answer)| answer.status().as_u16())
        .collect();
    assert_eq!(codes, BTreeSet::from([200, 429]));
    attacked.survives().await;
    drop(unread);
}

#[tokio::test]
async fn silent_connections_cost_little_and_keep_nobody_out() {
    let attacked = Attacked::start(0).await;
    let client = attacked.server.anonymous().over_http1();
    let mut silent = Vec::new();
    for _ in 0..400 {
        silent.push(client.raw().await);
    }
    attacked.survives().await;
    let closed = async {
        for mut stream in silent {
            let _ = stream.read_to_end(&mut Vec::new()).await;
        }
    };
    assert!(tokio::time::timeout(PATIENCE, closed).await.is_ok());
}
