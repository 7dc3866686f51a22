//! The fields of audit events.

use http::Method;
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{AuditedServer, MAPS, map, stages};
use crate::support::client::Client;

fn all() -> Value {
    json!([{"level": "Metadata"}])
}

/// A client whose requests have this audit id.
fn named(client: &Client, id: &str) -> Client {
    let client = client.clone().header("audit-id", id);
    client.header("user-agent", "kubectl/v1.37")
}

/// The event without its times, which have upstream's format.
fn untimed(event: &Value) -> Value {
    let mut event = event.clone();
    for time in ["requestReceivedTimestamp", "stageTimestamp"] {
        let text = event[time].as_str().unwrap();
        let format = "2026-01-02T15:04:05.123456Z";
        assert_eq!(text.len(), format.len(), "{text}");
        for (is, should) in text.chars().zip(format.chars()) {
            assert_eq!(is.is_ascii_digit(), should.is_ascii_digit(), "{text}");
        }
    }
    assert!(event["requestReceivedTimestamp"].as_str() <= event["stageTimestamp"].as_str());
    let fields = event.as_object_mut().unwrap();
    fields.remove("requestReceivedTimestamp");
    fields.remove("stageTimestamp");
    event
}

/// An event of root at the metadata level.
fn event(id: &str, stage: &str, verb: &str, uri: &str) -> Value {
    json!({"kind": "Event", "apiVersion": "audit.k8s.io/v1", "level": "Metadata", "auditID": id,
        "stage": stage, "requestURI": uri, "verb": verb,
        "user": {"username": "root", "groups": ["system:masters", "system:authenticated"]},
        "sourceIPs": ["127.0.0.1"], "userAgent": "kubectl/v1.37"})
}

fn allowed() -> Value {
    json!({"authorization.k8s.io/decision": "allow", "authorization.k8s.io/reason": ""})
}

/// The events of a request for an object: received, and answered like this.
fn told(id: &str, verb: &str, uri: &str, object: &Value, answered: &Value) -> [Value; 2] {
    let mut received = event(id, "RequestReceived", verb, uri);
    received["objectRef"] = object.clone();
    let mut complete = event(id, "ResponseComplete", verb, uri);
    complete["objectRef"] = object.clone();
    complete["annotations"] = allowed();
    let fields = answered.as_object().unwrap().clone();
    complete.as_object_mut().unwrap().extend(fields);
    [received, complete]
}

