//! Verdicts in words.

use k8s_openapi::api::core::v1::Service;
use portcullis_api::selector::{LabelSelector, Labels, Operator};
use portcullis_netpol::policy::{Block, Group, Namespaces, Numbers, Peer, PortMatch, Rule};
use portcullis_netpol::remedy::{Place, Remedy};
use portcullis_netpol::service::Translation;
use portcullis_netpol::verdict::{Admission, Miss};
use portcullis_netpol::{Cluster, Connection, Direction, End, Name, Reason, Side};
use serde_json::{Map, Value, json};

/// An end of a connection.
pub(super) fn end(end: &End<'_>) -> String {
    match (end.pod, end.address) {
        (Some(pod), _) => self::pod(&pod.name),
        (None, Some(address)) => address.to_string(),
        (None, None) => "an unknown peer".to_owned(),
    }
}

/// A pod.
pub(super) fn pod(name: &Name) -> String {
    format!("pod {:?} in {:?}", name.name, name.namespace)
}

/// The translation by a service on the way.
pub(super) fn service(name: &Name, service: &Service, found: &Translation) -> String {
    let spec = service.spec.as_ref();
    let address = spec
        .and_then(|spec| spec.cluster_ip.as_deref())
        .unwrap_or_default();
    let address = match address {
        "" => String::new(),
        "None" => ", which has no address of its own,".to_owned(),
        address => format!(" at {address}"),
    };
    let backends: Vec<_> = found
        .backends
        .iter()
        .map(|backend| {
            let address = backend.address.map(|a| a.to_string()).unwrap_or_default();
            let pod = backend
                .pod
                .as_ref()
                .map(|pod| format!("pod {:?}", pod.name));
            format!("port {} of {}", backend.port, pod.unwrap_or(address))
        })
        .collect();
    let becomes = if backends.is_empty() {
        "nothing: it has no endpoints".to_owned()
    } else {
        backends.join(", or ")
    };
    let (port, protocol) = (found.port, found.protocol);
    format!(
        "port {port} of {protocol} of service {:?}{address} becomes {becomes}",
        name.name
    )
}

/// The field of a direction's rules, and the fields for peers and ports.
const fn fields(direction: Direction) -> (&'static str, &'static str) {
    match direction {
        Direction::Egress => ("egress", "to"),
        Direction::Ingress => ("ingress", "from"),
    }
}

/// Why a direction is allowed, or not.
pub(super) fn side(cluster: &Cluster, connection: &Connection<'_>, side: &Side) -> Vec<String> {
    let (own, other) = connection.ends(side.direction);
    let (field, _) = fields(side.direction);
    let only = |text: String| vec![text];
    match &side.reason {
        Reason::NoPod => only(format!(
            "{} is not a pod: no policy applies to it",
            end(own)
        )),
        Reason::HostNetwork => only(format!(
            "{} has the network of its node: no policy applies to it",
            end(own)
        )),
        Reason::Ended => [own, other]
            .into_iter()
            .filter(|end| end.pod.is_some_and(|pod| pod.ended))
            .map(|ended| format!("{} has ended", end(ended)))
            .collect(),
        Reason::Itself => only("a pod always talks to itself".to_owned()),
        Reason::OwnNode => only("a pod and its own node always talk to each other".to_owned()),
        Reason::Open => only(format!("no policy about {field} selects {}", end(own))),
        Reason::Admitted { by, .. } => admitted(cluster, side, by),
        Reason::Refused { missed, .. } => refused(cluster, connection, side, missed),
    }
}

fn admitted(cluster: &Cluster, side: &Side, by: &Admission) -> Vec<String> {
    let (field, _) = fields(side.direction);
    let rule = rule(cluster, side.direction, &by.policy, by.rule);
    let what = rule.map(|rule| format!(": {}", rule_words(rule, side.direction)));
    let mut lines = vec![format!(
        "NetworkPolicy {:?} selects it; spec.{field}[{}] allows it{}",
        by.policy.name,
        by.rule,
        what.unwrap_or_default()
    )];
    let others = side
        .selected_by
        .iter()
        .filter(|policy| **policy != by.policy);
    lines
        .extend(others.map(|policy| format!("NetworkPolicy {:?} selects it as well", policy.name)));
    lines
}

fn refused(
    cluster: &Cluster,
    connection: &Connection<'_>,
    side: &Side,
    missed: &[Miss],
) -> Vec<String> {
    let (field, _) = fields(side.direction);
    let mut lines = Vec::new();
    for policy in &side.selected_by {
        let of_policy: Vec<_> = missed
            .iter()
            .filter(|miss| miss.policy == *policy)
            .collect();
        if of_policy.is_empty() {
            let name = &policy.name;
            lines.push(format!(
                "NetworkPolicy {name:?} selects it, and has no rule for {field}"
            ));
        }
        let words = of_policy
            .into_iter()
            .map(|m| miss(cluster, connection, side, m));
        lines.extend(words);
    }
    lines
}

