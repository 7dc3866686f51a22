//! The book's policies, over pods with addresses: cases that docs/why.md, whose pods do not run, does not
//! show.

use std::path::Path;

use portcullis_netpol::{Cluster, Pod};
use serde_json::{Value, json};

use super::connect::{Allowed, State};
use super::parties::target;
use super::picture::Picture;
use super::snapshot::Snapshot;
use super::*;

fn pod(namespace: &str, name: &str, app: &str, ip: &str) -> Pod {
    let ips: Vec<_> = ip
        .split(' ')
        .filter(|ip| !ip.is_empty())
        .map(|ip| json!({"ip": ip}))
        .collect();
    let pod = json!({
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": app, "pod-template-hash": name}},
        "spec": {"nodeName": "node", "containers": [{"name": "c", "ports": [{"containerPort": 80, "name": "http"}]}]},
        "status": {"podIPs": ips, "hostIP": "192.0.2.1"},
    });
    Pod::of(&serde_json::from_value(pod).unwrap())
}

fn snapshot(policies: &[&str]) -> Snapshot {
    let mut snapshot = Snapshot::default();
    for (namespace, tenant) in [("default", "own"), ("books", "manning"), ("films", "other")] {
        let labels = [("tenant".to_owned(), tenant.to_owned())];
        snapshot.cluster.put_namespace(namespace, labels.into());
    }
    for (namespace, name, app, ip) in [
        ("default", "web-1", "webserver", "10.244.0.1 fd00::1"),
        ("default", "web-2", "webserver", "10.244.0.2"),
        ("default", "db", "database", "10.244.0.3 fd00::3"),
        ("default", "cart-1", "shopping-cart", "10.244.0.4"),
        ("default", "cart-2", "shopping-cart", "10.244.0.5"),
        ("books", "reader", "reader", "10.244.0.6"),
        ("films", "viewer", "viewer", ""),
    ] {
        snapshot.cluster.put_pod(pod(namespace, name, app, ip));
    }
    let service = json!({
        "metadata": {"namespace": "default", "name": "cart"},
        "spec": {"clusterIP": "10.0.0.80", "selector": {"app": "shopping-cart"},
            "ports": [{"port": 8080, "targetPort": "http"}]},
    });
    snapshot
        .services
        .push(serde_json::from_value(service).unwrap());
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../testdata/chapter13");
    let paths: Vec<_> = policies
        .iter()
        .map(|name| dir.join(format!("network-policy-{name}.yaml")))
        .collect();
    snapshot.with(&policies::read(&paths, "default").unwrap())
}

fn state(snapshot: &Snapshot, from: &str, to: &str) -> Result<State, TrafficError> {
    let words = ["portcullis", "why", "connect", from, to];
    let parsed = <crate::config::Cli as clap::Parser>::try_parse_from(words).unwrap();
    let crate::config::Command::Why(args) = parsed.command else {
        panic!("not why");
    };
    let Some(crate::config::why::Traffic::Connect(args)) = args.traffic else {
        panic!("not connect");
    };
    connect::state(snapshot, &Question::of(&args, "default")?)
}

const ALL: &[&str] = &["default-deny", "postgres", "cart", "cidr", "egress"];

#[test]
fn addresses_are_pods_services_or_outside() {
    let snapshot = snapshot(ALL);
    for (from, to, allowed, ends) in [
        ("10.244.0.1", "10.244.0.3:5432", Allowed::Yes, 1),
        ("10.244.0.1", "10.244.0.3:5433", Allowed::No, 1),
        ("fd00::1", "[fd00::3]:5432", Allowed::Yes, 1),
        ("10.244.0.6", "svc/cart:8080", Allowed::Yes, 2),
        ("10.244.0.6", "10.0.0.80:8080", Allowed::Yes, 2),
        ("192.168.1.9", "10.0.0.80:8080", Allowed::Yes, 2),
        ("192.168.2.9", "10.0.0.80:8080", Allowed::No, 2),
        // a pod's node can always connect to it
        ("192.0.2.1", "pod/db:1", Allowed::Yes, 1),
        // a pod reaches itself through its service, but not the other endpoint
        ("pod/cart-1", "svc/cart:8080", Allowed::Partly, 2),
    ] {
        let state = state(&snapshot, from, to).unwrap();
        assert_eq!(
            (state.allowed, state.connections.len()),
            (allowed, ends),
            "{from} {to}"
        );
    }
    let nobody = json!({"metadata": {"namespace": "default", "name": "empty"},
        "spec": {"clusterIP": "10.0.0.81", "ports": [{"port": 1}]}});
    let mut snapshot = snapshot;
    snapshot
        .services
        .push(serde_json::from_value(nobody).unwrap());
    let state = state(&snapshot, "pod/web-1", "svc/empty:1").unwrap();
    assert_eq!((state.allowed, state.connections.len()), (Allowed::No, 0));
}

