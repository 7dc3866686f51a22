//! The graph of owners, as far as it matters: objects that have owners, and objects whose deletion waits for
//! their dependents. Most objects are neither, and cost nothing here.
//!
//! This file does no I/O: it receives changes, and returns the objects to process
//! (upstream: `pkg/controller/garbagecollector/graph_builder.go`).

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;

use portcullis_registry::delete::{FOREGROUND, ORPHAN};
use portcullis_registry::head::HeadMeta;

/// How many deleted owners are kept.
const GONE_MAX: usize = 1000;

/// The key of an object in the store.
pub(super) type Key = Arc<str>;
type Uid = Box<str>;

/// Why an object is to be processed, which decides how soon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// It names an owner that it did not name before.
    NewOwner,
    /// Its deletion waits for its dependents.
    Deletion,
    /// An owner is gone or waits for it, or the last dependent that it waited for is gone.
    Cascade,
}

/// The objects to process after a change.
pub(super) type Wanted = Vec<(Key, Cause)>;

/// The objects that matter.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: HashMap<Key, Node>,
    /// The dependents of each owner, whether or not the owner is in the graph.
    dependents: HashMap<Uid, Dependents>,
    /// The objects that wait for their dependents to be gone.
    waiting: HashMap<Uid, Key>,
    gone: Gone,
}

#[derive(Debug)]
struct Node {
    uid: Uid,
    owners: Vec<OwnerReference>,
    phase: Phase,
}

/// What the deletion of an object waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// It is not being deleted, or does not wait for this controller.
    Ordinary,
    /// Its dependents have to be orphaned.
    Orphaning,
    /// Its dependents have to be deleted.
    Waiting,
}

#[derive(Debug, Default)]
struct Dependents {
    keys: HashSet<Key>,
    /// How many of them the owner has to wait for.
    blocking: usize,
}

impl Phase {
    /// What an object waits for. Orphaning takes precedence if both are requested.
    pub(super) fn of(meta: &HeadMeta) -> Self {
        if !meta.is_deleting() {
            Self::Ordinary
        } else if meta.has_finalizer(ORPHAN) {
            Self::Orphaning
        } else if meta.has_finalizer(FOREGROUND) {
            Self::Waiting
        } else {
            Self::Ordinary
        }
    }
}

impl Graph {
    /// Clears the graph; all objects are added again.
    pub(super) fn reset(&mut self) {
        self.nodes.clear();
        self.dependents.clear();
        self.waiting.clear();
    }

    /// An object is new or has changed.
    pub(super) fn put(&mut self, key: &Key, meta: HeadMeta) -> Wanted {
        let phase = Phase::of(&meta);
        let mut wanted = Wanted::new();
        let before = self.detach(key);
        let same = before.as_ref().filter(|before| *before.uid == *meta.uid);
        let knew = |owner: &OwnerReference| same.is_some_and(|node| node.owners.contains(owner));
        if !meta.owner_references.iter().all(knew) {
            wanted.push((key.clone(), Cause::NewOwner));
        }
        if phase != same.map_or(Phase::Ordinary, |node| node.phase) && phase != Phase::Ordinary {
            wanted.push((key.clone(), Cause::Deletion));
            if phase == Phase::Waiting {
                let dependents = self.dependents_of(&meta.uid);
                wanted.extend(dependents.into_iter().map(|key| (key, Cause::Deletion)));
            }
        }
        if phase != Phase::Ordinary || !meta.owner_references.is_empty() {
            let node = Node {
                uid: meta.uid.into(),
                owners: meta.owner_references,
                phase,
            };
            self.attach(key, node);
        }
        self.released(before.as_ref(), &mut wanted);
        wanted
    }

    /// An object is gone.
    pub(super) fn delete(&mut self, key: &str, uid: &str) -> Wanted {
        let mut wanted = Wanted::new();
        let before = self.detach(key);
        let dependents = self.dependents_of(uid);
        if !dependents.is_empty() {
            self.gone.add(uid);
        }
        wanted.extend(dependents.into_iter().map(|key| (key, Cause::Cascade)));
        self.released(before.as_ref(), &mut wanted);
        wanted
    }