#[tokio::test]
async fn the_life_of_an_object_is_recorded_field_by_field() {
    let audited = AuditedServer::start(&all()).await;
    let admin = audited.server.admin();
    let path = format!("{MAPS}/a");
    let ok = |code| json!({"responseStatus": {"metadata": {}, "code": code}});
    let maps = json!({"resource": "configmaps", "namespace": "default", "apiVersion": "v1"});
    let with = |more: Value| {
        let mut object = maps.clone();
        let more = more.as_object().unwrap().clone();
        object.as_object_mut().unwrap().extend(more);
        object
    };

    let made = named(&admin, "create").post(MAPS, &map("a")).await;
    assert_eq!(made.code, 201);
    assert_eq!(made.headers["audit-id"], "create");
    let [received, mut complete] = told("create", "create", MAPS, &maps, &ok(201));
    complete["objectRef"] = with(json!({"name": "a"}));
    let events: Vec<_> = audited.of("create").iter().map(untimed).collect();
    assert_eq!(events, [received, complete]);

    named(&admin, "get").get(&path).await;
    let a = with(json!({"name": "a"}));
    let events: Vec<_> = audited.of("get").iter().map(untimed).collect();
    assert_eq!(events, told("get", "get", &path, &a, &ok(200)));

    let mut changed = made.json();
    changed["data"]["k"] = "w".into();
    let body = changed.to_string();
    named(&admin, "put").ask(Method::PUT, &path, body).await;
    let [received, mut complete] = told("put", "update", &path, &a, &ok(200));
    complete["objectRef"]["uid"] = made.json()["metadata"]["uid"].clone();
    complete["objectRef"]["resourceVersion"] = made.json()["metadata"]["resourceVersion"].clone();
    let events: Vec<_> = audited.of("put").iter().map(untimed).collect();
    assert_eq!(events, [received, complete]);

    let gone = named(&admin, "delete").delete(&path).await.json();
    let status = json!({"responseStatus": {"metadata": {}, "status": "Success",
        "details": gone["details"], "code": 200}});
    let events: Vec<_> = audited.of("delete").iter().map(untimed).collect();
    assert_eq!(events, told("delete", "delete", &path, &a, &status));

    named(&admin, "gone").get(&path).await;
    let status = json!({"responseStatus": {"metadata": {}, "status": "Failure",
        "message": "configmaps \"a\" not found", "reason": "NotFound",
        "details": {"name": "a", "kind": "configmaps"}, "code": 404}});
    let events: Vec<_> = audited.of("gone").iter().map(untimed).collect();
    assert_eq!(events, told("gone", "get", &path, &a, &status));

    let line = std::fs::read_to_string(&audited.log).unwrap();
    let first = line
        .lines()
        .find(|line| line.contains("\"auditID\":\"get\""))
        .unwrap();
    assert!(
        first.starts_with(r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"get","stage":"RequestReceived","requestURI":"/api"#),
        "{first}"
    );
}

#[tokio::test]
async fn refused_requests_are_recorded() {
    let audited = AuditedServer::start(&all()).await;
    let uri = format!("{MAPS}?limit=1&continue=");
    named(&audited.server.alice(), "403").get(&uri).await;
    let events = audited.of("403");
    assert_eq!(stages(&events), ["RequestReceived", "ResponseComplete"]);
    let complete = untimed(&events[1]);
    assert_eq!(complete["requestURI"], uri);
    assert_eq!(
        complete["user"],
        json!({"username": "alice", "uid": "1000", "groups": ["basic-user", "system:authenticated"]})
    );
    let message = r#"configmaps is forbidden: User "alice" cannot list resource "configmaps" in API group "" in the namespace "default""#;
    assert_eq!(
        complete["responseStatus"],
        json!({"metadata": {}, "status": "Failure", "message": message, "reason": "Forbidden",
            "details": {"kind": "configmaps"}, "code": 403})
    );
    assert_eq!(
        complete["annotations"],
        json!({"authorization.k8s.io/decision": "forbid", "authorization.k8s.io/reason": ""})
    );

    let wrong = audited.server.bearer("wrong");
    assert_eq!(named(&wrong, "401").get(MAPS).await.code, 401);
    let events = audited.of("401");
    assert_eq!(stages(&events), ["ResponseStarted"]);
    let mut expected = event("401", "ResponseStarted", "list", MAPS);
    expected["user"] = json!({});
    expected["objectRef"] =
        json!({"resource": "configmaps", "namespace": "default", "apiVersion": "v1"});
    expected["responseStatus"] = json!({"metadata": {}, "status": "Failure",
        "message": "Unauthorized", "reason": "Unauthorized", "code": 401});
    assert_eq!(untimed(&events[0]), expected);
}

#[tokio::test]
async fn paths_and_other_users_are_recorded() {
    let audited = AuditedServer::start(&all()).await;
    let admin = audited.server.admin();
    named(&admin, "path").get("/version?timeout=32s").await;
    let mut complete = event("path", "ResponseComplete", "get", "/version?timeout=32s");
    complete["responseStatus"] = json!({"metadata": {}, "code": 200});
    complete["annotations"] = allowed();
    assert_eq!(untimed(&audited.of("path")[1]), complete);

    let acting = admin
        .clone()
        .header("impersonate-user", "jane")
        .header("impersonate-group", "devs")
        .header("impersonate-extra-scopes", "view");
    named(&acting, "as").get(MAPS).await;
    let complete = &audited.of("as")[1];
    assert_eq!(complete["user"]["username"], "root");
    assert_eq!(
        complete["impersonatedUser"],
        json!({"username": "jane", "groups": ["devs", "system:authenticated"], "extra": {"scopes": ["view"]}})
    );
    assert_eq!(complete["responseStatus"]["code"], 403);

    let acting = audited.server.alice().header("impersonate-user", "jane");
    named(&acting, "not-as").get(MAPS).await;
    let complete = &audited.of("not-as")[1];
    assert_eq!(complete["responseStatus"]["code"], 403);
    assert!(complete.get("impersonatedUser").is_none() && complete.get("annotations").is_none());

    let behind = admin
        .header("x-forwarded-for", "10.1.1.1, 10.2.2.2")
        .header("x-real-ip", "10.3.3.3");
    named(&behind, "behind").get("/version").await;
    assert_eq!(
        audited.of("behind")[1]["sourceIPs"],
        json!(["10.1.1.1", "10.2.2.2", "10.3.3.3", "127.0.0.1"])
    );
    let long = audited
        .server
        .admin()
        .header("user-agent", &"x".repeat(2000));
    long.header("audit-id", "long").get("/version").await;
    let agent = format!("{}...TRUNCATED", "x".repeat(1024));
    assert_eq!(audited.of("long")[1]["userAgent"], agent);
}

#[tokio::test]
async fn long_running_requests_are_recorded_when_they_begin() {
    let audited = AuditedServer::start(&all()).await;
    let admin = audited.server.admin();
    let uri = format!("{MAPS}?watch=true");
    let mut watcher = named(&admin, "watch").connect().await.unwrap();
    let answer = watcher.send(Method::GET, &uri, "").await.unwrap();
    assert_eq!(answer.status(), 200);
    let begun = audited.of("watch");
    assert_eq!(stages(&begun), ["RequestReceived", "ResponseStarted"]);
    let mut started = event("watch", "ResponseStarted", "watch", &uri);
    started["objectRef"] =
        json!({"resource": "configmaps", "namespace": "default", "apiVersion": "v1"});
    started["responseStatus"] = json!({"metadata": {}, "code": 200});
    started["annotations"] = allowed();
    assert_eq!(untimed(&begun[1]), started);

    let exec = "/api/v1/namespaces/default/pods/none/exec?command=sh";
    named(&admin, "exec").post(exec, &json!({})).await;
    let events = audited.of("exec");
    assert_eq!(
        stages(&events),
        ["RequestReceived", "ResponseStarted", "ResponseComplete"]
    );
    assert_eq!(events[1]["objectRef"]["subresource"], "exec");
    assert_eq!(events[1]["verb"], "create");
    assert_eq!(events[2]["responseStatus"]["reason"], "NotFound");

    drop(answer.into_body().frame());
    drop(watcher);
    let ended = audited.stop("watch").await;
    let expected = ["RequestReceived", "ResponseStarted", "ResponseComplete"];
    assert_eq!(stages(&ended), expected);
    started["stage"] = "ResponseComplete".into();
    assert_eq!(untimed(&ended[2]), started);
}
