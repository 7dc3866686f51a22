//! The objects related to nodes: through the pods bound to them, and the claims of those.

use std::collections::{BTreeSet, HashMap, HashSet};

use k8s_openapi::api::core::v1::{PersistentVolume, Pod};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use parking_lot::RwLock;

use super::references::{self, Kind, Reference};

/// A namespace and a name.
type Place = (String, String);

/// Relations between nodes and other objects, kept up to date by the owner of the graph (upstream:
/// `plugin/pkg/auth/authorizer/node/graph.go`).
///
/// The references of a pod are indexed by its node, so a decision costs a few look-ups, for any number of
/// pods.
#[derive(Debug, Default)]
pub struct Graph(RwLock<Relations>);

#[derive(Debug, Default)]
struct Relations {
    /// Pods that are bound to a node.
    pods: HashMap<Place, Bound>,
    /// The references of a node's pods, with their number.
    nodes: HashMap<String, HashMap<Reference, usize>>,
    volumes: HashMap<String, Volume>,
    /// The volumes of a claim.
    claims: HashMap<Place, BTreeSet<String>>,
    /// The volumes that refer to a secret.
    secrets: HashMap<Place, BTreeSet<String>>,
    /// The node of a volume attachment.
    attachments: HashMap<String, String>,
}

/// A pod's node, and its references.
#[derive(Debug)]
struct Bound {
    node: String,
    references: HashSet<Reference>,
}

/// The references of a volume with a claim.
#[derive(Debug)]
struct Volume {
    claim: Place,
    secrets: BTreeSet<Place>,
}

impl Graph {
    /// Adds or updates a pod.
    pub fn put_pod(&self, pod: &Pod) {
        let place = place(pod.metadata.namespace.as_ref(), pod.metadata.name.as_ref());
        let node = pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
        let bound = node.filter(|node| !node.is_empty()).map(|node| Bound {
            node,
            references: references::of_pod(pod),
        });
        let mut relations = self.0.write();
        relations.forget_pod(&place);
        if let Some(bound) = bound {
            relations.put_pod(place, bound);
        }
    }

    /// Removes a pod.
    pub fn delete_pod(&self, namespace: &str, name: &str) {
        let place = (namespace.to_owned(), name.to_owned());
        self.0.write().forget_pod(&place);
    }

    /// Adds or updates a persistent volume.
    pub fn put_volume(&self, volume: &PersistentVolume) {
        let name = volume.metadata.name.clone().unwrap_or_default();
        let spec = volume.spec.as_ref();
        let claim = spec.and_then(|spec| spec.claim_ref.as_ref());
        let led_to = claim.map(|claim| Volume {
            claim: self::place(claim.namespace.as_ref(), claim.name.as_ref()),
            secrets: references::of_volume(volume),
        });
        let mut relations = self.0.write();
        relations.forget_volume(&name);
        if let Some(volume) = led_to {
            relations.put_volume(name, volume);
        }
    }

    /// Removes a persistent volume.
    pub fn delete_volume(&self, name: &str) {
        self.0.write().forget_volume(name);
    }

    /// Adds or updates a volume attachment.
    pub fn put_attachment(&self, attachment: &VolumeAttachment) {
        let name = attachment.metadata.name.clone().unwrap_or_default();
        let node = attachment.spec.node_name.clone();
        self.0.write().attachments.insert(name, node);
    }

    /// Removes a volume attachment.
    pub fn delete_attachment(&self, name: &str) {
        self.0.write().attachments.remove(name);
    }

    /// Whether an object is related to a node.
    pub(super) fn relates(&self, node: &str, kind: Kind, namespace: &str, name: &str) -> bool {
        let relations = self.0.read();
        match kind {
            Kind::Attachment => relations.attachments.get(name).is_some_and(|on| on == node),
            Kind::Volume => relations.uses_volume(node, name),
            kind => {
                let reference = Reference::new(kind, namespace, name);
                relations.is_referenced(node, &reference)
                    || kind == Kind::Secret && relations.uses_secret(node, &reference.place())
            }
        }
    }