    /// An object cannot be read any more: no owner waits for it, and its former owners no longer count.
    pub(super) fn forget(&mut self, key: &str) -> Wanted {
        let mut wanted = Wanted::new();
        let before = self.detach(key);
        self.released(before.as_ref(), &mut wanted);
        wanted
    }

    /// Whether a change of this object can matter, although it names no owners and waits for nothing.
    pub(super) fn knows(&self, key: &str) -> bool {
        self.nodes.contains_key(key)
    }

    /// Whether the graph has no dependents.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All objects to process.
    pub(super) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.nodes.keys()
    }

    /// The objects that name an owner.
    pub(super) fn dependents_of(&self, uid: &str) -> Vec<Key> {
        let dependents = self.dependents.get(uid);
        dependents.map_or_else(Vec::new, |d| d.keys.iter().cloned().collect())
    }

    /// Whether any object names this owner.
    pub(super) fn has_dependents(&self, uid: &str) -> bool {
        self.dependents.contains_key(uid)
    }

    /// Whether a dependent of this owner says that the owner must not be deleted before it.
    pub(super) fn is_blocked(&self, uid: &str) -> bool {
        self.dependents.get(uid).is_some_and(|d| d.blocking > 0)
    }

    /// Whether a dependent of this owner itself waits for its dependents, possibly for the owner.
    pub(super) fn dependent_waits(&self, uid: &str) -> bool {
        let Some(dependents) = self.dependents.get(uid) else {
            return false;
        };
        let waits = |key: &Key| {
            let node = self.nodes.get(key);
            node.is_some_and(|node| node.phase == Phase::Waiting)
        };
        dependents.keys.iter().any(waits)
    }

    /// Whether an owner has existed and is gone.
    pub(super) fn is_gone(&self, uid: &str) -> bool {
        self.gone.set.contains(uid)
    }

    fn attach(&mut self, key: &Key, node: Node) {
        for (uid, blocks) in owners(&node) {
            let dependents = self.dependents.entry(uid.into()).or_default();
            dependents.keys.insert(key.clone());
            dependents.blocking += usize::from(blocks);
        }
        if node.phase == Phase::Waiting {
            self.waiting.insert(node.uid.clone(), key.clone());
        }
        self.nodes.insert(key.clone(), node);
    }

    fn detach(&mut self, key: &str) -> Option<Node> {
        let node = self.nodes.remove(key)?;
        for (uid, blocks) in owners(&node) {
            let Some(dependents) = self.dependents.get_mut(uid) else {
                continue;
            };
            dependents.keys.remove(key);
            dependents.blocking -= usize::from(blocks);
            if dependents.keys.is_empty() {
                self.dependents.remove(uid);
            }
        }
        self.waiting.remove(&node.uid);
        Some(node)
    }

    /// Owners that waited before the change, and need not wait any more.
    fn released(&self, before: Option<&Node>, wanted: &mut Wanted) {
        let uids = before
            .into_iter()
            .flat_map(owners)
            .filter(|(_, blocked)| *blocked);
        for (uid, _) in uids {
            if let Some(key) = self.waiting.get(uid).filter(|_| !self.is_blocked(uid)) {
                wanted.push((key.clone(), Cause::Cascade));
            }
        }
    }
}

/// Each owner once, and whether it has to wait for the node. An object does not wait for itself, though
/// upstream's would.
fn owners(node: &Node) -> impl Iterator<Item = (&str, bool)> {
    let first = |at: usize, uid: &str| !node.owners[..at].iter().any(|other| other.uid == uid);
    let all = node.owners.iter().enumerate();
    all.filter(move |(at, owner)| first(*at, &owner.uid))
        .map(|(_, owner)| {
            let blocks = owner.block_owner_deletion == Some(true);
            (owner.uid.as_str(), blocks && *owner.uid != *node.uid)
        })
}

/// Owners that have been deleted. A uid is never reused, so entries stay valid.
#[derive(Debug, Default)]
struct Gone {
    set: HashSet<Uid>,
    order: VecDeque<Uid>,
}

