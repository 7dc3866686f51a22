use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::bootstrap::system;
use crate::follow::{News, Seen};
use crate::testing;

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn pod(name: &str, node: &str, phase: &str) -> Pod {
    let number = name.len();
    object(json!({"metadata": {"namespace": "default", "name": name,
            "creationTimestamp": format!("2024-01-01T00:00:{number:02}Z")},
        "spec": {"nodeName": node, "containers": [{"name": "c", "image": "i"}]}, "status": {"phase": phase}}))
}

fn node(name: &str) -> Node {
    object(json!({"metadata": {"name": name}}))
}

fn seen<K>(object: K, gone: bool) -> News<K> {
    News::Of(Seen { object, gone })
}

fn due(reason: Reason, name: &str) -> Due {
    let place = format!("default/{name}");
    Due { reason, place }
}

#[test]
fn pods_of_nodes_that_are_gone_are_orphans() {
    let mut known = Known::new(9);
    assert_eq!(
        known.pod(seen(pod("a", "n", "Running"), false)),
        [due(Reason::Orphaned, "a")]
    );
    assert_eq!(known.node(seen(node("n"), false)), []);
    assert_eq!(known.pod(seen(pod("b", "", "Pending"), false)), []);
    assert_eq!(known.pod(seen(pod("a", "n", "Running"), false)), []);
    assert_eq!(known.node(seen(node("m"), true)), []);
    assert_eq!(
        known.node(seen(node("n"), true)),
        [due(Reason::Orphaned, "a")]
    );
    assert_eq!(known.pod(seen(pod("a", "n", "Running"), true)), []);
    assert_eq!(known.node(seen(node("n"), true)), []);
}

#[test]
fn changes_between_watches_are_processed() {
    let mut known = Known::new(9);
    known.node(seen(node("n"), false));
    known.pod(seen(pod("a", "n", "Running"), false));
    assert_eq!(known.node(News::Anew), [due(Reason::Orphaned, "a")]);
    assert_eq!(known.pod(News::Anew), []);
    known.node(seen(node("n"), false));
    assert_eq!(
        known.node(seen(node("n"), true)),
        [],
        "no pod was reported again"
    );
}

#[test]
fn the_oldest_of_too_many_ended_pods_are_deleted() {
    let mut known = Known::new(2);
    known.node(seen(node("n"), false));
    for name in ["aaa", "aa", "running"] {
        let phase = if name == "running" {
            "Running"
        } else {
            "Failed"
        };
        assert_eq!(known.pod(seen(pod(name, "n", phase), false)), []);
    }
    let excess = known.pod(seen(pod("aaaa", "n", "Succeeded"), false));
    assert_eq!(excess, [due(Reason::Excess, "aa")]);
    known.pod(seen(pod("aa", "n", "Failed"), true));
    assert_eq!(known.pod(seen(pod("aaaa", "n", "Succeeded"), false)), []);
}

#[test]
fn a_pod_that_never_was_on_a_node_is_deleted() {
    let mut known = Known::new(9);
    let mut deleted = pod("a", "", "Pending");
    deleted.metadata.deletion_timestamp = Some(portcullis_kinds::time::now());
    assert_eq!(
        known.pod(seen(deleted, false)),
        [due(Reason::NeverBound, "a")]
    );
}

/// Only if the reason still holds when the pod is due.
#[tokio::test]
async fn attempts_look_again() {
    let dir = tempfile::tempdir().unwrap();
    let registry = testing::registry(dir.path());
    let user = system();
    for (name, phase) in [("orphan", "Running"), ("ended", "Succeeded")] {
        let scope = Scope::all(table::PODS, &user).named("default", name);
        testing::create(&registry, &scope, pod(name, "n", phase)).await;
        testing::status(&registry, &scope, |pod: &mut Pod| {
            pod.status.get_or_insert_default().phase = Some(phase.to_owned());
        })
        .await;
    }
    let nodes = Scope::all(table::NODES, &user).named("", "n");
    testing::create(&registry, &nodes, node("n")).await;
    let remaining = async || {
        let mut remaining = Vec::new();
        for name in ["orphan", "ended"] {
            let scope = Scope::all(table::PODS, &user).named("default", name);
            if registry.get(&scope, ReadAt::Latest).await.is_ok() {
                remaining.push(name);
            }
        }
        remaining
    };
    for key in [
        "orphaned:default/orphan",
        "excess:default/orphan",
        "never-bound:default/ended",
        "x",
    ] {
        let _ = attempt(&registry, &user, key).await;
    }
    assert_eq!(remaining().await, ["orphan", "ended"]);
    attempt(&registry, &user, "excess:default/ended")
        .await
        .unwrap();
    registry
        .delete(&nodes, &DeleteOptions::default())
        .await
        .unwrap();
    attempt(&registry, &user, "orphaned:default/orphan")
        .await
        .unwrap();
    assert!(remaining().await.is_empty());
}
