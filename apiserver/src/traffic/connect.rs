//! The answer of `why connect`.

use portcullis_netpol::remedy::{Remedy, remedy};
use portcullis_netpol::service::{Backend, PortName};
use portcullis_netpol::{Connection, End, Name, Pod, Verdict, judge};
use serde::Serialize;

use super::TrafficError;
use super::parties::{Party, Question};
use super::snapshot::{Snapshot, name_of};
use super::words;

/// A question and its answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    /// The question in words.
    pub(super) request: String,
    /// The current state.
    pub(super) now: State,
    /// The state with the given policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) with_policies: Option<State>,
}

/// The result for a connection.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct State {
    pub(super) allowed: Allowed,
    /// The service on the way, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) service: Option<String>,
    /// The possible destinations, each with its verdict: a service may have several endpoints, or none.
    pub(super) connections: Vec<Judged>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Allowed {
    Yes,
    No,
    /// At some endpoints of a service, not at others.
    Partly,
}

/// One connection, and the reasons for its verdict.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Judged {
    pub(super) allowed: bool,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) port: u16,
    pub(super) protocol: &'static str,
    pub(super) verdict: Verdict,
    /// The verdict's reasons in words.
    pub(super) egress: Vec<String>,
    pub(super) ingress: Vec<String>,
    /// The changes that would allow it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) remedies: Vec<Remedy>,
}

/// The result for a connection, in a cluster.
pub(super) fn state(snapshot: &Snapshot, question: &Question) -> Result<State, TrafficError> {
    let service = snapshot.service(&question.to)?;
    let (backends, words) = match service {
        None => (vec![direct(snapshot, question)?], None),
        Some(service) => {
            let found = snapshot.translated(service, question)?;
            let backends = found
                .backends
                .iter()
                .map(|backend| named(snapshot, backend));
            let words = words::service(&name_of(service), service, &found);
            (backends.collect(), Some(words))
        }
    };
    let judged = backends
        .iter()
        .map(|(to, port)| judged(snapshot, question, *to, *port));
    let connections = judged.collect::<Result<Vec<_>, _>>()?;
    let yes = connections.iter().filter(|judged| judged.allowed).count();
    let allowed = match yes {
        0 => Allowed::No,
        _ if yes == connections.len() => Allowed::Yes,
        _ => Allowed::Partly,
    };
    Ok(State {
        allowed,
        service: words,
        connections,
    })
}

fn pod<'s>(snapshot: &'s Snapshot, name: &Name) -> Result<&'s Pod, TrafficError> {
    let missing = || TrafficError::NotFound {
        what: "pods",
        name: name.clone(),
    };
    snapshot.cluster.pod(name).ok_or_else(missing)
}

/// The destination of a connection without a service.
fn direct<'s>(snapshot: &'s Snapshot, question: &Question) -> Result<(End<'s>, u16), TrafficError> {
    let (pod, end) = match &question.to {
        Party::Pod(name) | Party::Service(name) => {
            let pod = pod(snapshot, name)?;
            (Some(pod), End::pod(pod))
        }
        Party::Address(address) => (None, End::at(&snapshot.cluster, *address)),
    };
    let port = match (&question.port, pod) {
        (PortName::Number(number), _) => *number,
        (PortName::Name(name), pod) => {
            let number = pod.and_then(|pod| pod.port(name, question.protocol));
            number.ok_or_else(|| TrafficError::NoPort {
                pod: pod.map(|pod| pod.name.clone()).unwrap_or_default(),
                port: name.clone(),
                protocol: question.protocol,
            })?
        }
    };
    Ok((end, port))
}

fn named<'s>(snapshot: &'s Snapshot, backend: &Backend) -> (End<'s>, u16) {
    let pod = backend
        .pod
        .as_ref()
        .and_then(|name| snapshot.cluster.pod(name));
    let end = End {
        pod,
        address: backend.address,
    };
    (end, backend.port)
}

fn judged(
    snapshot: &Snapshot,
    question: &Question,
    to: End<'_>,
    port: u16,
) -> Result<Judged, TrafficError> {
    let cluster = &snapshot.cluster;
    let from = match &question.from {
        Party::Address(address) => End::at(cluster, *address),
        Party::Pod(name) | Party::Service(name) => End::facing(pod(snapshot, name)?, to.address),
    };
    // A named pod is reached at its address of the source's family.
    let to = match (&question.to, to.pod) {
        (Party::Pod(_), Some(pod)) => End::facing(pod, from.address),
        _ => to,
    };
    let connection = Connection {
        from,
        to,
        port,
        protocol: question.protocol,
    };
    let verdict = judge(cluster, &connection);
    let sides = [&verdict.egress, &verdict.ingress];
    let remedies = sides.map(|side| remedy(cluster, &connection, side));
    let [egress, ingress] = sides.map(|side| words::side(cluster, &connection, side));
    Ok(Judged {
        allowed: verdict.allowed(),
        from: words::end(&from),
        to: words::end(&to),
        port,
        protocol: question.protocol.as_str(),
        egress,
        ingress,
        remedies: remedies.into_iter().flatten().collect(),
        verdict,
    })
}
