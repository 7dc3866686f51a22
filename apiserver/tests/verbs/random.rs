//! Sequences of random patches: a refused patch changes nothing, and an accepted one changes nothing when it
//! is repeated.

use http::Method;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::support::server::TestServer;

const PATCHES: usize = 120;
const POD: &str = "/api/v1/namespaces/default/pods/p";

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "Not A Name", ""])
}

fn small() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        name().prop_map(Value::from),
        (0..9).prop_map(Value::from),
        Just(json!({"a": "b"})),
        Just(json!([])),
    ]
}

/// A merge patch, or a strategic one.
fn merge() -> impl Strategy<Value = Value> {
    let container = (name(), name(), any::<bool>()).prop_map(|(name, image, goes)| {
        if goes {
            json!({"name": name, "$patch": "delete"})
        } else {
            json!({"name": name, "image": image})
        }
    });
    prop_oneof![
        (name(), small()).prop_map(|(key, value)| json!({"metadata": {"labels": {key: value}}})),
        (name(), small()).prop_map(|(key, value)| json!({"spec": {key: value}})),
        prop::collection::vec(container, 0..3).prop_map(|c| json!({"spec": {"containers": c}})),
        small().prop_map(|value| json!({"metadata": {"finalizers": value}})),
        small().prop_map(|value| json!({"metadata": {"name": value}})),
    ]
}

/// A JSON patch, whose later operations may fail where earlier ones did not.
fn operations() -> impl Strategy<Value = Value> {
    let path = prop::sample::select(vec![
        "/metadata/labels/a",
        "/metadata/labels",
        "/spec/containers/0/image",
        "/spec/containers/7",
        "/metadata/annotations/x",
        "/nowhere/at/all",
    ]);
    let verb = prop::sample::select(vec!["add", "remove", "replace", "test"]);
    let operation = (verb, path, small())
        .prop_map(|(op, path, value)| json!({"op": op, "path": path, "value": value}));
    prop::collection::vec(operation, 1..4).prop_map(Value::from)
}

#[tokio::test]
async fn refused_patches_change_nothing_and_accepted_ones_nothing_twice() {
    let server = TestServer::start(&[]).await;
    let admin = server.admin();
    let pod = json!({"metadata": {"name": "p", "labels": {"a": "1"}},
        "spec": {"containers": [{"name": "a", "image": "i"}]}});
    let pods = "/api/v1/namespaces/default/pods";
    assert_eq!(admin.post(pods, &pod).await.code, 201);
    let any = prop_oneof![
        merge().prop_map(|patch| ("application/merge-patch+json", patch)),
        merge().prop_map(|patch| ("application/strategic-merge-patch+json", patch)),
        operations().prop_map(|patch| ("application/json-patch+json", patch)),
        merge().prop_map(|mut patch| {
            patch["apiVersion"] = json!("v1");
            patch["kind"] = json!("Pod");
            ("application/apply-patch+yaml", patch)
        }),
    ];
    let mut runner = TestRunner::deterministic();
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..PATCHES {
        let (kind, patch) = any.new_tree(&mut runner).unwrap().current();
        let before = admin.get(POD).await.json();
        let client = admin.clone().header("content-type", kind);
        let path = format!("{POD}?fieldManager=random");
        let answer = client.ask(Method::PATCH, &path, patch.to_string()).await;
        let after = admin.get(POD).await.json();
        match answer.code {
            200 => {
                accepted += 1;
                assert_eq!(answer.json(), after, "{kind} {patch}");
                if kind != "application/json-patch+json" {
                    let again = client.ask(Method::PATCH, &path, patch.to_string()).await;
                    assert_eq!(again.json(), after, "{kind} {patch}");
                }
            }
            400..=422 => {
                refused += 1;
                assert_eq!(after, before, "{kind} {patch}");
            }
            code => panic!("{code} to {kind} {patch}"),
        }
    }
    // enough patches are accepted and refused, or the test proves nothing
    assert!(
        accepted > PATCHES / 8 && refused > PATCHES / 8,
        "{accepted} {refused}"
    );
}
