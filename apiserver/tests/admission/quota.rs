//! What a namespace may hold, it holds and no more, whoever comes at the same time.

use serde_json::{Value, json};

use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::server::{TestServer, directory};

const PODS: &str = "/api/v1/namespaces/default/pods";
const QUOTAS: &str = "/api/v1/namespaces/default/resourcequotas";
const CLIENTS: usize = 64;

fn pod(name: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "i"}]}})
}

fn quota(hard: &Value) -> Value {
    json!({"metadata": {"name": "q"}, "spec": {"hard": hard}})
}

/// As many clients at once create pods, each `each` of them; how many were let in.
async fn rush(clients: &[Client], each: usize) -> usize {
    let clients: Vec<_> = (0..CLIENTS)
        .map(|n| {
            let client = clients[n % clients.len()].clone();
            tokio::spawn(async move {
                let mut created = 0;
                for m in 0..each {
                    let answer = client.post(PODS, &pod(&format!("p-{n}-{m}"))).await;
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
async fn many_clients_at_once_fill_a_quota_and_no_more_also_after_a_kill() {
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

#[tokio::test]
async fn a_quota_holds_from_the_moment_it_is_there() {
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
    // a dry run is judged, and charges nothing
    let dry = admin.post(&format!("{PODS}?dryRun=All"), &pod("c")).await;
    assert_eq!(dry.code, 403, "{dry:?}");
    assert_eq!(used(&admin, "pods").await, "2");
}
