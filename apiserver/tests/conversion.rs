//! Kinds whose versions a webhook converts.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use serde_json::{Value, json};

use crate::controllers::gone;
use crate::custom::define;
use crate::support::PATIENCE;
use crate::support::client::Client;
use crate::support::https_server::HttpsServer;
use crate::support::server::TestServer;

const OLD: &str = "/apis/example.com/v1/namespaces/default/boxes";
const NEW: &str = "/apis/example.com/v2/namespaces/default/boxes";
const NEW_A: &str = "/apis/example.com/v2/namespaces/default/boxes/a";
const OLD_A: &str = "/apis/example.com/v1/namespaces/default/boxes/a";
const DEFINITION: &str =
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boxes.example.com";

/// How a webhook misbehaves, if at all.
type Fault = Arc<Mutex<Option<fn(&mut Value)>>>;

/// A webhook that converts boxes: version 1 has `size: "3x4"`, version 2 `width` and `height`.
struct Webhook {
    server: HttpsServer,
    calls: Arc<AtomicUsize>,
    fault: Fault,
}

impl Webhook {
    async fn start() -> Self {
        let (calls, fault) = (Arc::new(AtomicUsize::new(0)), Fault::default());
        let (counted, faulty) = (calls.clone(), fault.clone());
        let server = HttpsServer::start(&[], move |request: Request<Bytes>| {
            counted.fetch_add(1, Ordering::Relaxed);
            let mut answer = answer(&serde_json::from_slice(request.body()).unwrap());
            if let Some(fault) = *faulty.lock() {
                fault(&mut answer);
            }
            std::future::ready(Response::new(answer.to_string().into()))
        });
        Self {
            server: server.await,
            calls,
            fault,
        }
    }

    /// The number of calls since the last time.
    fn calls(&self) -> usize {
        self.calls.swap(0, Ordering::Relaxed)
    }

    fn definition(&self) -> Value {
        let authority = std::fs::read(self.server.dir().join("ca.crt")).unwrap();
        let version = |name: &str, storage: bool, fields: &[(&str, &str)]| {
            let fields = fields.iter();
            let fields = fields.map(|(name, kind)| ((*name).to_owned(), json!({"type": kind})));
            let fields: serde_json::Map<_, _> = fields.collect();
            json!({"name": name, "served": true, "storage": storage,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {
                    "spec": {"type": "object", "properties": fields}}}}})
        };
        json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
            "metadata": {"name": "boxes.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced",
                "names": {"plural": "boxes", "kind": "Box", "singular": "box"},
                "versions": [
                    version("v1", true, &[("size", "string")]),
                    version("v2", false, &[("width", "integer"), ("height", "integer")])],
                "conversion": {"strategy": "Webhook", "webhook": {
                    "conversionReviewVersions": ["v1"],
                    "clientConfig": {
                        "url": format!("https://{}/convert", self.server.address()),
                        "caBundle": STANDARD.encode(authority)}}}}})
    }
}

fn answer(review: &Value) -> Value {
    let request = &review["request"];
    let desired = &request["desiredAPIVersion"];
    let objects = request["objects"].as_array().unwrap().iter();
    let objects: Vec<_> = objects.map(|object| convert(object, desired)).collect();
    json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "ConversionReview",
        "response": {"uid": request["uid"], "result": {"status": "Success"},
            "convertedObjects": objects}})
}

fn convert(object: &Value, desired: &Value) -> Value {
    let mut object = object.clone();
    object["apiVersion"] = desired.clone();
    let spec = object["spec"].clone();
    object["spec"] = match desired.as_str().unwrap() {
        "example.com/v2" => {
            let (width, height) = spec["size"].as_str().unwrap().split_once('x').unwrap();
            let number = |text: &str| text.parse::<i64>().unwrap();
            json!({"width": number(width), "height": number(height)})
        }
        _ => json!({"size": format!("{}x{}", spec["width"], spec["height"])}),
    };
    object
}

