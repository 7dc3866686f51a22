//! The references of pods and volumes.

use std::collections::{BTreeSet, HashSet};

use k8s_openapi::api::core::v1::{PersistentVolume, Pod};
use portcullis_api::references;

/// Marks static pods, which a kubelet runs without the server and only shows.
const MIRROR: &str = "kubernetes.io/config.mirror";

/// A kind of objects that nodes have access to only through references of their pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Secret,
    ConfigMap,
    Claim,
    Volume,
    ServiceAccount,
    Attachment,
}

/// An object that a pod refers to.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Reference {
    pub(super) kind: Kind,
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Reference {
    pub(super) fn new(kind: Kind, namespace: &str, name: &str) -> Self {
        Self {
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }

    pub(super) fn place(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }
}

/// The references of a pod; none for a mirror pod, since a node could create one that refers to any object it
/// wants to read.
pub(super) fn of_pod(pod: &Pod) -> HashSet<Reference> {
    let annotations = pod.metadata.annotations.as_ref();
    let is_mirror = annotations.is_some_and(|annotations| annotations.contains_key(MIRROR));
    let Some(spec) = pod.spec.as_ref().filter(|_| !is_mirror) else {
        return HashSet::new();
    };
    let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
    let pod_name = pod.metadata.name.as_deref().unwrap_or_default();
    let refer = |kind| move |name: &str| Reference::new(kind, namespace, name);
    let mut all: HashSet<_> = references::secrets_of_pod(spec)
        .map(refer(Kind::Secret))
        .chain(references::config_maps_of_pod(spec).map(refer(Kind::ConfigMap)))
        .chain(
            spec.service_account_name
                .as_deref()
                .map(refer(Kind::ServiceAccount)),
        )
        .collect();
    for volume in spec.volumes.iter().flatten() {
        if let Some(claim) = &volume.persistent_volume_claim {
            all.insert(refer(Kind::Claim)(&claim.claim_name));
        }
        if volume.ephemeral.is_some() {
            all.insert(refer(Kind::Claim)(&format!("{pod_name}-{}", volume.name)));
        }
    }
    all.retain(|reference| !reference.name.is_empty());
    all
}

/// The secrets that are needed to mount a volume.
pub(super) fn of_volume(volume: &PersistentVolume) -> BTreeSet<(String, String)> {
    references::secrets_of_volume(volume).into_iter().collect()
}
