//! The exact bytes of answers and values: how answers end, and which texts are valid values of a type.

use http::Method;
use serde_json::{Value, json};

use crate::support::server::TestServer;

const NAMESPACE: &str = "/api/v1/namespaces/default";

#[tokio::test]
async fn json_ends_with_a_newline_where_upstreams_encoder_writes_it() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let review = json!({"spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}}});
    let reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let map = json!({"metadata": {"name": "m"}});
    let maps = format!("{NAMESPACE}/configmaps");
    let mut answers = vec![
        admin.post(reviews, &review).await,
        admin.post(&maps, &map).await,
        admin.post(&maps, &map).await,
        admin.delete(&format!("{maps}/m")).await,
    ];
    for path in [
        "/api",
        "/apis",
        "/apis/apps",
        "/apis/apps/v1",
        "/api/v1/nope",
        "/api/v1/namespaces/default",
        "/api/v1/namespaces",
        "/api/v1/namespaces/none",
    ] {
        answers.push(admin.get(path).await);
    }
    let table = "application/json;as=Table;g=meta.k8s.io;v=v1";
    let tables = server.admin().header("accept", table);
    answers.push(tables.get("/api/v1/namespaces").await);
    for answer in answers {
        assert!(answer.body.ends_with(b"}\n"), "{answer:?}");
        assert!(!answer.body.ends_with(b"\n\n"), "{answer:?}");
    }
    // answers that upstream writes in one piece have no newline
    for path in ["/version", "/", "/nope", "/openapi/v2", "/openapi/v3"] {
        let answer = admin.get(path).await;
        assert!(answer.body.ends_with(b"}"), "{path} {answer:?}");
    }
}

#[tokio::test]
async fn discovery_lists_singular_names() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let list = admin.get("/api/v1").await.json();
    let singular = |name: &str| {
        let resources = list["resources"].as_array().unwrap();
        let found = resources.iter().find(|r| r["name"] == name);
        found.unwrap()["singularName"].clone()
    };
    assert_eq!(singular("pods"), "pod");
    assert_eq!(singular("endpoints"), "endpoints");
    assert_eq!(singular("pods/status"), "");
}

#[tokio::test]
async fn base64_is_read_as_go_reads_it() {
    let server = TestServer::start(&[]).await;
    let secrets = format!("{NAMESPACE}/secrets");
    let yaml = server.admin().header("content-type", "application/yaml");
    let block = "metadata: {name: block}\ndata:\n  k: |\n    aGVs\n    bG8=\n";
    let made = yaml.ask(Method::POST, &secrets, block).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(made.json()["data"]["k"], "aGVsbG8=");
    let admin = server.admin();
    let named = |name: &str, data: Value| json!({"metadata": {"name": name}, "data": data});
    let loose = named("loose", json!({"k": "YR=="}));
    let loose = admin.post(&secrets, &loose).await;
    assert_eq!(loose.json()["data"]["k"], "YQ==");
    let numbers = named("numbers", json!({"k": [104, 105]}));
    let numbers = admin.post(&secrets, &numbers).await;
    assert_eq!(numbers.json()["data"]["k"], "aGk=");
    let map = json!({"metadata": {"name": "m"}, "binaryData": {"k": "aGk=\n"}});
    let map = admin.post(&format!("{NAMESPACE}/configmaps"), &map).await;
    assert_eq!(map.json()["binaryData"]["k"], "aGk=");
    for (data, why) in [
        (
            json!({"k": "not base64"}),
            "illegal base64 data at input byte 3",
        ),
        (
            json!({"k": 5}),
            "json: cannot unmarshal number into Go struct field Secret.data.k of type []uint8",
        ),
    ] {
        let refused = admin.post(&secrets, &named("bad", data)).await;
        assert_eq!(refused.code, 400);
        assert!(refused.message().ends_with(why), "{}", refused.message());
    }
}

#[tokio::test]
async fn quantities_and_times_are_read_as_go_reads_them() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let quotas = format!("{NAMESPACE}/resourcequotas");
    let quota = json!({"metadata": {"name": "q"}, "spec": {"hard": {"pods": " 10 "}}});
    let made = admin.post(&quotas, &quota).await;
    assert_eq!(made.code, 201, "{made:?}");
    assert_eq!(made.json()["spec"]["hard"]["pods"], "10");
    let leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let lease =
        |name: &str, time: &str| json!({"metadata": {"name": name}, "spec": {"renewTime": time}});
    let made = admin
        .post(leases, &lease("l", "2020-01-02T03:04:05.000006+01:00"))
        .await;
    assert_eq!(
        made.json()["spec"]["renewTime"],
        "2020-01-02T02:04:05.000006Z"
    );
    for time in [
        "2020-01-02T03:04:05Z",
        "2020-01-02T03:04:05.123Z",
        "2020-01-02T03:04:05.1234567Z",
        "2020-01-02t03:04:05.000000z",
        "2020-01-02 03:04:05.000000Z",
        "2020-01-02T03:04:05.000000",
        "2020-01-02",
    ] {
        let refused = admin.post(leases, &lease("bad", time)).await;
        assert_eq!(refused.code, 400, "{time}");
        let why =
            format!("parsing time {time:?} as \"2006-01-02T15:04:05.000000Z07:00\": cannot parse ");
        assert!(refused.message().contains(&why), "{}", refused.message());
    }
}

#[tokio::test]
async fn discovery_lists_categories() {
    let server = TestServer::start(&[]).await;
    let group = "/apis/admissionregistration.k8s.io/v1";
    let list = server.admin().get(group).await.json();
    let resources = list["resources"].as_array().unwrap().clone();
    let aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let groups = server
        .admin()
        .header("accept", aggregated)
        .get("/apis")
        .await
        .json();
    let groups = groups["items"].as_array().unwrap().clone();
    let group = groups
        .into_iter()
        .find(|g| g["metadata"]["name"] == "admissionregistration.k8s.io");
    let all = group.unwrap()["versions"][0]["resources"]
        .as_array()
        .unwrap()
        .clone();
    for plural in [
        "mutatingwebhookconfigurations",
        "validatingwebhookconfigurations",
    ] {
        let one = resources.iter().find(|r| r["name"] == plural).unwrap();
        let other = all.iter().find(|r| r["resource"] == plural).unwrap();
        for found in [one, other] {
            assert_eq!(found["categories"], json!(["api-extensions"]), "{found}");
        }
    }
}
