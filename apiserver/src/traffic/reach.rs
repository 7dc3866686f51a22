//! The answer of `why reach`.

use portcullis_api::selector::Labels;
use portcullis_netpol::policy::{Block, Peer};
use portcullis_netpol::ports::{self, Ports};
use portcullis_netpol::remedy::telling_labels;
use portcullis_netpol::service::PortName;
use portcullis_netpol::{
    Cluster, Connection, Direction, End, Name, Pod, Protocol, Reason, Side, judge,
};
use serde::Serialize;

use super::TrafficError;
use super::parties::Target;
use super::words;

/// The sources that reach a pod.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reached {
    /// The question in words.
    pub(super) request: String,
    pub(super) pod: Name,
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub(super) labels: Labels,
    /// All possible sources.
    pub(super) sources: Vec<Reaching>,
    /// The changes by the given policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) changes: Option<Vec<Change>>,
}

/// A source that reaches a pod, on some ports or on none. Pods that are alike are merged.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reaching {
    /// The source in words.
    pub(super) who: String,
    /// The pods; none for a source outside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) pods: Vec<Name>,
    /// Their labels.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub(super) labels: Labels,
    /// The labels of their namespace.
    #[serde(skip_serializing_if = "Labels::is_empty")]
    pub(super) namespace_labels: Labels,
    /// The allowed ports.
    pub(super) ports: Ports,
    /// The reason.
    pub(super) because: String,
}

/// A difference made by the given policies.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Change {
    pub(super) who: String,
    pub(super) before: String,
    pub(super) after: String,
}

impl Reached {
    /// The number of possible pods.
    pub(super) fn pods(&self) -> usize {
        self.sources.iter().map(|source| source.pods.len()).sum()
    }

    /// The number of pods that reach it.
    pub(super) fn pods_that_do(&self) -> usize {
        let sources = self.sources.iter();
        let do_it = sources.filter(|source| !source.ports.is_empty());
        do_it.map(|source| source.pods.len()).sum()
    }
}

/// The sources that reach a pod, or each pod of a namespace.
pub(super) fn answers(
    cluster: &Cluster,
    namespace: &str,
    target: Option<&Target>,
) -> Result<Vec<Reached>, TrafficError> {
    match target {
        None => {
            let pods = cluster.pods().filter(|pod| pod.name.namespace == namespace);
            let pods = pods.filter(|pod| !pod.ended);
            Ok(pods.map(|pod| reached(cluster, pod, None)).collect())
        }
        Some((name, port)) => {
            let missing = || TrafficError::NotFound {
                what: "pods",
                name: name.clone(),
            };
            let pod = cluster.pod(name).ok_or_else(missing)?;
            let number = |(port, protocol): &(PortName, Protocol)| match port {
                PortName::Number(number) => Ok((*number, *protocol)),
                PortName::Name(text) => {
                    let number = pod.port(text, *protocol).map(|number| (number, *protocol));
                    number.ok_or_else(|| TrafficError::NoPort {
                        pod: name.clone(),
                        port: text.clone(),
                        protocol: *protocol,
                    })
                }
            };
            let port = port.as_ref().map(number).transpose()?;
            Ok(vec![reached(cluster, pod, port)])
        }
    }
}

type Port = Option<(u16, Protocol)>;

fn reached(cluster: &Cluster, pod: &Pod, port: Port) -> Reached {
    let mut sources: Vec<Reaching> = Vec::new();
    let others = cluster
        .pods()
        .filter(|other| other.name != pod.name && !other.ended);
    for other in others {
        let to = End::facing(pod, other.addresses.first().copied());
        let found = reaching(cluster, End::facing(other, to.address), to, port);
        let labels = telling_labels(other);
        let is_alike = |one: &&mut Reaching| {
            let namespace = one.pods.first().map(|pod| &pod.namespace);
            one.labels == labels
                && namespace == Some(&other.name.namespace)
                && (&one.ports, &one.because) == (&found.0, &found.1)
        };
        match sources.iter_mut().find(is_alike) {
            Some(one) => one.pods.push(other.name.clone()),
            None => sources.push(Reaching {
                who: String::new(),
                pods: vec![other.name.clone()],
                labels,
                namespace_labels: cluster.labels_of(&other.name.namespace).clone(),
                ports: found.0,
                because: found.1,
            }),
        }
    }
    for source in &mut sources {
        source.who = names(&source.pods);
    }
    sources.extend(outside(cluster, pod, port));
    let port = port.map(|(port, protocol)| format!(", port {port} of {protocol}"));
    Reached {
        request: format!(
            "who reaches {}{}",
            words::pod(&pod.name),
            port.unwrap_or_default()
        ),
        pod: pod.name.clone(),
        labels: telling_labels(pod),
        sources,
        changes: None,
    }
}

/// Addresses of no pod, and in no block of a rule.
const ANYBODY: &str = "any other address";

/// How many pods that are alike are named.
const NAMED: usize = 3;

fn names(pods: &[Name]) -> String {
    let namespace = pods.first().map(|pod| pod.namespace.as_str());
    let mut names: Vec<_> = pods
        .iter()
        .take(NAMED)
        .map(|pod| pod.name.clone())
        .collect();
    if pods.len() > NAMED {
        names.push(format!("{} more", pods.len() - NAMED));
    }
    format!("{}/{}", namespace.unwrap_or_default(), names.join(", "))
}

