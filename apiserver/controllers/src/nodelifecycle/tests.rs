use k8s_openapi::api::core::v1::Taint;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::*;
use crate::bootstrap::system;
use crate::follow::{News, Seen};
use crate::testing;

const PATIENCE: Patience = Patience {
    startup: Duration::from_secs(60),
    grace: Duration::from_secs(40),
};

fn object<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}

fn node(name: &str, ready: &str, heartbeat: u32) -> Node {
    let conditions = match ready {
        "" => json!([]),
        ready => json!([{"type": "Ready", "status": ready,
            "lastHeartbeatTime": format!("2024-01-01T00:00:{heartbeat:02}Z")}]),
    };
    object(json!({"metadata": {"name": name}, "status": {"conditions": conditions}}))
}

fn news(object: Node) -> News<Node> {
    News::Of(Seen {
        object,
        gone: false,
    })
}

fn lease(name: &str, renewed: u32) -> Lease {
    object(
        json!({"metadata": {"name": name, "namespace": "kube-node-lease"},
        "spec": {"renewTime": format!("2024-01-01T00:00:{renewed:02}.000000Z")}}),
    )
}

const fn after(start: Instant, seconds: u64) -> impl Fn() -> Instant {
    move || start + Duration::from_secs(seconds)
}

#[test]
fn status_and_lease_are_heartbeats() {
    let mut nodes = Nodes::new(PATIENCE);
    let start = Instant::now();
    let at = |seconds| after(start, seconds)();
    let left = |nodes: &Nodes, seconds| nodes.left("n", at(seconds)).as_secs();
    nodes.node(news(node("n", "", 0)), start);
    assert_eq!(left(&nodes, 10), 50, "it has not said how it is");
    nodes.node(news(node("n", "True", 1)), at(20));
    assert_eq!(left(&nodes, 30), 30);
    nodes.node(news(node("n", "True", 1)), at(40));
    assert_eq!(left(&nodes, 40), 20, "the same as before");
    nodes.lease(&lease("n", 1), at(50));
    assert_eq!(left(&nodes, 50), 40);
    nodes.lease(&lease("n", 1), at(60));
    nodes.lease(&lease("other", 2), at(60));
    assert_eq!(left(&nodes, 60), 30);
    assert_eq!(left(&nodes, 100), 0);
}

#[test]
fn a_change_of_readiness_affects_the_silent_nodes() {
    let mut nodes = Nodes::new(PATIENCE);
    let now = Instant::now();
    assert_eq!(nodes.node(news(node("n", "True", 1)), now), ["n"]);
    assert!(!nodes.stopped("n"));
    assert_eq!(nodes.node(news(node("n", "Unknown", 1)), now), ["n", "n"]);
    assert!(nodes.stopped("n"));
    nodes.pods_marked("n");
    assert!(!nodes.stopped("n"));
    assert_eq!(nodes.node(news(node("m", "True", 1)), now), ["m"]);
    assert_eq!(nodes.node(news(node("m", "False", 1)), now).len(), 3);
    let gone = News::Of(Seen {
        object: node("m", "True", 1),
        gone: true,
    });
    assert_eq!(nodes.node(gone, now), ["n"]);
}

#[test]
fn the_conditions_of_a_silent_node_are_unknown() {
    let at: Timestamp = "2024-01-01T00:01:00Z".parse().unwrap();
    let mut silent = node("n", "True", 1);
    health::give_up(&mut silent, at);
    let conditions = silent.status.as_ref().unwrap().conditions.clone().unwrap();
    let reported: Vec<_> = conditions
        .iter()
        .map(|c| {
            (
                c.type_.as_str(),
                c.status.as_str(),
                c.reason.as_deref().unwrap(),
            )
        })
        .collect();
    let never = "NodeStatusNeverUpdated";
    assert_eq!(
        reported,
        [
            ("Ready", "Unknown", "NodeStatusUnknown"),
            ("MemoryPressure", "Unknown", never),
            ("DiskPressure", "Unknown", never),
            ("PIDPressure", "Unknown", never),
        ]
    );
    let before = silent.clone();
    health::give_up(&mut silent, at + Duration::from_secs(60));
    assert_eq!(silent, before, "once");
}

