//! The kernel's behaviour with the table agrees with the verdicts: on network namespaces as pods, with real
//! connections, directly and through a service, on routed and on bridged interfaces.
//!
//! Each test runs in a child process whose namespaces are its own: nothing is left behind.

mod agent;
mod lab;

use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::Command;

use k8s_openapi::api::networking::v1::NetworkPolicy;
use portcullis_netpol::{Connection, End, Name, judge};
use serde_json::json;

use self::agent::{Try, Way};
use self::lab::{Interfaces, Lab, NODE, PODS, SERVICE_PORT, TCP_PORTS, UDP_PORTS};
use crate::random::Random;
use crate::world::World;

/// Set for a child process.
const CHILD: &str = "PORTCULLIS_TEST_KERNEL";
/// As root, and unprivileged.
const NAMESPACES: [&[&str]; 2] = [
    &["--net", "--mount"],
    &["--map-root-user", "--net", "--mount"],
];
const PREPARE: &str = "mount --make-rprivate / && mkdir -p /run/netns && mount -t tmpfs tmpfs /run/netns && \
    ip link set lo up && nft list ruleset";

/// Runs a test of this module, `child`, in namespaces of its own.
fn in_namespaces(child: &str) {
    let namespaces = NAMESPACES.into_iter().find(|flags| {
        let prepared = unshare(flags, PREPARE).output();
        prepared.is_ok_and(|output| output.status.success())
    });
    let Some(namespaces) = namespaces else {
        return skip(child);
    };
    let script = format!("{PREPARE} && exec \"$1\" --exact kernel::{child} --nocapture");
    let output = unshare(namespaces, &script).output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("the kernel agrees"),
        "{stdout}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn skip(test: &str) {
    let why = format!(
        "kernel::{test} needs nft, ip and namespaces of its own by `unshare --net --mount`"
    );
    // Not every kernel has nft, not even in CI. Nothing can be reported without stderr.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}

fn unshare(flags: &[&str], script: &str) -> Command {
    let mut command = Command::new("unshare");
    command
        .args(flags)
        .args(["sh", "-c", script, "sh"])
        .arg(std::env::current_exe().expect("a child"))
        .env(CHILD, "yes");
    command
}

fn is_child() -> bool {
    std::env::var_os(CHILD).is_some() && Path::new("/run/netns").exists()
}

#[test]
fn random_policies_on_routed_interfaces() {
    in_namespaces("child_routed");
}

#[test]
fn random_policies_on_a_bridge() {
    in_namespaces("child_bridged");
}

#[test]
fn connections_that_are_no_longer_allowed_end() {
    in_namespaces("child_established");
}

#[test]
fn new_pods_wait_until_they_are_known() {
    in_namespaces("child_closed");
}

/// In a closed network a pod that is not known has no connections, in either family, except with the node;
/// once it is known it has those of any other.
#[test]
fn child_closed() {
    if !is_child() {
        return;
    }
    let lab = Lab::new(Interfaces::Routed);
    let mut world = World::default();
    let mut random = Random(5);
    world.put_pod(lab::pod(0, &mut random));
    world.put_pod(lab::pod(1, &mut random));
    let closed = [
        "10.244.0.0/24".parse().unwrap(),
        "fd00::/64".parse().unwrap(),
    ];
    lab::load(&world.follow(NODE, &closed).table().script());
    let reached = |lab: &Lab, from: usize, pod: usize| {
        let ways = ways(from).into_iter().filter(|way| way.pod == pod);
        let reached = lab.tried(from, ways.collect());
        assert!(reached.iter().all(|one| *one == reached[0]), "{reached:?}");
        reached[0]
    };
    assert!(reached(&lab, 0, 1) && reached(&lab, 1, 0));
    assert!(!reached(&lab, 2, 0) && !reached(&lab, 0, 2) && !reached(&lab, 2, 3));
    assert!(lab::node_reaches(
        (lab::addresses(2)[0], TCP_PORTS[0]).into()
    ));
    world.put_pod(lab::pod(2, &mut random));
    lab::nft(&world.compilers[0].changes().switch);
    assert!(reached(&lab, 2, 0) && reached(&lab, 0, 2) && !reached(&lab, 2, 3));
    println!("the kernel agrees");
}

#[test]
fn child_routed() {
    if is_child() {
        random_policies(Interfaces::Routed, 200);
    }
}

#[test]
fn child_bridged() {
    if is_child() {
        random_policies(Interfaces::Bridged, 4);
    }
}

/// Some random set-ups, each made from the one before by its changes, and every possible connection in each.
fn random_policies(interfaces: Interfaces, count: u64) {
    let mut random = Random(count);
    let lab = Lab::new(interfaces);
    let mut world = World::default();
    lab::load(&world.follow(NODE, &[]).table().script());
    let (mut allowed, mut refused) = (0, 0);
    for setup in 0..count {
        change(&mut world, &mut random);
        let changes = world.compilers[0].changes();
        lab::nft(&changes.switch);
        lab::nft(&changes.tidy);
        for from in 0..PODS {
            let ways = ways(from);
            for (way, got) in ways.iter().zip(lab.tried(from, ways.clone())) {
                let expected = expected(&world, from, way);
                let policies = || serde_json::to_string(&world.policies).unwrap();
                assert_eq!(
                    got,
                    expected,
                    "set-up {setup}: pod {from}, {way:?}\n{}\n{}",
                    policies(),
                    lab::listed()
                );
                allowed += u32::from(expected);
                refused += u32::from(!expected);
            }
        }
        if setup % 10 == 0 {
            // the changed table equals a newly loaded one
            let changed = lab::listed();
            lab::load(&world.compilers[0].table().script());
            assert_eq!(lab::listed(), changed, "set-up {setup}");
        }
    }
    assert!(allowed > 100 && refused > 100, "{allowed} {refused}");
    println!("the kernel agrees: {allowed} connections made, {refused} refused");
}

/// Replaces labels and policies, or some of them.
fn change(world: &mut World, random: &mut Random) {
    for namespace in random.all_namespaces() {
        if world.namespaces.len() < 3 || random.one_in(6) {
            world.put_namespace(namespace);
        }
    }
    for at in 0..PODS {
        if world.pods.len() < PODS || random.one_in(4) {
            world.put_pod(lab::pod(at, random));
        }
    }
    for policy in world.policies.clone() {
        if random.one_in(3) {
            world.remove_policy(&crate::world::name_of(&policy.metadata));
        }
    }
    for _ in 0..random.below(4) {
        world.put_policy(lab::policy(random));
    }
}

/// From a pod to every other, on every port, in both families, and to every service.
fn ways(from: usize) -> Vec<Way> {
    let mut found = Vec::new();
    for pod in 0..PODS {
        for address in lab::addresses(pod).into_iter().filter(|_| from != pod) {
            let tcp = TCP_PORTS.map(|port| (Try::Tcp, port));
            let udp = UDP_PORTS.map(|port| (Try::Udp, port));
            found.extend(tcp.into_iter().chain(udp).map(|(kind, port)| Way {
                kind,
                at: (address, port).into(),
                pod,
                port,
            }));
        }
        found.extend(lab::service(pod).map(|address| Way {
            kind: Try::Tcp,
            at: (address, SERVICE_PORT).into(),
            pod,
            port: TCP_PORTS[0],
        }));
    }
    found
}

fn expected(world: &World, from: usize, way: &Way) -> bool {
    let end = |at: usize| {
        let name = Name::new(lab::namespace(at), &lab::name(at));
        let mut addresses = lab::addresses(at).into_iter();
        End {
            pod: world.cluster.pod(&name),
            address: addresses.find(|a| a.is_ipv4() == way.at.is_ipv4()),
        }
    };
    let connection = Connection {
        from: end(from),
        to: end(way.pod),
        port: way.port,
        protocol: way.kind.protocol(),
    };
    judge(&world.cluster, &connection).allowed()
}

/// An open connection ends when a new policy does not allow it, with the next packet from either side; others
/// stay, and the node reaches its pods all the time.
#[test]
fn child_established() {
    if !is_child() {
        return;
    }
    let lab = Lab::new(Interfaces::Routed);
    let mut world = World::default();
    let mut random = Random(1);
    for namespace in random.all_namespaces() {
        world.put_namespace(namespace);
    }
    for at in 0..PODS {
        world.put_pod(lab::pod(at, &mut random));
    }
    let before = world.follow(NODE, &[]).table().script();
    lab::load(&before);
    for address in lab::addresses(0) {
        let at = (address, TCP_PORTS[0]).into();
        let mut cut = lab.opened(1, at);
        let mut silent = lab.opened(1, at);
        let mut stays = lab.opened(2, at);
        assert!(cut.echoes() && silent.echoes() && stays.echoes());
        let other = json!({"ipBlock": {"cidr": lab::block(2, address.is_ipv4())}});
        let policy = json!({
            "metadata": {"namespace": lab::namespace(0), "name": "only-two"},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [other]}]},
        });
        let policy: NetworkPolicy = serde_json::from_value(policy).unwrap();
        let name = crate::world::name_of(&policy.metadata);
        world.put_policy(policy);
        lab::nft(&world.compilers[0].changes().switch);
        assert!(!cut.echoes(), "the client goes on");
        let end = lab.push(0, &silent);
        assert_eq!(end, Some(ErrorKind::ConnectionReset), "the server goes on");
        assert!(stays.echoes(), "what is allowed ends");
        assert!(lab::node_reaches(at), "the node does not reach its pod");
        world.remove_policy(&name);
        world.compilers[0].changes();
        lab::load(&before);
    }
    println!("the kernel agrees");
}
