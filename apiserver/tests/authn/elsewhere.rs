//! Tokens at other servers than the one that issued them.

use futures_util::future::join_all;
use http::Method;
use http::header::{AUTHORIZATION, HeaderValue};
use portcullis_storage::etcd_server::EtcdServer;
use serde_json::json;

use super::requests::{make_account, token};
use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::server::{TestServer, directory};

/// Who makes how much meanwhile: more than a server hears of in a moment.
const MEANWHILE: (usize, usize) = (30, 30);

async fn write(client: Client, writer: usize) {
    let mut connection = client.connect().await.unwrap();
    let maps = "/api/v1/namespaces/default/configmaps";
    for number in 0..MEANWHILE.1 {
        let name = format!("map-{writer}-{number}");
        let map = json!({"metadata": {"name": name}}).to_string();
        let answer = connection.ask(Method::POST, maps, map).await.unwrap();
        assert_eq!(answer.code, 201, "{answer:?}");
    }
}

/// Whoever has just been given a token may go to another server of the same cluster, which has not
/// heard of the account yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_counts_at_a_server_that_lags_behind() {
    let etcd = EtcdServer::start();
    let dir = directory();
    let key = dir.path().join("sa.key");
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    std::fs::write(&key, pem).unwrap();
    let flags = [
        format!("--etcd-servers={}", etcd.endpoint()),
        format!("--service-account-signing-key-file={}", key.display()),
    ];
    let flags = [&*flags[0], &flags[1]];
    let first = TestServer::start(&flags).await;
    let second = Process::start(dir.path().join("second"), &flags);
    let mut behind = second.anonymous().connect().await.unwrap();
    assert_eq!(
        behind.ask(Method::GET, "/version", "").await.unwrap().code,
        200
    );

    second.signal("STOP");
    let writers = (0..MEANWHILE.0).map(|writer| write(first.admin(), writer));
    join_all(writers).await;
    make_account(&first, "robot").await;
    let token = token(&first, "robot", json!({})).await;
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    behind.headers.insert(AUTHORIZATION, value);
    let (answer, ()) = tokio::join!(behind.ask(Method::GET, "/version", ""), async {
        second.signal("CONT");
    });
    assert_eq!(answer.unwrap().code, 200);
    drop(second);
    first.stop().await;
}
