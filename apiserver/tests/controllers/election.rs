//! Several servers on one etcd: one of them runs the controllers.

use std::time::{Duration, Instant};

use portcullis_storage::etcd_server::EtcdServer;
use serde_json::{Value, json};

use super::eventually;
use crate::support::client::{Answer, Client};
use crate::support::process::Process;
use crate::support::server::directory;

const LEASE: &str =
    "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases/portcullis-controllers";

async fn lease(client: &Client) -> Value {
    client.get(LEASE).await.json()["spec"].clone()
}

async fn make(client: &Client, namespace: &str) {
    let made = client
        .post(
            "/api/v1/namespaces",
            &json!({"metadata": {"name": namespace}}),
        )
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    let account = format!("/api/v1/namespaces/{namespace}/serviceaccounts/default");
    eventually(client, &account, |answer| answer.code == 200).await;
}

/// Each server here has its own authority. If both published it, they would overwrite each other's.
async fn only_the_first_works(client: &Client, first: &Process) {
    let path = "/api/v1/namespaces/b/configmaps/kube-root-ca.crt";
    let published = eventually(client, path, |answer| answer.code == 200)
        .await
        .json();
    assert_eq!(published["data"]["ca.crt"], first.authority().certificate());
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(client.get(path).await.json(), published);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_the_leader_is_killed_another_takes_over() {
    let etcd = EtcdServer::start();
    let flag = format!("--etcd-servers={}", etcd.endpoint());
    let dir = directory();
    let first = Process::start(dir.path().join("first"), &[&flag]);
    make(&first.admin(), "a").await;
    let before = lease(&first.admin()).await;
    let holder = before["holderIdentity"].as_str().unwrap().to_owned();
    let second = Process::start(dir.path().join("second"), &[&flag]);
    let other = second.admin();
    // The second server waits as long as the first renews its lease.
    let renewed = |answer: &Answer| answer.json()["spec"]["renewTime"] != before["renewTime"];
    eventually(&other, LEASE, renewed).await;
    assert_eq!(lease(&other).await["holderIdentity"], holder.as_str());
    make(&other, "b").await;
    only_the_first_works(&other, &first).await;

    let killed = Instant::now();
    first.kill();
    let taken = |answer: &Answer| answer.json()["spec"]["holderIdentity"] != holder.as_str();
    eventually(&other, LEASE, taken).await;
    let took = killed.elapsed();
    assert!(took < Duration::from_secs(30), "{took:?}");
    println!("taken over {took:?} after the kill");
    assert_eq!(lease(&other).await["leaseTransitions"], 1);
    make(&other, "c").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_is_stopped_releases_the_lease() {
    let etcd = EtcdServer::start();
    let flag = format!("--etcd-servers={}", etcd.endpoint());
    let dir = directory();
    let first = Process::start(dir.path().join("first"), &[&flag]);
    make(&first.admin(), "a").await;
    let second = Process::start(dir.path().join("second"), &[&flag]);
    let other = second.admin();
    let holder = lease(&other).await["holderIdentity"].clone();
    let stopped = Instant::now();
    first.terminate();
    let taken = |answer: &Answer| {
        let spec = answer.json()["spec"].clone();
        spec["holderIdentity"] != holder && spec["holderIdentity"] != ""
    };
    eventually(&other, LEASE, taken).await;
    assert!(
        stopped.elapsed() < Duration::from_secs(9),
        "a lease that is not given up lasts for 10 s: {:?}",
        stopped.elapsed()
    );
    make(&other, "b").await;
}
