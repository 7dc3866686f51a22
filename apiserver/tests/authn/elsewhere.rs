//! Tokens at other servers than the one that issued them.

use futures_util::future::join_all;
use http::Method;
use http::header::{AUTHORIZATION, HeaderValue};
use portcullis_storage::etcd_server::EtcdServer;
use rustix::process::Signal;
use serde_json::json;

use super::cluster_tokens::Kept;
use super::requests::{make_account, token};
use crate::support::client::Client;
use crate::support::issuer::Signer;
use crate::support::process::Process;
use crate::support::server::{TestServer, directory};

/// How many clients write how many objects meanwhile: more than the watch of a server catches up with
/// quickly.
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

/// A new token may be used at another server of the cluster whose cache does not have the account yet.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_valid_at_a_server_that_lags_behind() {
    let etcd = EtcdServer::start();
    let dir = directory();
    let key = dir.path().join("sa.key");
    let pem = rcgen::KeyPair::generate().unwrap().serialize_pem();
    std::fs::write(&key, &pem).unwrap();
    let flags = [
        format!("--etcd-servers={}", etcd.endpoint()),
        format!("--service-account-signing-key-file={}", key.display()),
    ];
    let flags = [&*flags[0], &flags[1]];
    let first = TestServer::start(&flags).await;
    let second = Process::start(dir.path().join("second"), &flags);
    let mut behind = Vec::new();
    for _ in 0..2 {
        let mut connection = second.anonymous().connect().await.unwrap();
        let answer = connection.ask(Method::GET, "/version", "").await;
        assert_eq!(answer.unwrap().code, 200);
        behind.push(connection);
    }

    second.signal(Signal::STOP);
    let writers = (0..MEANWHILE.0).map(|writer| write(first.admin(), writer));
    join_all(writers).await;
    make_account(&first, "robot").await;
    let issued = token(&first, "robot", json!({})).await;
    let kept = Kept::of_robot(&first).await;
    let of_secret = Signer::of(&pem, "").token(&kept.claims("robot-token"));
    kept.keep("robot-token", &of_secret).await;
    let mut asked = Vec::new();
    for (mut connection, token) in behind.into_iter().zip([issued, of_secret]) {
        let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
        connection.headers.insert(AUTHORIZATION, value);
        asked.push(async move { connection.ask(Method::GET, "/version", "").await });
    }
    let (answers, ()) = tokio::join!(join_all(asked), async { second.signal(Signal::CONT) });
    let codes: Vec<_> = answers.into_iter().map(|a| a.unwrap().code).collect();
    assert_eq!(codes, [200, 200]);
    drop(second);
    first.stop().await;
}
