//! Which requests are recorded, and in how much detail.

use http::Method;
use serde_json::{Value, json};

use super::{AuditedServer, MAPS, map, stages};

#[tokio::test]
async fn the_first_rule_that_matches_decides() {
    let policy = json!({
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "users": ["alice"]},
            {"level": "None", "nonResourceURLs": ["/healthz*", "/version"]},
            {"level": "Request", "resources": [{"resources": ["configmaps"], "resourceNames": ["a"]}]},
            {"level": "Metadata", "userGroups": ["privileged-user"], "omitStages": ["ResponseComplete"]},
            {"level": "Metadata", "verbs": ["list", "watch"], "namespaces": ["default"]},
        ],
    });
    let audited = AuditedServer::start_with(&policy, &[]).await;
    let told = async |client: &crate::support::client::Client, id: &str, path: &str| {
        client.clone().header("audit-id", id).get(path).await;
        let events = audited.of(id);
        let summary = |event: &Value| {
            let text = |field: &str| event[field].as_str().unwrap().to_owned();
            format!("{} {}", text("level"), text("stage"))
        };
        events.iter().map(summary).collect::<Vec<_>>()
    };
    let (admin, alice, bob) = (
        audited.server.admin(),
        audited.server.alice(),
        audited.server.bob(),
    );
    let a = format!("{MAPS}/a");
    assert!(told(&alice, "1", &a).await.is_empty());
    assert!(told(&admin, "2", "/version").await.is_empty());
    assert!(told(&admin, "3", "/healthz/ping").await.is_empty());
    assert_eq!(told(&admin, "4", &a).await, ["Request ResponseComplete"]);
    assert_eq!(told(&bob, "5", &a).await, ["Request ResponseComplete"]);
    assert!(told(&bob, "6", MAPS).await.is_empty());
    assert_eq!(told(&admin, "7", MAPS).await, ["Metadata ResponseComplete"]);
    assert!(told(&admin, "8", "/api/v1/configmaps").await.is_empty());
    assert!(told(&admin, "9", "/apis").await.is_empty());
    let metrics = audited.server.admin().get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    for line in [
        r#"apiserver_audit_level_total{level="Request"} 2"#,
        r#"apiserver_audit_level_total{level="Metadata"} 2"#,
        "apiserver_audit_event_total 3",
        "apiserver_audit_requests_rejected_total 0",
    ] {
        assert!(metrics.lines().any(|l| l == line), "{line}");
    }
}

#[tokio::test]
async fn objects_are_recorded_as_the_level_says() {
    let rules = json!([
        {"level": "Metadata", "resources": [{"resources": ["secrets"]}]},
        {"level": "Request", "namespaces": ["kube-system"]},
        {"level": "RequestResponse"},
    ]);
    let audited = AuditedServer::start(&rules).await;
    let admin = audited.server.admin();
    let object = |id: &str, field: &str| audited.of(id)[1].get(field).cloned();
    let ask = async |id: &str, method, path: &str, body: &str| {
        let client = admin.clone().header("audit-id", id);
        client.ask(method, path, body.to_owned()).await
    };
    let secret = json!({"metadata": {"name": "s"}, "stringData": {"password": "hunter2"}});
    let secrets = "/api/v1/namespaces/default/secrets";
    ask("secret", Method::POST, secrets, &secret.to_string()).await;
    assert_eq!(object("secret", "objectRef").unwrap()["name"], "s");
    assert!(object("secret", "requestObject").is_none());
    assert!(object("secret", "responseObject").is_none());

    let in_system = "/api/v1/namespaces/kube-system/configmaps";
    ask("request", Method::POST, in_system, &map("r").to_string()).await;
    assert_eq!(object("request", "requestObject"), Some(map("r")));
    assert!(object("request", "responseObject").is_none());

    // whatever the client's formatting, the event takes one line
    let lines = serde_json::to_string_pretty(&map("a")).unwrap();
    let made = ask("both", Method::POST, MAPS, &lines).await;
    assert_eq!(object("both", "requestObject"), Some(map("a")));
    assert_eq!(object("both", "responseObject"), Some(made.json()));
    assert!(audited.of("both")[0].get("requestObject").is_none());

    let path = format!("{MAPS}/a");
    let got = ask("get", Method::GET, &path, "").await;
    assert!(object("get", "requestObject").is_none());
    assert_eq!(object("get", "responseObject"), Some(got.json()));
    let options = r#"{"kind":"DeleteOptions","apiVersion":"v1","propagationPolicy":"Background"}"#;
    let gone = ask("delete", Method::DELETE, &path, options).await;
    let expected: Value = serde_json::from_str(options).unwrap();
    assert_eq!(object("delete", "requestObject"), Some(expected));
    assert_eq!(object("delete", "responseObject"), Some(gone.json()));
    let missing = ask("missing", Method::GET, &path, "").await;
    assert_eq!(object("missing", "responseObject"), Some(missing.json()));
    ask("document", Method::GET, "/apis", "").await;
    assert!(object("document", "responseObject").is_none());
    // a body that is not an object is not recorded
    let bad = ask("bad", Method::POST, MAPS, "{\"metadata\": {\"name\": 7}}").await;
    assert_eq!(bad.code, 400);
    assert!(object("bad", "requestObject").is_none());

    let review = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview",
        "metadata": {}, "spec": {"token": "t"}});
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    ask("review", Method::POST, reviews, &review.to_string()).await;
    assert_eq!(object("review", "requestObject"), Some(review));
}

