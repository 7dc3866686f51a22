//! The endpoints of services.

use http::Method;
use serde_json::{Value, json};

use super::{eventually, gone};
use crate::support::client::{Answer, Client};
use crate::support::server::TestServer;

const WITHOUT_ACCOUNTS: &str = "--disable-admission-plugins=ServiceAccount";
/// By default they run only where kubelets join.
const WITH_ENDPOINTS: &str = "--controllers=*,endpoint,endpointslice";
const CORE: &str = "/api/v1/namespaces/default";
const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io%2Fservice-name%3Dweb";

async fn make(client: &Client, path: &str, object: Value) {
    let made = client.post(path, &object).await;
    assert_eq!(made.code, 201, "{made:?}");
}

async fn make_pod(admin: &Client, name: &str, ip: &str, ready: &str) {
    let pod = json!({"metadata": {"name": name, "labels": {"app": "web"}}, "spec": {"nodeName": "n1",
        "containers": [{"name": "c", "image": "i", "ports": [{"name": "http", "containerPort": 8080}]}]}});
    make(admin, &format!("{CORE}/pods"), pod).await;
    report(admin, name, ip, ready).await;
}

/// Writes a status as a kubelet does.
async fn report(admin: &Client, name: &str, ip: &str, ready: &str) {
    let status = json!({"status": {"phase": "Running", "podIP": ip, "podIPs": [{"ip": ip}],
        "conditions": [{"type": "Ready", "status": ready}]}});
    let patch = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    let path = format!("{CORE}/pods/{name}/status");
    let told = patch.ask(Method::PATCH, &path, status.to_string()).await;
    assert_eq!(told.code, 200, "{told:?}");
}

/// The addresses that are ready, and those that are not ready.
fn addresses(endpoints: &Value) -> Vec<Vec<String>> {
    let subset = &endpoints["subsets"][0];
    ["addresses", "notReadyAddresses"]
        .map(|list| {
            let list = subset[list].as_array().into_iter().flatten();
            list.map(|address| address["ip"].as_str().unwrap().to_owned())
                .collect()
        })
        .into()
}

/// The ready addresses of the only slice.
fn in_slice(answer: &Answer) -> Vec<String> {
    let slices = answer.json();
    let endpoints = slices["items"][0]["endpoints"].as_array().cloned();
    let ready = endpoints.into_iter().flatten();
    let ready = ready.filter(|endpoint| endpoint["conditions"]["ready"] == true);
    let mut ready: Vec<_> = ready
        .map(|endpoint| endpoint["addresses"][0].as_str().unwrap().to_owned())
        .collect();
    ready.sort();
    ready
}

#[tokio::test]
async fn a_service_leads_to_its_pods() {
    let server = TestServer::start(&[WITHOUT_ACCOUNTS, WITH_ENDPOINTS]).await;
    let admin = server.admin();
    let zone = json!({"metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z1"}}});
    make(&admin, "/api/v1/nodes", zone).await;
    make_pod(&admin, "p1", "10.1.0.1", "True").await;
    let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"},
        "ports": [{"port": 80, "targetPort": "http"}]}});
    make(&admin, &format!("{CORE}/services"), service).await;
    make_pod(&admin, "p2", "10.1.0.2", "False").await;
    let endpoints = format!("{CORE}/endpoints/web");
    let both = |answer: &Answer| addresses(&answer.json()) == [["10.1.0.1"], ["10.1.0.2"]];
    let found = eventually(&admin, &endpoints, both).await.json();
    assert_eq!(
        found["subsets"][0]["ports"],
        json!([{"port": 8080, "protocol": "TCP"}])
    );
    assert_eq!(
        found["subsets"][0]["addresses"][0]["targetRef"]["name"],
        "p1"
    );
    let slices = eventually(&admin, SLICES, |answer| {
        answer.json()["items"][0]["endpoints"]
            .as_array()
            .is_some_and(|all| all.len() == 2)
    })
    .await;
    assert_eq!(in_slice(&slices), ["10.1.0.1"]);
    let slice = &slices.json()["items"][0];
    assert_eq!(
        slice["ports"],
        json!([{"name": "", "port": 8080, "protocol": "TCP"}])
    );
    assert_eq!(slice["endpoints"][0]["zone"], "z1");
    assert_eq!(slice["metadata"]["ownerReferences"][0]["name"], "web");
    report(&admin, "p2", "10.1.0.2", "True").await;
    eventually(&admin, SLICES, |answer| {
        in_slice(answer) == ["10.1.0.1", "10.1.0.2"]
    })
    .await;
    let ended = admin
        .delete(&format!("{CORE}/pods/p1?gracePeriodSeconds=0"))
        .await;
    assert_eq!(ended.code, 200, "{ended:?}");
    let slices = eventually(&admin, SLICES, |answer| in_slice(answer) == ["10.1.0.2"]).await;
    assert_eq!(
        slices.json()["items"].as_array().unwrap().len(),
        1,
        "one slice is enough"
    );
    // deleted endpoints are created again
    assert_eq!(admin.delete(&endpoints).await.code, 200);
    eventually(&admin, &endpoints, |answer| answer.code == 200).await;
    assert_eq!(
        admin.delete(&format!("{CORE}/services/web")).await.code,
        200
    );
    gone(&admin, &endpoints).await;
    eventually(&admin, SLICES, |answer| answer.json()["items"] == json!([])).await;
}

/// As with a kube-controller-manager.
#[tokio::test]
async fn services_may_be_left_to_others() {
    let flags = [
        "--enable-bootstrap-token-auth",
        "--controllers=*,-endpoint,-endpointslice",
    ];
    let server = TestServer::start(&flags).await;
    let admin = server.admin();
    let service = json!({"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}});
    make(&admin, &format!("{CORE}/services"), service).await;
    // once this controller has acted, a running endpoints controller would have, too
    make(
        &admin,
        "/api/v1/namespaces",
        json!({"metadata": {"name": "later"}}),
    )
    .await;
    let account = "/api/v1/namespaces/later/serviceaccounts/default";
    eventually(&admin, account, |answer| answer.code == 200).await;
    assert_eq!(admin.get(&format!("{CORE}/endpoints/web")).await.code, 404);
    assert_eq!(admin.get(SLICES).await.json()["items"], json!([]));
}
