//! The pods that may have to be deleted.

use std::collections::{BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};

use crate::follow::News;

/// Why a pod may have to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// Its node does not exist.
    Orphaned,
    /// It is being deleted and never was on a node.
    NeverBound,
    /// It has ended, and there are too many of these.
    Excess,
}

impl Reason {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Orphaned => "orphaned",
            Self::NeverBound => "never-bound",
            Self::Excess => "excess",
        }
    }

    pub(super) fn of(text: &str) -> Option<Self> {
        let all = [Self::Orphaned, Self::NeverBound, Self::Excess];
        all.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// A pod that may have to be deleted.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Due {
    pub(super) reason: Reason,
    /// Its namespace and name.
    pub(super) place: String,
}

/// The state of pods and nodes.
pub(super) struct Known {
    ended_max: usize,
    nodes: HashSet<String>,
    /// The nodes of bound pods.
    bound: HashMap<String, String>,
    /// Ended pods, the oldest first, with their creation times.
    ended: BTreeSet<(Timestamp, String)>,
    made: HashMap<String, Timestamp>,
}

impl Known {
    pub(super) fn new(ended_max: usize) -> Self {
        Self {
            ended_max,
            nodes: HashSet::new(),
            bound: HashMap::new(),
            ended: BTreeSet::new(),
            made: HashMap::new(),
        }
    }

    pub(super) fn pod(&mut self, news: News<Pod>) -> Vec<Due> {
        let seen = match news {
            News::Of(seen) => seen,
            News::Anew => {
                self.bound.clear();
                self.ended.clear();
                self.made.clear();
                return Vec::new();
            }
        };
        let pod = &seen.object;
        let meta = &pod.metadata;
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let place = format!("{}/{}", text(&meta.namespace), text(&meta.name));
        self.forget(&place);
        let mut due = Vec::new();
        if seen.gone {
            return due;
        }
        let mut add = |reason, place| due.push(Due { reason, place });
        if is_never_bound(pod) {
            add(Reason::NeverBound, place.clone());
        }
        if let Some(node) = node_of(pod) {
            if !self.nodes.contains(node) {
                add(Reason::Orphaned, place.clone());
            }
            self.bound.insert(place.clone(), node.to_owned());
        }
        if has_ended(pod) {
            let made = meta
                .creation_timestamp
                .as_ref()
                .map_or(Timestamp::UNIX_EPOCH, |at| at.0);
            self.made.insert(place.clone(), made);
            self.ended.insert((made, place));
            let excess = self.ended.len().saturating_sub(self.ended_max);
            for (_, place) in self.ended.iter().take(excess) {
                add(Reason::Excess, place.clone());
            }
        }
        due
    }

    fn forget(&mut self, place: &str) {
        self.bound.remove(place);
        if let Some(made) = self.made.remove(place) {
            self.ended.remove(&(made, place.to_owned()));
        }
    }

    pub(super) fn node(&mut self, news: News<Node>) -> Vec<Due> {
        let gone = match news {
            News::Of(seen) => {
                let name = seen.object.metadata.name.unwrap_or_default();
                if !seen.gone {
                    self.nodes.insert(name);
                    return Vec::new();
                }
                self.nodes.remove(&name);
                HashSet::from([name])
            }
            // a node that does not follow is gone, which is noticed when its pods are due
            News::Anew => std::mem::take(&mut self.nodes),
        };
        let bound = self.bound.iter().filter(|(_, node)| gone.contains(*node));
        let orphans = bound.map(|(place, _)| Due {
            reason: Reason::Orphaned,
            place: place.clone(),
        });
        orphans.collect()
    }
}

pub(super) fn node_of(pod: &Pod) -> Option<&str> {
    let node = pod.spec.as_ref()?.node_name.as_deref();
    node.filter(|node| !node.is_empty())
}

pub(super) fn is_never_bound(pod: &Pod) -> bool {
    pod.metadata.deletion_timestamp.is_some() && node_of(pod).is_none()
}

pub(super) fn has_ended(pod: &Pod) -> bool {
    let phase = pod
        .status
        .as_ref()
        .and_then(|status| status.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}
