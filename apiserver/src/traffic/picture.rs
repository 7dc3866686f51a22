//! The sources that reach a namespace's pods, as a picture: pods grouped by namespace, and an arrow from each
//! to each target.

use std::collections::BTreeMap;

use portcullis_netpol::Name;

use super::reach::{Reached, Reaching};
use super::words;

/// A picture, independent of its format.
pub(super) struct Picture {
    pub(super) title: String,
    /// The sources. The first room is the namespace in question.
    pub(super) rooms: Vec<Room>,
    /// The targets.
    pub(super) targets: Vec<Node>,
    pub(super) arrows: Vec<Arrow>,
}

/// A namespace, or the outside.
pub(super) struct Room {
    /// The namespace's name; `None` for outside.
    pub(super) namespace: Option<String>,
    pub(super) labels: String,
    pub(super) nodes: Vec<Node>,
}

/// A pod, several that are alike, or addresses.
pub(super) struct Node {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) labels: String,
}

/// From the node of a room to a target.
pub(super) struct Arrow {
    pub(super) from: String,
    pub(super) to: String,
    /// The ports; `None` if all are denied.
    pub(super) ports: Option<String>,
}

/// For each answer, the source that a node belongs to; `None` in the answer about the node itself.
type Signature = Vec<Option<usize>>;

impl Picture {
    pub(super) fn of(answers: &[Reached]) -> Self {
        let targets = answers.iter().enumerate().map(|(at, answer)| Node {
            id: format!("t{at}"),
            name: answer.pod.name.clone(),
            labels: words::labels(&answer.labels),
        });
        let only = answers.len() == 1;
        let own = answers.first().map(|answer| answer.pod.namespace.clone());
        let mut picture = Self {
            title: title(answers),
            rooms: Vec::new(),
            targets: targets.collect(),
            arrows: Vec::new(),
        };
        picture.rooms.extend(own.map(|namespace| Room {
            labels: labels_of(answers, &namespace),
            namespace: Some(namespace),
            nodes: Vec::new(),
        }));
        let nodes = nodes(answers).into_iter();
        // the outside comes last
        let (outside, inside): (Vec<_>, Vec<_>) = nodes.partition(|((n, _), _)| n.is_none());
        for ((namespace, signature), who) in inside.into_iter().chain(outside) {
            let id = format!("s{}", picture.nodes());
            for (at, source) in signature.iter().enumerate() {
                let source = source.and_then(|source| answers.get(at)?.sources.get(source));
                let arrow = source.map(|source| Arrow {
                    from: id.clone(),
                    to: format!("t{at}"),
                    ports: (!source.ports.is_empty()).then(|| source.ports.to_string()),
                });
                // with many pods, denied connections would hide the allowed ones
                picture
                    .arrows
                    .extend(arrow.filter(|arrow| only || arrow.ports.is_some()));
            }
            picture.room(answers, namespace).nodes.push(Node {
                id,
                name: who.name,
                labels: who.labels,
            });
        }
        picture
    }

    fn nodes(&self) -> usize {
        self.rooms.iter().map(|room| room.nodes.len()).sum()
    }

    fn room(&mut self, answers: &[Reached], namespace: Option<String>) -> &mut Room {
        let known = self
            .rooms
            .iter()
            .position(|room| room.namespace == namespace);
        let at = known.unwrap_or_else(|| {
            let labels = namespace.as_deref().map(|name| labels_of(answers, name));
            self.rooms.push(Room {
                labels: labels.unwrap_or_default(),
                namespace,
                nodes: Vec::new(),
            });
            self.rooms.len() - 1
        });
        &mut self.rooms[at]
    }
}

fn title(answers: &[Reached]) -> String {
    match answers {
        [] => "No pods to reach".to_owned(),
        [one] => format!("Who reaches {}", words::pod(&one.pod)),
        [first, ..] => {
            let namespace = &first.pod.namespace;
            format!("Who reaches the pods in {namespace:?}; without an arrow, nothing passes")
        }
    }
}

/// The labels of a namespace, without the one that repeats its name.
fn labels_of(answers: &[Reached], namespace: &str) -> String {
    let sources = answers.iter().flat_map(|answer| &answer.sources);
    let mut of_it =
        sources.filter(|s| s.pods.first().is_some_and(|pod| pod.namespace == namespace));
    let labels = of_it.next().map(|source| source.namespace_labels.clone());
    let mut labels = labels.unwrap_or_default();
    labels.retain(|key, _| key != "kubernetes.io/metadata.name");
    words::labels(&labels)
}

struct Who {
    name: String,
    labels: String,
}

/// The source nodes: pods that are alike in every answer are merged.
fn nodes(answers: &[Reached]) -> BTreeMap<(Option<String>, Signature), Who> {
    let mut signatures: BTreeMap<(Option<Name>, String), Signature> = BTreeMap::new();
    let mut known: BTreeMap<(Option<Name>, String), &Reaching> = BTreeMap::new();
    for (at, answer) in answers.iter().enumerate() {
        for (index, source) in answer.sources.iter().enumerate() {
            let keys: Vec<_> = if source.pods.is_empty() {
                vec![(None, source.who.clone())]
            } else {
                let pods = source.pods.iter();
                pods.map(|pod| (Some(pod.clone()), String::new())).collect()
            };
            for key in keys {
                let signature = signatures.entry(key.clone());
                let signature = signature.or_insert_with(|| vec![None; answers.len()]);
                if let Some(place) = signature.get_mut(at) {
                    *place = Some(index);
                }
                known.insert(key, source);
            }
        }
    }
    let mut found: BTreeMap<(Option<String>, Signature), Who> = BTreeMap::new();
    for (key, signature) in signatures {
        let labels = known.get(&key).map(|source| words::labels(&source.labels));
        let (namespace, name) = match key {
            (Some(pod), _) => (Some(pod.namespace), pod.name),
            (None, who) => (None, who),
        };
        let who = found.entry((namespace, signature));
        who.and_modify(|who| {
            who.name.push_str(", ");
            who.name.push_str(&name);
        })
        .or_insert_with(|| Who {
            name,
            labels: labels.unwrap_or_default(),
        });
    }
    found
}
