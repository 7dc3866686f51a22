//! The verdicts agree with the naive evaluator, after any change.

use std::net::IpAddr;

use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyIngressRule,
};
use portcullis_netpol::{
    Cluster, Connection, Direction, End, Name, Policy, Protocol, Reason, Side, judge, ports, remedy,
};

use crate::naive::{self, Packet, Place, Says};
use crate::random::{PROTOCOLS, Random};
use crate::world::{World, name_of};

/// How many packets are evaluated, each after a change.
const CASES: u32 = 100_000;
/// After how many of them a new world begins.
const OF_ONE_WORLD: u32 = 200;

pub(crate) fn world(random: &mut Random) -> World {
    let mut world = World::default();
    for namespace in random.all_namespaces() {
        world.put_namespace(namespace);
    }
    for _ in 0..random.below(12) {
        world.put_pod(random.pod());
    }
    for _ in 0..random.below(6) {
        world.put_policy(random.policy());
    }
    world
}

pub(crate) fn change(world: &mut World, random: &mut Random) {
    match random.below(8) {
        0 => world.put_namespace(random.namespace()),
        1..=3 => world.put_pod(random.pod()),
        4 if !world.pods.is_empty() => {
            let at = random.below(world.pods.len());
            let name = name_of(&world.pods[at].metadata);
            world.remove_pod(&name);
        }
        5 if !world.policies.is_empty() => {
            let at = random.below(world.policies.len());
            let name = name_of(&world.policies[at].metadata);
            world.remove_policy(&name);
        }
        _ => world.put_policy(random.policy()),
    }
}

/// A pod, by one of its addresses if it has any, or an address of a pod, a node or neither.
fn place<'a>(world: &'a World, random: &mut Random) -> Place<'a> {
    if world.pods.is_empty() || random.one_in(4) {
        let address = random.any_address();
        return Place {
            pod: naive::owner(world, address),
            address: Some(address),
        };
    }
    let pod = &world.pods[random.below(world.pods.len())];
    let ips = pod.status.as_ref().unwrap().pod_ips.clone().unwrap();
    let addresses: Vec<IpAddr> = ips.iter().map(|ip| ip.ip.parse().unwrap()).collect();
    let address = (!addresses.is_empty()).then(|| random.of(&addresses));
    Place {
        pod: Some(pod),
        address,
    }
}

fn end<'a>(cluster: &'a Cluster, place: &Place<'_>) -> End<'a> {
    End {
        pod: place
            .pod
            .map(|pod| cluster.pod(&name_of(&pod.metadata)).unwrap()),
        address: place.address,
    }
}

/// Whether a side has the verdict of the documentation, with a valid reason.
fn agrees(side: &Side, says: &Says) -> bool {
    let names: Vec<_> = side.selected_by.iter().map(|n| n.name.clone()).collect();
    let as_asked = match (&side.reason, says) {
        (Reason::Refused { missed, .. }, Says::Asked { selected_by, admit }) => {
            let known = missed.iter().all(|m| names.contains(&m.policy.name));
            admit.is_empty() && names == *selected_by && !names.is_empty() && known
        }
        (Reason::Admitted { by, .. }, Says::Asked { selected_by, admit }) => {
            names == *selected_by && admit.contains(&(by.policy.name.clone(), by.rule))
        }
        (Reason::Open, Says::Asked { selected_by, .. }) => selected_by.is_empty(),
        (Reason::Ended, Says::NotAsked(allowed)) => !allowed,
        (_, Says::NotAsked(allowed)) => *allowed,
        _ => false,
    };
    as_asked && side.allowed() == says.allowed()
}

#[test]
fn verdicts_follow_the_documentation() {
    let mut random = Random(0x706f_7274_6375_6c6c);
    let mut current = World::default();
    let (mut allowed, mut refused) = (0, 0);
    for case in 0..CASES {
        if case % OF_ONE_WORLD == 0 {
            current = world(&mut random);
        }
        change(&mut current, &mut random);
        let packet = Packet {
            from: place(&current, &mut random),
            to: place(&current, &mut random),
            port: random.port_number(),
            protocol: random.of(&PROTOCOLS),
        };
        let connection = Connection {
            from: end(&current.cluster, &packet.from),
            to: end(&current.cluster, &packet.to),
            port: packet.port,
            protocol: packet.protocol.parse().unwrap(),
        };
        let verdict = judge(&current.cluster, &connection);
        for (side, egress) in [(&verdict.egress, true), (&verdict.ingress, false)] {
            let says = naive::says(&current, &packet, egress);
            assert!(
                agrees(side, &says),
                "case {case}: {connection:?}: {side:?}, but {says:?}"
            );
            let is_refusal = matches!(side.reason, Reason::Refused { .. });
            let is_admission = matches!(side.reason, Reason::Admitted { .. });
            refused += u32::from(is_refusal);
            allowed += u32::from(is_admission);
        }
    }
    // a test that hardly ever meets a policy would prove nothing
    assert!(
        allowed > CASES / 20 && refused > CASES / 10,
        "{allowed} {refused}"
    );
}