impl Gone {
    fn add(&mut self, uid: &str) {
        if self.set.insert(uid.into()) {
            self.order.push_back(uid.into());
        }
        if self.order.len() > GONE_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.set.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meta(uid: &str, owners: &[(&str, bool)], finalizers: &[&str]) -> HeadMeta {
        let owner = |(uid, blocks): &(&str, bool)| OwnerReference {
            uid: (*uid).into(),
            block_owner_deletion: Some(*blocks),
            ..OwnerReference::default()
        };
        HeadMeta {
            uid: uid.into(),
            deletion_timestamp: (!finalizers.is_empty()).then(portcullis_kinds::time::now),
            owner_references: owners.iter().map(owner).collect(),
            finalizers: finalizers.iter().map(|f| (*f).to_owned()).collect(),
        }
    }

    fn put(graph: &mut Graph, key: &str, meta: HeadMeta) -> Vec<String> {
        names(graph.put(&key.into(), meta))
    }

    fn names(wanted: Wanted) -> Vec<String> {
        let mut names: Vec<_> = wanted.into_iter().map(|(key, _)| key.to_string()).collect();
        names.sort();
        names.dedup();
        names
    }

    #[test]
    fn ordinary_objects_cost_nothing() {
        let mut graph = Graph::default();
        assert!(put(&mut graph, "a", meta("1", &[], &[])).is_empty());
        assert!(graph.is_empty() && !graph.knows("a"));
    }

    #[test]
    fn dependents_are_processed_when_their_owner_is_deleted() {
        let mut graph = Graph::default();
        assert_eq!(put(&mut graph, "b", meta("2", &[("1", false)], &[])), ["b"]);
        assert!(put(&mut graph, "b", meta("2", &[("1", false)], &[])).is_empty());
        assert_eq!(put(&mut graph, "c", meta("3", &[("1", true)], &[])), ["c"]);
        assert_eq!(names(graph.delete("a", "1")), ["b", "c"]);
        assert!(graph.is_gone("1") && !graph.is_gone("2"));
        assert!(graph.delete("b", "2").is_empty());
        assert!(graph.delete("c", "3").is_empty());
        assert!(graph.is_empty() && graph.dependents.is_empty());
    }

    #[test]
    fn a_waiting_owner_is_processed_once_nothing_blocks_it() {
        let mut graph = Graph::default();
        put(&mut graph, "b", meta("2", &[("1", true)], &[]));
        put(&mut graph, "c", meta("3", &[("1", true)], &[]));
        put(&mut graph, "d", meta("4", &[("1", false)], &[]));
        let wanted = put(&mut graph, "a", meta("1", &[], &[FOREGROUND]));
        assert_eq!(wanted, ["a", "b", "c", "d"]);
        assert!(graph.delete("b", "2").is_empty() && graph.is_blocked("1"));
        let unblocked = put(&mut graph, "c", meta("3", &[("1", false)], &[]));
        assert_eq!(unblocked, ["a", "c"]);
        assert!(!graph.is_blocked("1") && graph.has_dependents("1"));
    }

    #[test]
    fn an_owner_named_twice_counts_once() {
        let mut graph = Graph::default();
        put(&mut graph, "b", meta("2", &[("1", true), ("1", true)], &[]));
        put(&mut graph, "b", meta("2", &[], &[]));
        assert!(!graph.is_blocked("1") && graph.is_empty());
    }

    #[test]
    fn another_object_under_the_key_is_a_new_one() {
        let mut graph = Graph::default();
        put(&mut graph, "b", meta("2", &[("1", true)], &[]));
        assert_eq!(put(&mut graph, "b", meta("3", &[("1", true)], &[])), ["b"]);
        assert_eq!(graph.dependents_of("1").len(), 1);
    }

    #[test]
    fn orphaning_comes_before_waiting() {
        let both = meta("1", &[], &[FOREGROUND, ORPHAN]);
        assert_eq!(Phase::of(&both), Phase::Orphaning);
    }

    #[test]
    fn the_number_of_kept_owners_is_limited() {
        let mut gone = Gone::default();
        for n in 0..=GONE_MAX {
            gone.add(&n.to_string());
        }
        assert_eq!((gone.set.len(), gone.order.len()), (GONE_MAX, GONE_MAX));
        assert!(!gone.set.contains("0"));
    }
}