    /// The names of all objects of a kind, in a namespace, that are related to a node.
    pub(super) fn related(&self, node: &str, kind: Kind, namespace: &str) -> HashSet<String> {
        let relations = self.0.read();
        if kind == Kind::Attachment {
            let attachments = relations.attachments.iter();
            let attached = attachments.filter(|(_, on)| *on == node);
            return attached.map(|(name, _)| name.clone()).collect();
        }
        let referenced = relations.nodes.get(node).into_iter().flatten();
        let referenced = referenced.map(|(reference, _)| reference);
        let mut names = HashSet::new();
        for reference in referenced {
            if reference.kind == kind && reference.namespace == namespace {
                names.insert(reference.name.clone());
            }
            if reference.kind != Kind::Claim {
                continue;
            }
            for volume in relations
                .claims
                .get(&reference.place())
                .into_iter()
                .flatten()
            {
                if kind == Kind::Volume {
                    names.insert(volume.clone());
                } else if kind == Kind::Secret {
                    let volume = relations.volumes.get(volume).into_iter();
                    let secrets = volume.flat_map(|volume| &volume.secrets);
                    let here = secrets.filter(|(place, _)| place == namespace);
                    names.extend(here.map(|(_, name)| name.clone()));
                }
            }
        }
        names
    }
}

impl Relations {
    fn put_pod(&mut self, place: Place, bound: Bound) {
        let counts = self.nodes.entry(bound.node.clone()).or_default();
        for reference in &bound.references {
            *counts.entry(reference.clone()).or_default() += 1;
        }
        self.pods.insert(place, bound);
    }

    fn forget_pod(&mut self, place: &Place) {
        let Some(bound) = self.pods.remove(place) else {
            return;
        };
        let Some(counts) = self.nodes.get_mut(&bound.node) else {
            return;
        };
        for reference in &bound.references {
            if let Some(count) = counts.get_mut(reference) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    counts.remove(reference);
                }
            }
        }
        if counts.is_empty() {
            self.nodes.remove(&bound.node);
        }
    }

    fn put_volume(&mut self, name: String, volume: Volume) {
        let of_claim = self.claims.entry(volume.claim.clone()).or_default();
        of_claim.insert(name.clone());
        for secret in &volume.secrets {
            let of_secret = self.secrets.entry(secret.clone()).or_default();
            of_secret.insert(name.clone());
        }
        self.volumes.insert(name, volume);
    }

    fn forget_volume(&mut self, name: &str) {
        let Some(volume) = self.volumes.remove(name) else {
            return;
        };
        forget(&mut self.claims, &volume.claim, name);
        for secret in &volume.secrets {
            forget(&mut self.secrets, secret, name);
        }
    }

    fn is_referenced(&self, node: &str, reference: &Reference) -> bool {
        let referenced = self.nodes.get(node);
        referenced.is_some_and(|referenced| referenced.contains_key(reference))
    }

    /// Whether a pod of the node uses the claim that a volume belongs to.
    fn uses_volume(&self, node: &str, volume: &str) -> bool {
        self.volumes.get(volume).is_some_and(|volume| {
            let (namespace, name) = &volume.claim;
            self.is_referenced(node, &Reference::new(Kind::Claim, namespace, name))
        })
    }

    /// Whether one of the volumes that the node's pods use needs a secret.
    fn uses_secret(&self, node: &str, secret: &Place) -> bool {
        let mut volumes = self.secrets.get(secret).into_iter().flatten();
        volumes.any(|volume| self.uses_volume(node, volume))
    }
}

fn forget(names: &mut HashMap<Place, BTreeSet<String>>, place: &Place, name: &str) {
    if let Some(those) = names.get_mut(place) {
        those.remove(name);
        if those.is_empty() {
            names.remove(place);
        }
    }
}

fn place(namespace: Option<&String>, name: Option<&String>) -> Place {
    let text = |text: Option<&String>| text.cloned().unwrap_or_default();
    (text(namespace), text(name))
}
