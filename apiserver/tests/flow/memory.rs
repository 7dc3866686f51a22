//! What clients can cost others: each attack would take hundreds of megabytes if what the server keeps for a
//! client had no bound, or all places that there are. Memory stays within a limit, and others are served meanwhile.

mod others;

use std::collections::BTreeSet;

use bytes::Bytes;
use http::Method;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use self::others::Others;
use crate::support::PATIENCE;
use crate::support::process::Process;

const MAPS: &str = "/api/v1/namespaces/default/configmaps";
/// How much more memory than an idle server one under attack may use, in MiB.
const MOST: u64 = 100;

/// A server of its own process, which uses its memory alone.
struct Attacked {
    server: Process,
    idle: u64,
    others: Others,
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
        let others = Others::begin(server.user("other"));
        Self {
            server,
            idle,
            others,
            _dir: dir,
        }
    }

    /// Others were served meanwhile, and memory has not grown much.
    async fn survives(self) {
        self.others.end();
        let (idle, peak) = (self.idle, self.server.peak_memory());
        println!("{idle} MiB of memory, {peak} under attack");
        assert!(peak < idle + MOST, "{peak} MiB of memory, {idle} before");
    }
}

#[tokio::test]
async fn unauthenticated_bodies_are_not_kept() {
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
async fn unfinished_heads_share_a_limit() {
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
            // the connection may be closed before everything is written
            let _ = stream.write_all(head).await;
            open.push(stream);
        }
    }
    attacked.survives().await;
}

#[tokio::test]
async fn unread_answers_are_limited() {
    let attacked = Attacked::start(8).await;
    let attackers = [attacked.server.admin(), attacked.server.user("attacker")];
    let asked = attackers.iter().cycle().take(60).map(|attacker| async {
        let mut connection = attacker.connect().await.unwrap();
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
async fn silent_connections_cost_little_and_block_no_client() {
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

/// The lists of one user do not take all the memory that there is for those of others.
#[tokio::test]
async fn a_greedy_reader_leaves_something_for_others() {
    let attacked = Attacked::start(8).await;
    for greedy in [attacked.server.admin(), attacked.server.user("greedy")] {
        let asked = (0..12).map(|_| async {
            let mut connection = greedy.connect().await.unwrap();
            let unread = connection.send(Method::GET, MAPS, "").await.unwrap();
            (connection, unread)
        });
        let unread = futures_util::future::join_all(asked).await;
        let refused = unread.iter().filter(|(_, answer)| answer.status() == 429);
        assert!(refused.count() > 0, "it has taken what it can get");
        let list = attacked.server.user("modest").get(MAPS).await;
        assert_eq!((list.code, list.body.len() > 8_000_000), (200, true));
    }
    attacked.survives().await;
}

#[tokio::test]
async fn slow_bodies_keep_no_client_waiting() {
    let attacked = Attacked::start(0).await;
    let client = attacked.server.user("attacker").over_http1();
    let head = format!(
        "POST {MAPS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
         Content-Length: 1000000\r\n\r\n{{"
    );
    let mut slow = Vec::new();
    for _ in 0..300 {
        let mut stream = client.raw().await;
        stream.write_all(head.as_bytes()).await.unwrap();
        slow.push(stream);
    }
    let map = json!({"metadata": {"name": "m"}});
    let created = attacked.server.user("writer").post(MAPS, &map).await;
    assert_eq!(created.code, 201, "{created:?}");
    attacked.survives().await;
}

#[tokio::test]
async fn watchers_that_read_nothing_hold_on_to_little() {
    let attacked = Attacked::start(0).await;
    let watcher = attacked.server.user("attacker");
    let mut unread = Vec::new();
    for _ in 0..20 {
        let mut connection = watcher.connect().await.unwrap();
        let path = format!("{MAPS}?watch=1");
        let watch = connection.send(Method::GET, &path, "").await.unwrap();
        assert_eq!(watch.status(), 200);
        unread.push((connection, watch));
    }
    let mut writer = attacked.server.admin().connect().await.unwrap();
    let made = json!({"metadata": {"name": "m"}}).to_string();
    assert_eq!(
        writer.ask(Method::POST, MAPS, made).await.unwrap().code,
        201
    );
    for n in 0..300_u16 {
        let letter = char::from(b'a' + u8::try_from(n % 20).unwrap());
        let map =
            json!({"metadata": {"name": "m"}, "data": {"x": letter.to_string().repeat(200_000)}});
        let path = format!("{MAPS}/m");
        let written = writer.ask(Method::PUT, &path, map.to_string()).await;
        assert_eq!(written.unwrap().code, 200);
    }
    attacked.survives().await;
    drop(unread);
}