fn miss(cluster: &Cluster, connection: &Connection<'_>, side: &Side, miss: &Miss) -> String {
    let (field, _) = fields(side.direction);
    let (_, other) = connection.ends(side.direction);
    let rule = rule(cluster, side.direction, &miss.policy, miss.rule);
    let mut why = Vec::new();
    if let Some(rule) = rule.filter(|_| !miss.peer) {
        let peers = peers_words(&rule.peers);
        why.push(format!("is for {peers}, not for {}", end(other)));
    }
    if let Some(rule) = rule.filter(|_| !miss.port) {
        let (port, protocol) = (connection.port, connection.protocol);
        let ports = ports_words(&rule.ports);
        why.push(format!("is for {ports}, not for port {port} of {protocol}"));
    }
    if miss.unknown_address {
        why.push(format!("{} has no address yet", end(other)));
    }
    let (policy, at) = (&miss.policy.name, miss.rule);
    format!(
        "NetworkPolicy {policy:?} selects it; spec.{field}[{at}] {}",
        why.join(", and ")
    )
}

fn rule<'c>(
    cluster: &'c Cluster,
    direction: Direction,
    policy: &Name,
    at: usize,
) -> Option<&'c Rule> {
    cluster.policy(policy)?.rules(direction)?.get(at)
}

/// A rule in words, such as `from pods app=web, on port 80 of TCP`.
pub(super) fn rule_words(rule: &Rule, direction: Direction) -> String {
    let (_, preposition) = fields(direction);
    let peers = peers_words(&rule.peers);
    format!("{preposition} {peers}, on {}", ports_words(&rule.ports))
}

fn peers_words(peers: &[Peer]) -> String {
    if peers.is_empty() {
        return "everybody".to_owned();
    }
    let words = peers.iter().map(|peer| match peer {
        Peer::Pods(group) => group_words(group),
        Peer::Block(block) => block_words(block),
        Peer::Empty => "no peers".to_owned(),
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn group_words(group: &Group) -> String {
    let pods = if group.pods.is_everything() {
        "all pods".to_owned()
    } else {
        format!("pods {}", selector_words(&group.pods))
    };
    match &group.namespaces {
        Namespaces::Own(namespace) => format!("{pods} in {namespace:?}"),
        Namespaces::Selected(all) if all.is_everything() => format!("{pods} of all namespaces"),
        Namespaces::Selected(selector) => {
            format!("{pods} of namespaces {}", selector_words(selector))
        }
    }
}

/// A block in words, such as `10.0.0.0/8 without 10.1.0.0/16`.
pub(super) fn block_words(block: &Block) -> String {
    let except: Vec<_> = block.except.iter().map(ToString::to_string).collect();
    if except.is_empty() {
        block.network.to_string()
    } else {
        format!("{} without {}", block.network, except.join(", "))
    }
}

fn ports_words(ports: &[PortMatch]) -> String {
    if ports.is_empty() {
        return "all ports".to_owned();
    }
    let words = ports.iter().map(|port| {
        let protocol = port.protocol;
        match &port.numbers {
            Numbers::All => format!("all ports of {protocol}"),
            Numbers::Range(first, last) if first == last => format!("port {first} of {protocol}"),
            Numbers::Range(first, last) => format!("ports {first}-{last} of {protocol}"),
            Numbers::Named(name) => format!("the port {name:?} of {protocol}"),
            Numbers::Nothing => "no port".to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(" or ")
}

fn selector_words(selector: &LabelSelector) -> String {
    let words = selector.requirements.iter().map(|requirement| {
        let key = &requirement.key;
        match &requirement.operator {
            Operator::In(values) if values.len() == 1 => format!("{key}={}", values.join("")),
            Operator::In(values) => format!("{key} in ({})", values.join(",")),
            Operator::NotIn(values) => format!("{key} notin ({})", values.join(",")),
            Operator::Exists => key.clone(),
            Operator::DoesNotExist => format!("!{key}"),
            Operator::GreaterThan(bound) => format!("{key}>{bound}"),
            Operator::LessThan(bound) => format!("{key}<{bound}"),
        }
    });
    words.collect::<Vec<_>>().join(",")
}

/// Labels in words, such as `app=web,tier=front`.
pub(super) fn labels(labels: &Labels) -> String {
    let pairs = labels.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(",")
}

/// The field to change, and the entry to add, as YAML in one line.
pub(super) fn remedy(remedy: &Remedy) -> (String, String) {
    let (field, peers) = fields(remedy.direction);
    let peer = remedy.peer.as_ref().map(|peer| json!(peer));
    let port = remedy.port.as_ref().map(|port| json!(port));
    let mut rule = Map::new();
    let entries = [(peers, &peer), ("ports", &port)];
    for (field, entry) in entries {
        rule.extend(
            entry
                .as_ref()
                .map(|entry| (field.to_owned(), json!([entry]))),
        );
    }
    let rule = Value::Object(rule);
    let (place, entry) = match &remedy.at {
        Place::Rule { policy, rule: at } => {
            let list = if peer.is_some() { peers } else { "ports" };
            let place = format!(
                "spec.{field}[{at}].{list} of NetworkPolicy {:?}",
                policy.name
            );
            (place, peer.or(port).unwrap_or_default())
        }
        Place::Policy { policy } => (
            format!("spec.{field} of NetworkPolicy {:?}", policy.name),
            rule,
        ),
        Place::New {
            namespace,
            selecting,
        } => {
            let labels = labels(selecting);
            let place =
                format!("spec.{field} of a new NetworkPolicy in {namespace:?} for pods {labels}");
            (place, rule)
        }
    };
    (format!("{place} would need"), format!("- {entry}"))
}