fn old(name: &str) -> Value {
    json!({"apiVersion": "example.com/v1", "kind": "Box", "metadata": {"name": name},
        "spec": {"size": "3x4"}})
}

/// What a metric of the server counts.
async fn counted(admin: &Client, metric: &str, labels: &str) -> usize {
    let metrics = admin.get("/metrics").await;
    let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
    let line = format!("apiserver_{metric}{{{labels}}} ");
    let mut found = metrics.lines().filter_map(|at| at.strip_prefix(&line));
    found.next().map_or(0, |count| count.parse().unwrap())
}

async fn served() -> (TestServer, Client, Webhook) {
    let server = TestServer::start(&[]).await;
    let (admin, webhook) = (server.admin(), Webhook::start().await);
    define(&admin, &webhook.definition()).await;
    (server, admin, webhook)
}

#[tokio::test]
async fn an_object_is_converted_by_its_webhook() {
    let (_server, admin, webhook) = served().await;
    assert_eq!(admin.post(OLD, &old("a")).await.code, 201);
    assert_eq!(webhook.calls(), 0, "what is stored in its version");
    let new = admin.get(NEW_A).await.json();
    assert_eq!(
        (&new["apiVersion"], &new["spec"]),
        (&json!("example.com/v2"), &json!({"width": 3, "height": 4}))
    );
    admin.get(NEW_A).await;
    assert_eq!(webhook.calls(), 1, "once for a version of the object");
    let succeeded = "failure_type=\"\",result=\"success\"";
    let total = counted(&admin, "conversion_webhook_request_total", succeeded).await;
    assert_eq!(total, 1);

    for name in ["b", "c", "d"] {
        assert_eq!(admin.post(OLD, &old(name)).await.code, 201);
    }
    let list = admin.get(NEW).await.json();
    let items = list["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["spec"]["width"] == 3));
    assert_eq!((items.len(), webhook.calls()), (4, 1), "all in one call");

    let patch = json!({"spec": {"width": 9}, "metadata": {"labels": {"x": "y"}}});
    let patched = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    let patched = patched.ask(Method::PATCH, NEW_A, patch.to_string()).await;
    assert_eq!(patched.code, 200, "{}", patched.message());
    assert_eq!(patched.json()["spec"], json!({"width": 9, "height": 4}));
    let stored = admin.get(OLD_A).await.json();
    assert_eq!(stored["spec"], json!({"size": "9x4"}));
    assert_eq!(admin.delete(NEW_A).await.code, 200);
}

#[tokio::test]
async fn watchers_see_their_version() {
    let (_server, admin, webhook) = served().await;
    admin.post(OLD, &old("a")).await;
    let from = admin.get(OLD).await.json();
    let from = from["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned();
    admin.post(OLD, &old("b")).await;
    let events = events(&admin, "").await;
    let widths = events.iter().map(|event| &event["object"]["spec"]["width"]);
    assert_eq!(widths.collect::<Vec<_>>(), [3, 3]);
    let later = self::events(&admin, &from).await;
    assert_eq!(
        (later.len(), &later[0]["type"], &later[0]["object"]["spec"]),
        (1, &json!("ADDED"), &json!({"width": 3, "height": 4}))
    );
    *webhook.fault.lock() = Some(|answer| answer["response"]["uid"] = json!("another"));
    admin.post(OLD, &old("c")).await;
    let broken = self::events(&admin, &from).await;
    let last = broken.last().unwrap();
    assert_eq!((broken.len(), &last["type"]), (2, &json!("ERROR")));
    let why = last["object"]["message"].as_str().unwrap();
    assert!(why.contains("expected response.uid="), "{why}");
}

/// The events of a watch from a version within a second.
async fn events(client: &Client, from: &str) -> Vec<Value> {
    let path = format!("{NEW}?watch=true&timeoutSeconds=1&resourceVersion={from}");
    let answer = client.get(&path).await;
    let text = String::from_utf8(answer.body.to_vec()).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[tokio::test]
async fn watches_end_when_their_definition_changes() {
    let (_server, admin, webhook) = served().await;
    admin.post(OLD, &old("a")).await;
    let mut connection = admin.connect().await.unwrap();
    let path = format!("{OLD}?watch=true");
    let watch = connection.send(Method::GET, &path, "").await.unwrap();
    let mut body = watch.into_body();
    assert!(body.frame().await.unwrap().unwrap().is_data());

    // a change of the status does not affect conversion
    let merge = admin
        .clone()
        .header("content-type", "application/merge-patch+json");
    let label = json!({"metadata": {"labels": {"x": "y"}}}).to_string();
    assert_eq!(merge.ask(Method::PATCH, DEFINITION, label).await.code, 200);
    admin.post(OLD, &old("b")).await;
    assert!(body.frame().await.unwrap().unwrap().is_data());

    let mut changed = webhook.definition();
    changed["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["more"] =
        json!({"type": "string"});
    let spec = json!({"spec": changed["spec"]}).to_string();
    assert_eq!(merge.ask(Method::PATCH, DEFINITION, spec).await.code, 200);
    let rest = tokio::time::timeout(PATIENCE, body.collect()).await;
    let rest = rest.unwrap().unwrap().to_bytes();
    assert_eq!(String::from_utf8_lossy(&rest), "");
}

/// Applies a configuration, and returns the code and, of an error, the message.
async fn apply(client: &Client, path: &str, manager: &str, body: &Value) -> (u16, String) {
    let client = client
        .clone()
        .header("content-type", "application/apply-patch+yaml");
    let path = format!("{path}?fieldManager={manager}");
    let answer = client.ask(Method::PATCH, &path, body.to_string()).await;
    let message = match answer.code {
        200..300 => String::new(),
        _ => answer.message(),
    };
    (answer.code, message)
}

fn managers(object: &Value) -> Vec<(&str, &str, &Value)> {
    let entries = object["metadata"]["managedFields"].as_array().unwrap();
    let entries = entries.iter().map(|entry| {
        let text = |field: &str| entry[field].as_str().unwrap();
        (text("manager"), text("apiVersion"), &entry["fieldsV1"])
    });
    entries.collect()
}

#[tokio::test]
async fn managers_of_one_version_are_compared_with_changes_in_another() {
    let (_server, admin, webhook) = served().await;
    let new = |spec: Value| json!({"apiVersion": "example.com/v2", "kind": "Box", "metadata": {"name": "a"}, "spec": spec});
    assert_eq!(apply(&admin, OLD_A, "one", &old("a")).await.0, 201);
    let (code, message) = apply(&admin, NEW_A, "two", &new(json!({"width": 5}))).await;
    assert_eq!(code, 409);
    assert_eq!(
        message,
        "Apply failed with 1 conflict: conflict with \"one\": .spec.size"
    );
    let same = new(json!({"width": 3, "height": 4}));
    assert_eq!(apply(&admin, NEW_A, "two", &same).await.0, 200);
    let size = json!({"f:spec": {"f:size": {}}});
    let width = json!({"f:spec": {"f:height": {}, "f:width": {}}});
    let found = admin.get(OLD_A).await.json();
    assert_eq!(
        managers(&found),
        [
            ("one", "example.com/v1", &size),
            ("two", "example.com/v2", &width)
        ]
    );

    // a change of something else leaves both, and one of the size takes it from both
    let mut labelled = admin.get(NEW_A).await.json();
    labelled["metadata"]["labels"] = json!({"l": "m"});
    let put = admin
        .ask(Method::PUT, NEW_A, labelled.to_string())
        .await
        .json();
    assert_eq!(managers(&put).len(), 3, "{put}");
    labelled["spec"] = json!({"width": 3, "height": 5});
    labelled["metadata"]["resourceVersion"] = put["metadata"]["resourceVersion"].clone();
    labelled["metadata"]["managedFields"] = put["metadata"]["managedFields"].clone();
    let put = admin
        .ask(Method::PUT, NEW_A, labelled.to_string())
        .await
        .json();
    let names: Vec<_> = managers(&put).iter().map(|(name, ..)| *name).collect();
    assert!(!names.contains(&"one") && names.contains(&"two"), "{put}");

    // without the webhook, an update in the stored version keeps the owners as they were
    let before = admin.get(OLD_A).await.json();
    *webhook.fault.lock() = Some(|answer| *answer = Value::Null);
    let mut relabelled = before.clone();
    relabelled["metadata"]["labels"] = json!({"l": "n"});
    let put = admin.ask(Method::PUT, OLD_A, relabelled.to_string()).await;
    assert_eq!(put.code, 200, "{}", put.message());
    assert_eq!(managers(&put.json()), managers(&before));
    let (code, message) = apply(&admin, OLD_A, "three", &old("a")).await;
    assert_eq!(code, 500);
    assert!(
        message.starts_with("conversion webhook for example.com/v1, Kind=Box failed: "),
        "{message}"
    );
}

#[tokio::test]
async fn a_webhook_that_fails_fails_the_requests_that_need_it() {
    let (_server, admin, webhook) = served().await;
    assert_eq!(admin.post(OLD, &old("a")).await.code, 201);
    for (fault, why) in [
        (
            (|answer| answer["response"]["uid"] = json!("another")) as fn(&mut Value),
            "conversion webhook for example.com/v1, Kind=Box failed: expected response.uid=",
        ),
        (
            |answer| answer["response"]["convertedObjects"] = json!([]),
            "conversion webhook for example.com/v1, Kind=Box returned 0 objects, expected 1",
        ),
        (
            |answer| answer["response"]["convertedObjects"][0]["metadata"]["name"] = json!("z"),
            "conversion webhook for example.com/v1, Kind=Box returned invalid object: must have the same name: a != z",
        ),
        (
            |answer| answer["response"]["convertedObjects"][0] = Value::Null,
            "unexpected end of JSON input",
        ),
        (
            |answer| *answer = json!("what?"),
            "conversion webhook for example.com/v1, Kind=Box failed: ",
        ),
    ] {
        *webhook.fault.lock() = Some(fault);
        let answer = admin.get(NEW_A).await;
        assert_eq!(answer.code, 500);
        assert!(answer.message().starts_with(why), "{}", answer.message());
        assert_eq!(admin.get(NEW).await.code, 500);
    }
    assert_eq!(
        admin.get(OLD_A).await.code,
        200,
        "it is stored in this version"
    );
    assert_eq!(admin.delete(NEW_A).await.code, 500);
    assert_eq!(
        admin.get(OLD_A).await.code,
        200,
        "what cannot be converted is not lost"
    );

    drop(webhook);
    let answer = admin.get(NEW_A).await;
    assert!(
        answer.message().contains("connect: connection refused"),
        "{}",
        answer.message()
    );
    for (fault, calls) in [
        ("malformed_response", 5),
        ("partial_response", 2),
        ("invalid_converted_object", 4),
        ("call", 1),
    ] {
        let fault = format!("conversion_webhook_{fault}_failure");
        let labels = format!("failure_type=\"{fault}\",result=\"failure\"");
        assert_eq!(
            counted(&admin, "conversion_webhook_request_total", &labels).await,
            calls
        );
        let timed = "conversion_webhook_duration_seconds_count";
        assert_eq!(counted(&admin, timed, &labels).await, calls, "{fault}");
    }
    let of_kind =
        "crd_name=\"boxes.example.com\",from_version=\"v1\",succeeded=\"false\",to_version=\"v2\"";
    let timed = "crd_conversion_webhook_duration_seconds_count";
    assert_eq!(counted(&admin, timed, of_kind).await, 12);
    assert_eq!(admin.delete(DEFINITION).await.code, 200);
    // a definition can be deleted without its webhook
    gone(&admin, DEFINITION).await;
}
