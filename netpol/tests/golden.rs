//! The table of a node in section 13.4, and its changes, as scripts for nftables.
//!
//! `testdata/netpol/*.nft` are rewritten if `PORTCULLIS_UPDATE` is set.

use std::path::{Path, PathBuf};

use k8s_openapi::api::networking::v1::NetworkPolicy;
use portcullis_netpol::nft::{Changes, removal};
use serde_json::json;

use crate::world::World;

fn testdata(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata")
        .join(name)
}

fn policy(name: &str) -> NetworkPolicy {
    let path = testdata(&format!("chapter13/network-policy-{name}.yaml"));
    let text = std::fs::read_to_string(path).unwrap();
    let mut policy: NetworkPolicy = serde_saphyr::from_str(&text).unwrap();
    policy.metadata.namespace = Some("default".into());
    policy
}

fn put_pod(world: &mut World, namespace: &str, name: &str, node: &str, ips: [&str; 2]) {
    let app = name.split('.').next().unwrap();
    let pod = json!({
        "metadata": {"namespace": namespace, "name": name, "labels": {"app": app}},
        "spec": {"nodeName": node, "containers": [{"name": "c"}]},
        "status": {"phase": "Running", "podIPs": [{"ip": ips[0]}, {"ip": ips[1]}]},
    });
    world.put_pod(serde_json::from_value(pod).unwrap());
}

fn book() -> World {
    let mut world = World::default();
    for (namespace, tenant) in [("default", "own"), ("books", "manning"), ("films", "other")] {
        let namespace = json!({"metadata": {"name": namespace, "labels": {"tenant": tenant}}});
        world.put_namespace(serde_json::from_value(namespace).unwrap());
    }
    for (namespace, name, node, ips) in [
        ("default", "webserver", "here", ["10.244.0.2", "fd00::2"]),
        (
            "default",
            "webserver.there",
            "there",
            ["10.244.1.2", "fd00:1::2"],
        ),
        ("default", "database", "here", ["10.244.0.3", "fd00::3"]),
        (
            "default",
            "shopping-cart",
            "here",
            ["10.244.0.4", "fd00::4"],
        ),
        ("books", "reader", "there", ["10.244.1.5", "fd00:1::5"]),
        ("films", "viewer", "here", ["10.244.0.6", "fd00::6"]),
    ] {
        put_pod(&mut world, namespace, name, node, ips);
    }
    for name in ["default-deny", "postgres", "cart", "cidr", "egress"] {
        world.put_policy(policy(name));
    }
    world
}

fn compare(name: &str, got: &str) {
    let path = testdata(&format!("netpol/{name}.nft"));
    if std::env::var_os("PORTCULLIS_UPDATE").is_some() {
        std::fs::write(&path, got).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap();
    assert_eq!(got, expected, "{}", path.display());
}

#[test]
fn the_books_policies() {
    let mut world = book();
    compare("book", &world.follow("here", &[]).table().script());
    let closed = [
        "10.244.0.0/24".parse().unwrap(),
        "fd00::/64".parse().unwrap(),
    ];
    compare("closed", &world.follow("here", &closed).table().script());
}

/// Another web server is an element; a removed policy takes its chains along.
#[test]
fn changes_are_small() {
    let mut world = book();
    world.follow("here", &[]);
    put_pod(
        &mut world,
        "default",
        "webserver.new",
        "there",
        ["10.244.1.9", "fd00:1::9"],
    );
    compare("one-more-peer", &world.compilers[0].changes().switch);
    for name in ["egress", "cart"] {
        world.remove_policy(&crate::world::name_of(&policy(name).metadata));
    }
    let changes = world.compilers[0].changes();
    compare(
        "fewer-policies",
        &format!("{}# then\n{}", changes.switch, changes.tidy),
    );
    assert_eq!(world.compilers[0].changes(), Changes::default());
    compare("removal", &removal());
}