#[test]
fn taints_follow_the_status() {
    let at: Timestamp = "2024-01-01T00:01:00Z".parse().unwrap();
    let wanted_taints = |node: &Node, is_alone| {
        let wanted = taints::wanted(node, is_alone, at);
        let short = wanted.iter().map(|taint| {
            let key = taint.key.trim_start_matches("node.kubernetes.io/");
            format!("{key}:{}", taint.effect)
        });
        short.collect::<Vec<_>>()
    };
    let nothing: [&str; 0] = [];
    assert_eq!(wanted_taints(&node("n", "True", 1), false), nothing);
    assert_eq!(
        wanted_taints(&node("n", "False", 1), false),
        ["not-ready:NoSchedule", "not-ready:NoExecute"]
    );
    let unknown = ["unreachable:NoSchedule", "unreachable:NoExecute"];
    assert_eq!(wanted_taints(&node("n", "Unknown", 1), false), unknown);
    assert_eq!(
        wanted_taints(&node("n", "Unknown", 1), true),
        ["unreachable:NoSchedule"]
    );
    let mut tainted = node("n", "False", 1);
    tainted.spec = Some(object(json!({"unschedulable": true, "taints": [
        {"key": "mine", "effect": "NoExecute"},
        {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute", "timeAdded": "2024-01-01T00:00:00Z"},
        {"key": "node.kubernetes.io/not-ready", "effect": "NoExecute", "timeAdded": "2024-01-01T00:00:00Z"}]})));
    let expected = [
        "mine:NoExecute",
        "not-ready:NoExecute",
        "not-ready:NoSchedule",
        "unschedulable:NoSchedule",
    ];
    assert_eq!(wanted_taints(&tainted, false), expected);
    let since = taints::wanted(&tainted, false, at)[1]
        .time_added
        .as_ref()
        .unwrap()
        .0;
    assert_eq!(
        since.to_string(),
        "2024-01-01T00:00:00Z",
        "since it was not ready"
    );
    // admission's taint on a new node stays until the node has a status
    let mut new = node("n", "", 0);
    new.spec = Some(object(
        json!({"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]}),
    ));
    assert_eq!(wanted_taints(&new, false), ["not-ready:NoSchedule"]);
    new.status = node("n", "True", 1).status;
    assert_eq!(wanted_taints(&new, false), nothing);
}

fn pod(tolerations: &Value) -> Pod {
    object(
        json!({"metadata": {"namespace": "default", "name": "p", "uid": "u"}, "spec": {"nodeName": "n",
        "containers": [{"name": "c", "image": "i"}], "tolerations": tolerations}}),
    )
}

#[test]
fn pods_are_deleted_when_they_no_longer_tolerate() {
    let now: Timestamp = "2024-01-01T00:01:00Z".parse().unwrap();
    let taints: Vec<Taint> = object(json!([
        {"key": "a", "value": "v", "effect": "NoExecute", "timeAdded": "2024-01-01T00:00:00Z"}]));
    let toleration = |more: Value| {
        let mut toleration = json!({"key": "a", "operator": "Exists", "effect": "NoExecute"});
        for (key, value) in more.as_object().unwrap() {
            toleration[key] = value.clone();
        }
        json!([toleration])
    };
    for (tolerations, expected) in [
        (json!([]), Some(0)),
        (toleration(json!({})), None),
        (toleration(json!({"tolerationSeconds": 300})), Some(240)),
        (toleration(json!({"tolerationSeconds": 60})), Some(0)),
        (toleration(json!({"tolerationSeconds": -1})), Some(0)),
        (toleration(json!({"key": "b"})), Some(0)),
        (toleration(json!({"effect": "NoSchedule"})), Some(0)),
        (toleration(json!({"operator": "Equal", "value": "v"})), None),
        (
            toleration(json!({"operator": "Equal", "value": "w"})),
            Some(0),
        ),
        (json!([{"operator": "Exists"}]), None),
    ] {
        let left = eviction::left(&pod(&tolerations), &taints, now);
        assert_eq!(left.map(|left| left.as_secs()), expected, "{tolerations}");
    }
    let mut going = pod(&json!([]));
    going.metadata.deletion_timestamp = Some(portcullis_kinds::time::now());
    assert_eq!(eviction::left(&going, &taints, now), None);
}

/// A lifecycle over a registry with a ready node, a silent one and a ready pod on the latter.
async fn lifecycle(dir: &std::path::Path) -> Lifecycle {
    let lifecycle = Lifecycle {
        registry: Arc::new(testing::registry(dir)),
        user: system(),
        nodes: Mutex::new(Nodes::new(PATIENCE)),
        queue: Queue::default(),
    };
    let registry = &lifecycle.registry;
    for name in ["n", "other"] {
        let scope = Scope::all(table::NODES, &lifecycle.user).named("", name);
        testing::create(registry, &scope, node(name, "", 0)).await;
        let status = node(name, "True", 1).status;
        testing::status(registry, &scope, |node: &mut Node| {
            node.status.clone_from(&status)
        })
        .await;
    }
    let scope = Scope::all(table::PODS, &lifecycle.user).named("default", "p");
    let seconds = json!([{"key": "node.kubernetes.io/unreachable", "operator": "Exists",
        "effect": "NoExecute", "tolerationSeconds": 0}]);
    testing::create(registry, &scope, pod(&seconds)).await;
    testing::status(registry, &scope, |pod: &mut Pod| {
        pod.status = Some(object(
            json!({"conditions": [{"type": "Ready", "status": "True"}]}),
        ));
    })
    .await;
    lifecycle
}

async fn nodes(lifecycle: &Lifecycle) -> Vec<Node> {
    lifecycle.list(table::NODES, None).await.unwrap()
}

async fn see(lifecycle: &Lifecycle, now: Instant) {
    for node in nodes(lifecycle).await {
        lifecycle.nodes.lock().node(news(node), now);
    }
}

#[tokio::test]
async fn a_silent_node_loses_its_pods() {
    let dir = tempfile::tempdir().unwrap();
    let lifecycle = lifecycle(dir.path()).await;
    let start = Instant::now();
    see(&lifecycle, start).await;
    lifecycle
        .attempt("n", start + Duration::from_secs(39))
        .await
        .unwrap();
    let all = nodes(&lifecycle).await;
    assert!(conditions::is_ready(&all[0]) == Some(true) && taints::of(&all[0]).is_empty());
    lifecycle
        .attempt("n", start + PATIENCE.grace)
        .await
        .unwrap();
    let all = nodes(&lifecycle).await;
    assert!(conditions::is_unknown(&all[0]));
    assert_eq!(
        (taints::of(&all[0]).len(), taints::of(&all[1]).len()),
        (2, 0)
    );
    // it was deleted immediately, as its kubelet is not there to end it
    let pods = lifecycle.pods("n").await.unwrap();
    assert!(pods[0].metadata.deletion_timestamp.is_some());
    see(&lifecycle, start).await;
    lifecycle
        .attempt("n", start + PATIENCE.grace)
        .await
        .unwrap();
    assert!(!eviction::is_ready(&lifecycle.pods("n").await.unwrap()[0]));
    // it reports that it is well
    let scope = Scope::all(table::NODES, &lifecycle.user).named("", "n");
    let status = node("n", "True", 2).status;
    testing::status(&lifecycle.registry, &scope, |node: &mut Node| {
        node.status.clone_from(&status)
    })
    .await;
    let later = start + Duration::from_secs(60);
    see(&lifecycle, later).await;
    lifecycle.attempt("n", later).await.unwrap();
    assert!(taints::of(&nodes(&lifecycle).await[0]).is_empty());
}

/// Without any heartbeat it is more likely that this server cannot be reached.
#[tokio::test]
async fn pods_stay_while_all_nodes_are_silent() {
    let dir = tempfile::tempdir().unwrap();
    let lifecycle = lifecycle(dir.path()).await;
    let start = Instant::now();
    see(&lifecycle, start).await;
    let late = start + PATIENCE.grace;
    for _ in 0..2 {
        for name in ["other", "n"] {
            lifecycle.attempt(name, late).await.unwrap();
            see(&lifecycle, start).await;
        }
    }
    for node in nodes(&lifecycle).await {
        assert!(
            conditions::is_unknown(&node) && taints::evicting(&node).is_empty(),
            "{node:?}"
        );
    }
    let pods = lifecycle.pods("n").await.unwrap();
    assert_eq!(pods[0].metadata.deletion_timestamp, None);
}