#[tokio::test]
async fn patches_and_other_formats_are_recorded_as_json() {
    let audited = AuditedServer::start(&json!([{"level": "RequestResponse"}])).await;
    let admin = audited.server.admin();
    let ask = async |id: &str, kind: &str, method, path: &str, body: &str| {
        let client = admin.clone().header("audit-id", id);
        let client = client.header("content-type", kind);
        let answer = client.ask(method, path, body.to_owned()).await;
        assert!(answer.code < 300, "{answer:?}");
        let [_, complete] = <[Value; 2]>::try_from(audited.of(id)).unwrap();
        (
            complete["requestObject"].clone(),
            complete["responseObject"].clone(),
        )
    };
    let yaml = "metadata:\n  name: a\ndata:\n  k: v\n";
    let (request, response) = ask("yaml", "application/yaml", Method::POST, MAPS, yaml).await;
    assert_eq!(request, map("a"));
    assert_eq!(response["data"], json!({"k": "v"}));
    let path = format!("{MAPS}/a");
    let patch = r#"{"data":{"k":"w"}}"#;
    let kind = "application/merge-patch+json";
    let (request, _) = ask("merge", kind, Method::PATCH, &path, patch).await;
    assert_eq!(request, json!({"data": {"k": "w"}}));
    let patch = r#"[{"op":"add","path":"/data/l","value":"x"}]"#;
    let kind = "application/json-patch+json";
    let (request, _) = ask("json", kind, Method::PATCH, &path, patch).await;
    assert_eq!(request[0]["path"], "/data/l");
    let config = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {m: z}\n";
    let kind = "application/apply-patch+yaml";
    let apply = format!("{path}?fieldManager=me");
    let (request, response) = ask("apply", kind, Method::PATCH, &apply, config).await;
    assert_eq!(request["data"], json!({"m": "z"}));
    assert_eq!(response["data"], json!({"k": "w", "l": "x", "m": "z"}));
    let reader = admin.clone().header("accept", "application/yaml");
    reader.header("audit-id", "as-yaml").get(&path).await;
    assert_eq!(
        audited.of("as-yaml")[1]["responseObject"]["kind"],
        "ConfigMap"
    );
}

/// A list that is sent in pieces is recorded whole.
#[tokio::test]
async fn a_long_list_is_recorded() {
    let audited = AuditedServer::start(&json!([{"level": "RequestResponse"}])).await;
    let admin = audited.server.admin();
    for name in ["a", "b", "c"] {
        let mut map = map(name);
        map["data"]["long"] = "x".repeat(50_000).into();
        assert_eq!(admin.post(MAPS, &map).await.code, 201);
    }
    let list = admin.header("audit-id", "list").get(MAPS).await.json();
    let items = list["items"].as_array().unwrap();
    assert!(items.len() >= 3);
    assert_eq!(audited.of("list")[1]["responseObject"], list);
}

#[tokio::test]
async fn managed_fields_can_be_left_out() {
    let policy = json!({"omitManagedFields": true, "rules": [
        {"level": "RequestResponse", "verbs": ["get"], "omitManagedFields": false},
        {"level": "RequestResponse"}]});
    let audited = AuditedServer::start_with(&policy, &[]).await;
    let admin = audited.server.admin();
    let made = admin
        .clone()
        .header("audit-id", "create")
        .post(MAPS, &map("a"))
        .await;
    assert!(made.json()["metadata"].get("managedFields").is_some());
    let of = |id: &str| audited.of(id)[1]["responseObject"].clone();
    assert!(of("create")["metadata"].get("managedFields").is_none());
    assert_eq!(of("create")["metadata"]["name"], "a");
    admin.clone().header("audit-id", "list").get(MAPS).await;
    let list = of("list");
    assert!(
        list["items"]
            .as_array()
            .unwrap()
            .iter()
            .all(|item| item["metadata"].get("managedFields").is_none())
    );
    admin
        .clone()
        .header("audit-id", "get")
        .get(&format!("{MAPS}/a"))
        .await;
    assert!(of("get")["metadata"].get("managedFields").is_some());
    assert_eq!(
        stages(&audited.of("get")),
        ["RequestReceived", "ResponseComplete"]
    );
}

#[tokio::test]
async fn events_that_are_too_large_lose_their_objects() {
    let flags = [
        "--audit-log-truncate-enabled",
        "--audit-log-truncate-max-event-size=2000",
    ];
    let policy = json!({"rules": [{"level": "RequestResponse"}]});
    let audited = AuditedServer::start_with(&policy, &flags).await;
    let create = async |id: &str, length: usize| {
        let client = audited.server.admin().header("audit-id", id);
        let object = json!({"metadata": {"name": id}, "data": {"k": "v".repeat(length)}});
        assert_eq!(client.post(MAPS, &object).await.code, 201);
        audited.of(id)[1].clone()
    };
    let small = create("small", 10).await;
    assert_eq!(small["requestObject"]["metadata"]["name"], "small");
    assert!(small["annotations"].get("audit.k8s.io/truncated").is_none());
    let large = create("large", 3000).await;
    assert_eq!(large["annotations"]["audit.k8s.io/truncated"], "true");
    assert!(large.get("requestObject").is_none() && large.get("responseObject").is_none());
    assert_eq!(large["objectRef"]["name"], "large");
    // what is too large by itself is lost, and counted
    let client = audited.server.admin().header("audit-id", "lost");
    let path = format!("{MAPS}?labelSelector=a%3D{}", "b".repeat(63));
    let path = format!("{path}&{}", "x=y&".repeat(500));
    assert_eq!(client.get(&path).await.code, 200);
    assert!(audited.of("lost").is_empty());
    let metrics = audited.server.admin().get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    assert!(
        metrics.contains("apiserver_audit_error_total{plugin=\"log\"} 2"),
        "{metrics}"
    );
}
