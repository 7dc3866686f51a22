//! A quota is filled and never exceeded, also by concurrent clients.

use std::time::{Duration, Instant};

use portcullis_storage::etcd_server::EtcdServer;
use serde_json::{Value, json};

use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::server::{TestServer, directory};

const PODS: &str = "/api/v1/namespaces/default/pods";
const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
const CLIENTS: usize = 64;

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
}

/// A pod with a generated name.
fn any_pod() -> Value {
    let mut pod = pod("");
    pod["metadata"] = json!({"generateName": "p-"});
    pod
}

fn quota(hard: &Value) -> Value {
    json!({"metadata": {"name": "q"}, "spec": {"hard": hard}})
}

/// Lets all clients create `each` pods concurrently; returns how many were created.
async fn rush(clients: &[Client], each: usize) -> usize {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let client = clients[n % clients.len()].clone();
            tokio::spawn(async move {
                let mut created = 0;
                for _ in 0..each {
                    let answer = client.post(PODS, &any_pod()).await;
                    if answer.code == 201 {
                        created += 1;
                        continue;
                    }
                    assert_eq!(answer.code, 403, "{answer:?}");
                    let why = "is forbidden: exceeded quota: q, requested: pods=1, used: pods=100, limited: pods=100";
                    assert!(answer.message().ends_with(why), "{answer:?}");
                }
                created
            })
        })
        .collect();
    let mut created = 0;
    for client in clients {
        created += client.await.unwrap();
    }
    created
}

async fn used(client: &Client, resource: &str) -> String {
    let quota = client.get(&format!("{QUOTAS}/q")).await.json();
    let used = quota["status"]["used"][resource].as_str();
    used.unwrap_or_else(|| panic!("{quota}")).to_owned()
}

async fn count(client: &Client) -> usize {
    client.get(PODS).await.json()["items"]
        .as_array()
        .unwrap()
        .len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_clients_fill_a_quota_exactly_also_after_a_kill() {
    let dir = directory();
    let server = Process::start(dir.path().join("data"), &[]);
    let admin = server.admin();
    let made = admin.post(QUOTAS, &quota(&json!({"pods": "100"}))).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(rush(std::slice::from_ref(&admin), 3).await, 100);
    assert_eq!(
        (used(&admin, "pods").await, count(&admin).await),
        ("100".into(), 100)
    );
    let server = Process::start(server.kill(), &[]);
    let admin = server.admin();
    assert_eq!(
        (used(&admin, "pods").await, count(&admin).await),
        ("100".into(), 100)
    );
    assert_eq!(admin.post(PODS, &pod("one-more")).await.code, 403);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_two_servers_on_one_etcd_do_not_exceed_a_quota() {
    let (dir, etcd) = (directory(), EtcdServer::start());
    let flag = format!("--etcd-servers={}", etcd.endpoint());
    let servers = ["one", "two"].map(|name| Process::start(dir.path().join(name), &[&flag]));
    let admins = servers.each_ref().map(Process::admin);
    let made = admins[0]
        .post(QUOTAS, &quota(&json!({"pods": "100"})))
        .await;
    assert_eq!(made.code, 201, "{made:?}");
    // The other server learns of the quota a moment later.
    while admins[1].get(&format!("{QUOTAS}/q")).await.code != 200 {}
    assert_eq!(rush(&admins, 3).await, 100);
    for admin in &admins {
        assert_eq!(
            (used(admin, "pods").await, count(admin).await),
            ("100".into(), 100)
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charge_left_by_a_kill_is_released() {
    let dir = directory();
    let server = Process::start(dir.path().join("data"), &[]);
    let admin = server.admin();
    let made = admin.post(QUOTAS, &quota(&json!({"pods": "100"}))).await;
    assert_eq!(made.code, 201, "{made:?}");
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let client = admin.clone();
            // ends with the server
            tokio::spawn(async move { client.post(PODS, &any_pod()).await })
        })
        .collect();
    while count(&admin).await < 10 {}
    let data = server.kill();
    for client in clients {
        client.abort();
    }
    let server = Process::start(data, &[]);
    let admin = server.admin();
    let pods = count(&admin).await;
    assert!((10..=CLIENTS).contains(&pods), "{pods}");
    let end = Instant::now() + PATIENCE;
    while used(&admin, "pods").await != pods.to_string() {
        assert!(
            Instant::now() < end,
            "{pods} pods, and not what the quota says"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(rush(std::slice::from_ref(&admin), 3).await, 100 - pods);
    assert_eq!(count(&admin).await, 100);
}

#[tokio::test]
async fn a_quota_takes_effect_immediately() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    assert_eq!(admin.post(PODS, &pod("a")).await.code, 201);
    let hard = json!({"pods": "2", "count/configmaps": "9", "requests.storage": "1Gi"});
    assert_eq!(admin.post(QUOTAS, &quota(&hard)).await.code, 201);
    assert_eq!(admin.post(PODS, &pod("b")).await.code, 201);
    assert_eq!(used(&admin, "pods").await, "2");
    assert_eq!(used(&admin, "requests.storage").await, "0");
    let answer = admin.post(PODS, &pod("c")).await;
    assert_eq!(
        answer.message(),
        "pods \"c\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2"
    );
    // a dry run is checked, but not charged
    let dry = admin.post(&format!("{PODS}?dryRun=All"), &pod("c")).await;
    assert_eq!(dry.code, 403, "{dry:?}");
    assert_eq!(used(&admin, "pods").await, "2");
}