#[test]
fn missing_objects_are_named() {
    let snapshot = snapshot(&[]);
    for (from, to, message) in [
        (
            "pod/x",
            "pod/db:1",
            "pods \"x\" not found in the namespace \"default\"",
        ),
        (
            "pod/web-1",
            "pod/x:1",
            "pods \"x\" not found in the namespace \"default\"",
        ),
        (
            "pod/web-1",
            "svc/x:1",
            "services \"x\" not found in the namespace \"default\"",
        ),
        (
            "pod/web-1",
            "svc/cart:1",
            "service \"cart\": it has no port 1 of TCP, but 8080 of TCP",
        ),
        (
            "pod/web-1",
            "pod/db:x",
            "pod \"db\" has no port of TCP that is called \"x\"",
        ),
    ] {
        let error = state(&snapshot, from, to)
            .err()
            .map(|error| error.to_string());
        assert_eq!(error.as_deref(), Some(message));
    }
}

fn reached(cluster: &Cluster, to: &str) -> Vec<reach::Reached> {
    let target = target(to, "default").unwrap();
    reach::answers(cluster, "default", target.as_ref()).unwrap()
}

/// A pod's sources, and the ports each has.
fn ports(answer: &reach::Reached) -> Vec<(String, String)> {
    let sources = answer.sources.iter();
    sources
        .map(|s| (s.who.clone(), s.ports.to_string()))
        .collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[test]
fn pods_that_are_alike_are_one() {
    let snapshot = snapshot(ALL);
    let answer = &reached(&snapshot.cluster, "pod/db")[0];
    let expected = pairs(&[
        ("books/reader", ""),
        ("default/cart-1, cart-2", ""),
        ("default/web-1, web-2", "TCP 5432"),
        ("films/viewer", ""),
        ("any other address", ""),
    ]);
    assert_eq!(ports(answer), expected);
    assert_eq!((answer.pods_that_do(), answer.pods()), (2, 6));
}

#[test]
fn the_effect_of_new_policies_is_shown() {
    let before = snapshot(&["default-deny"]);
    let after = snapshot(&["default-deny", "cart", "cidr"]);
    let of = |snapshot: &Snapshot| reached(&snapshot.cluster, "pod/cart-1:80");
    let compared = reach::compared(of(&before), of(&after));
    let changes = compared[0].changes.as_ref().unwrap().iter();
    let changes: Vec<_> = changes.map(|c| (&*c.who, &*c.before, &*c.after)).collect();
    assert_eq!(
        changes,
        [
            ("books/reader", "nothing", "TCP 80"),
            ("192.168.1.0/24", "nothing", "TCP 80"),
        ]
    );
}

#[test]
fn pictures_have_all_rooms_and_survive_any_name() {
    let mut snapshot = snapshot(ALL);
    let mut odd = pod("films", "a<b>&\"c\"", "x", "");
    odd.labels.insert("quote\"d".into(), "<&>".into());
    snapshot.cluster.put_pod(odd);
    for to in ["pod/cart-1", ""] {
        let picture = Picture::of(&reached(&snapshot.cluster, to));
        let rooms: Vec<_> = picture
            .rooms
            .iter()
            .map(|r| r.namespace.as_deref())
            .collect();
        assert_eq!(rooms, [Some("default"), Some("books"), Some("films"), None]);
        let (svg, dot) = (svg::draw(&picture), dot::draw(&picture));
        assert!(
            svg.contains("a&lt;b&gt;&amp;&quot;c&quot;") && !svg.contains("<b>"),
            "{svg}"
        );
        assert!(dot.contains(r#""a<b>&\"c\"\n"#), "{dot}");
        let arrows = svg.matches("class=\"yes\"").count();
        let allowed = picture.arrows.iter().filter(|arrow| arrow.ports.is_some());
        assert_eq!(arrows, allowed.count());
        assert!(arrows > 1);
    }
}

#[test]
fn an_invalid_policy_is_rejected_with_the_servers_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("policy.json");
    for (spec, why) in [
        (
            json!({"ingress": [{"from": [{"ipBlock": {"cidr": "nonsense"}}]}]}),
            "NetworkPolicy.networking.k8s.io \"p\" is invalid: spec.ingress[0].from[0].ipBlock.cidr: Invalid value: \"nonsense\"",
        ),
        (json!({"ingress": 1}), "invalid type"),
    ] {
        let policy: Value = json!({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy",
            "metadata": {"name": "p"}, "spec": spec});
        std::fs::write(&path, policy.to_string()).unwrap();
        let error = policies::read(std::slice::from_ref(&path), "default").unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}