/// The ports, and the reason for them.
fn reaching(cluster: &Cluster, from: End<'_>, to: End<'_>, port: Port) -> (Ports, String) {
    let at = |(port, protocol): (u16, Protocol)| Connection {
        from,
        to,
        port,
        protocol,
    };
    let found = match port {
        None => ports::allowed(cluster, from, to),
        Some((number, protocol)) => {
            let mut found = Ports::default();
            if judge(cluster, &at((number, protocol))).allowed() {
                found.0.insert(protocol, vec![(number, number)]);
            }
            found
        }
    };
    let first = found.0.iter().next();
    let first = first.and_then(|(protocol, ranges)| Some((ranges.first()?.0, *protocol)));
    let declared = || to.pod.and_then(|pod| pod.declared.first());
    let declared = || declared().map(|(protocol, port)| (*port, *protocol));
    let telling = port
        .or(first)
        .or_else(declared)
        .unwrap_or((80, Protocol::Tcp));
    let verdict = judge(cluster, &at(telling));
    let because = because(&verdict.egress, &verdict.ingress);
    (found, because)
}

/// The sides that deny; if both allow, the rules that allow.
fn because(egress: &Side, ingress: &Side) -> String {
    let sides = [egress, ingress];
    let is_ended = sides.iter().any(|side| side.reason == Reason::Ended);
    let is_node = sides.iter().any(|side| side.reason == Reason::OwnNode);
    let refusing = sides.iter().filter(|side| !side.allowed());
    let refusing: Vec<_> = refusing.map(|side| policies(side)).collect();
    let rules: Vec<_> = sides.iter().filter_map(|side| rule(side)).collect();
    match (refusing.is_empty(), rules.is_empty()) {
        _ if is_ended => "the pod has ended".to_owned(),
        (false, _) => format!("refused by {}", refusing.join(" and by ")),
        (true, false) => format!("allowed by {}", rules.join(" and by ")),
        (true, true) if is_node => "always, as the pod's node".to_owned(),
        (true, true) => "no policy restricts it".to_owned(),
    }
}

const fn field(side: &Side) -> &'static str {
    match side.direction {
        Direction::Egress => "egress",
        Direction::Ingress => "ingress",
    }
}

fn policies(side: &Side) -> String {
    let names = side
        .selected_by
        .iter()
        .map(|policy| format!("{:?}", policy.name));
    format!(
        "the {} of {}",
        field(side),
        names.collect::<Vec<_>>().join(", ")
    )
}

fn rule(side: &Side) -> Option<String> {
    let Reason::Admitted { by, .. } = &side.reason else {
        return None;
    };
    Some(format!(
        "{}[{}] of {:?}",
        field(side),
        by.rule,
        by.policy.name
    ))
}

/// Sources that are not pods: the address blocks in rules, and all other addresses.
fn outside(cluster: &Cluster, pod: &Pod, port: Port) -> Vec<Reaching> {
    let to = End::pod(pod);
    let policies = cluster.policies_of(pod, Direction::Ingress).into_iter();
    let rules = policies.flat_map(|p| p.rules(Direction::Ingress).into_iter().flatten());
    let peers = rules.flat_map(|rule| &rule.peers);
    let blocks = peers.filter_map(|peer| match peer {
        Peer::Block(block) => Some(block),
        Peer::Pods(_) | Peer::Empty => None,
    });
    let mut found: Vec<Reaching> = Vec::new();
    let entry = |who: String, from: End<'_>| {
        let (ports, because) = reaching(cluster, from, to, port);
        Reaching {
            who,
            pods: Vec::new(),
            labels: Labels::new(),
            namespace_labels: Labels::new(),
            ports,
            because,
        }
    };
    for block in blocks {
        let who = words::block_words(block);
        if found.iter().any(|known| known.who == who) {
            continue;
        }
        if let Some(address) = outside_of(cluster, block) {
            let from = End {
                pod: None,
                address: Some(address),
            };
            found.push(entry(who, from));
        }
    }
    let anybody = End {
        pod: None,
        address: None,
    };
    found.push(entry(ANYBODY.to_owned(), anybody));
    found
}

/// An address that represents a block: one that is not a pod's.
fn outside_of(cluster: &Cluster, block: &Block) -> Option<std::net::IpAddr> {
    let after = |address: std::net::IpAddr| match address {
        std::net::IpAddr::V4(v4) => {
            Some(std::net::Ipv4Addr::from_bits(v4.to_bits().checked_add(1)?).into())
        }
        std::net::IpAddr::V6(v6) => {
            Some(std::net::Ipv6Addr::from_bits(v6.to_bits().checked_add(1)?).into())
        }
    };
    let first = Some(block.network.network());
    let beyond = block.except.iter().map(|net| after(net.broadcast()));
    let mut candidates = [first].into_iter().chain(beyond).flatten();
    candidates.find(|address| block.contains(*address) && cluster.pod_at(*address).is_none())
}

/// The answers with their differences from earlier ones. Groups of alike pods may change, so each pod is
/// compared alone.
pub(super) fn compared(before: Vec<Reached>, after: Vec<Reached>) -> Vec<Reached> {
    let each = |answer: &Reached| {
        let mut found: Vec<(String, String)> = Vec::new();
        for source in &answer.sources {
            let ports = if source.ports.is_empty() {
                "nothing".to_owned()
            } else {
                source.ports.to_string()
            };
            if source.pods.is_empty() {
                found.push((source.who.clone(), ports.clone()));
            }
            let pods = source.pods.iter();
            found.extend(pods.map(|pod| (pod.to_string(), ports.clone())));
        }
        found
    };
    let pairs = before.into_iter().zip(after);
    pairs
        .map(|(before, mut after)| {
            let known = each(&before);
            let others = known.iter().find(|(who, _)| who == ANYBODY);
            let changes = each(&after).into_iter().filter_map(|(who, now)| {
                let same = known.iter().find(|(other, _)| *other == who);
                let (_, before) = same.or(others)?;
                (*before != now).then(|| Change {
                    who,
                    before: before.clone(),
                    after: now,
                })
            });
            after.changes = Some(changes.collect());
            after
        })
        .collect()
}