/// A suggested change, carried out, allows the connection.
#[test]
fn remedies_help() {
    let mut random = Random(3);
    let mut tried = [0; 3];
    for _ in 0..20_000 {
        let mut world = world(&mut random);
        world.label_namespaces_with_names();
        let (from, to) = (place(&world, &mut random), place(&world, &mut random));
        let connection = Connection {
            from: end(&world.cluster, &from),
            to: end(&world.cluster, &to),
            port: random.port_number(),
            protocol: random.of(&Protocol::ALL),
        };
        let verdict = judge(&world.cluster, &connection);
        let mut changed = world.cluster.clone();
        let found = [&verdict.egress, &verdict.ingress]
            .map(|side| remedy::remedy(&world.cluster, &connection, side));
        for remedy in found.iter().flatten() {
            let at = match &remedy.at {
                remedy::Place::Rule { .. } => 0,
                remedy::Place::Policy { .. } => 1,
                remedy::Place::New { .. } => 2,
            };
            tried[at] += 1;
            let policy = remedied(&mut world.policies, remedy);
            changed.put_policy(Policy::of(policy));
        }
        let sides = [&verdict.egress, &verdict.ingress];
        for (remedy, before) in found.iter().zip(sides) {
            let after = judge(&changed, &connection);
            let after = match before.direction {
                Direction::Egress => after.egress,
                Direction::Ingress => after.ingress,
            };
            assert!(remedy.is_none() || after.allowed(), "{remedy:?}: {after:?}");
        }
    }
    assert!(tried.iter().all(|count| *count > 100), "{tried:?}");
}

/// The policy of a suggested change, after the change.
fn remedied<'a>(
    policies: &'a mut Vec<NetworkPolicy>,
    remedy: &remedy::Remedy,
) -> &'a NetworkPolicy {
    let (name, rule) = match &remedy.at {
        remedy::Place::Rule { policy, rule } => (policy.clone(), Some(*rule)),
        remedy::Place::Policy { policy } => (policy.clone(), None),
        remedy::Place::New {
            namespace,
            selecting,
        } => {
            let types = [format!("{:?}", remedy.direction)];
            let name = Name::new(namespace, &format!("remedy-{}", types[0]));
            let policy = serde_json::json!({
                "metadata": {"namespace": name.namespace, "name": name.name},
                "spec": {"podSelector": {"matchLabels": selecting}, "policyTypes": types},
            });
            policies.push(serde_json::from_value(policy).unwrap());
            (name, None)
        }
    };
    let mut all = policies.iter_mut();
    let policy = all
        .find(|policy| name_of(&policy.metadata) == name)
        .unwrap();
    add(policy, rule, remedy);
    policy
}

/// Adds an entry to a rule, or a rule.
fn add(policy: &mut NetworkPolicy, rule: Option<usize>, remedy: &remedy::Remedy) {
    let spec = policy.spec.as_mut().unwrap();
    let (peer, port) = (remedy.peer.clone(), remedy.port.clone());
    if remedy.direction == Direction::Egress {
        let rules = spec.egress.get_or_insert_default();
        let at = rule.unwrap_or(rules.len());
        if at == rules.len() {
            rules.push(NetworkPolicyEgressRule::default());
        }
        rules[at].to.get_or_insert_default().extend(peer);
        rules[at].ports.get_or_insert_default().extend(port);
    } else {
        let rules = spec.ingress.get_or_insert_default();
        let at = rule.unwrap_or(rules.len());
        if at == rules.len() {
            rules.push(NetworkPolicyIngressRule::default());
        }
        rules[at].from.get_or_insert_default().extend(peer);
        rules[at].ports.get_or_insert_default().extend(port);
    }
}

/// A cluster changed step by step equals one that is built from its final objects.
#[test]
fn a_changed_cluster_is_like_a_new_one() {
    let mut random = Random(7);
    for _ in 0..300 {
        let mut world = world(&mut random);
        for _ in 0..40 {
            change(&mut world, &mut random);
        }
        let mut anew = Cluster::default();
        for namespace in &world.namespaces {
            let labels = namespace.metadata.labels.clone().unwrap();
            anew.put_namespace(namespace.metadata.name.as_ref().unwrap(), labels);
        }
        for pod in &world.pods {
            anew.put_pod(portcullis_netpol::Pod::of(pod));
        }
        for policy in &world.policies {
            anew.put_policy(Policy::of(policy));
        }
        assert_eq!(format!("{:?}", world.cluster), format!("{anew:?}"));
    }
}

/// Ranges of ports agree with their ports, one by one.
#[test]
fn ranges_of_ports_are_exact() {
    let mut random = Random(11);
    for _ in 0..400 {
        let world = world(&mut random);
        let (from, to) = (place(&world, &mut random), place(&world, &mut random));
        let (from, to) = (end(&world.cluster, &from), end(&world.cluster, &to));
        let ranges = ports::allowed(&world.cluster, from, to);
        for protocol in Protocol::ALL {
            for port in [1, 2, 78, 79, 80, 81, 82, 442, 443, 444, 65534, 65535] {
                let connection = Connection {
                    from,
                    to,
                    port,
                    protocol,
                };
                let verdict = judge(&world.cluster, &connection);
                let says = ranges.contains(protocol, port);
                assert_eq!(says, verdict.allowed(), "{connection:?}: {ranges}");
                assert_eq!(verdict.egress.direction, Direction::Egress);
            }
        }
    }
}
