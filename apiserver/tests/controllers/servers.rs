//! Several servers on one etcd, in the endpoints of the service `kubernetes`.

use std::time::{Duration, Instant};

use portcullis_storage::etcd_server::EtcdServer;
use serde_json::Value;

use crate::support::client::Client;
use crate::support::process::Process;
use crate::support::server::directory;

/// Writing and reading a lease may take that long together, as the machine may be busy.
const PATIENCE: Duration = Duration::from_secs(90);
const ENDPOINTS: &str = "/api/v1/namespaces/default/endpoints/kubernetes";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";

fn in_endpoints(endpoints: &Value) -> Vec<String> {
    let subsets = endpoints["subsets"].as_array().into_iter().flatten();
    let servers = subsets.flat_map(|subset| {
        let port = subset["ports"][0]["port"].clone();
        let addresses = subset["addresses"].as_array().into_iter().flatten();
        addresses.map(move |a| format!("{}:{port}", a["ip"].as_str().unwrap()))
    });
    sorted(servers)
}

fn in_slices(slices: &Value) -> Vec<String> {
    let slices = slices["items"].as_array().into_iter().flatten();
    let servers = slices.flat_map(|slice| {
        let port = slice["ports"][0]["port"].clone();
        let endpoints = slice["endpoints"].as_array().into_iter().flatten();
        endpoints.map(move |e| format!("{}:{port}", e["addresses"][0].as_str().unwrap()))
    });
    sorted(servers)
}

fn sorted(servers: impl Iterator<Item = String>) -> Vec<String> {
    let mut servers: Vec<_> = servers.collect();
    servers.sort_unstable();
    servers
}

async fn until(client: &Client, expected: &[String]) {
    let begun = Instant::now();
    loop {
        let endpoints = in_endpoints(&client.get(ENDPOINTS).await.json());
        let slices = in_slices(&client.get(SLICES).await.json());
        if endpoints == expected && slices == expected {
            return;
        }
        let shown = format!("{endpoints:?}, {slices:?}, not {expected:?}");
        assert!(begun.elapsed() < PATIENCE, "{shown}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Each has its own port; the others remove one that is killed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_died_is_removed() {
    let etcd = EtcdServer::start();
    let flag = format!("--etcd-servers={}", etcd.endpoint());
    let dir = directory();
    let start = |name: &str, ip: &str| {
        let advertise = format!("--advertise-address={ip}");
        let process = Process::start(dir.path().join(name), &[&flag, &advertise]);
        let server = format!("{ip}:{}", process.address().port());
        (process, server)
    };
    let (first, one) = start("first", "192.0.2.1");
    let (second, two) = start("second", "192.0.2.2");
    let (third, three) = start("third", "192.0.2.3");
    let client = second.admin();
    let mut all = vec![one, two.clone(), three];
    all.sort_unstable();
    until(&client, &all).await;
    // one is stopped, one is killed
    third.terminate();
    all.remove(2);
    until(&client, &all).await;
    first.kill();
    until(&client, &[two]).await;
}
