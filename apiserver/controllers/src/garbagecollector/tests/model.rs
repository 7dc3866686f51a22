//! The objects that must remain of a graph of owners, independent of how and when.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_registry::delete::Propagation;

/// An object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Thing {
    /// The owners it names; they need not exist.
    pub(super) owners: BTreeSet<usize>,
    /// Whether it has a finalizer of another program.
    pub(super) held: bool,
    /// Whether it has been deleted, and is kept by a finalizer.
    pub(super) deleted: bool,
}

/// All objects.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Model(pub(super) BTreeMap<usize, Thing>);

impl Model {
    /// The model without the owners of deleted objects with finalizers: of several owners that are deleted
    /// together, those that are seen first are removed from such an object before it is deleted.
    pub(super) fn comparable(&self) -> Self {
        let mut model = self.clone();
        for thing in model.0.values_mut().filter(|thing| thing.deleted) {
            thing.owners.clear();
        }
        model
    }

    /// A user deletes an object.
    pub(super) fn delete(&mut self, id: usize, propagation: Propagation) {
        if self.0.get(&id).is_none_or(|thing| thing.deleted) {
            return;
        }
        match propagation {
            Propagation::Background => self.remove(id),
            Propagation::Orphan => {
                self.forget(&[id].into());
                self.remove(id);
            }
            Propagation::Foreground => {
                let doomed = self.doomed(id);
                self.0.retain(|id, _| !doomed.contains(id));
                self.forget(&doomed);
            }
        }
        self.settle();
    }

    /// The finalizer of an object is removed.
    pub(super) fn release(&mut self, id: usize) {
        if let Some(thing) = self.0.get_mut(&id) {
            thing.held = false;
            if thing.deleted {
                self.0.remove(&id);
            }
        }
        self.settle();
    }

    /// An object without remaining owners is deleted; one with remaining owners loses the others.
    pub(super) fn settle(&mut self) {
        loop {
            let there: BTreeSet<_> = self.0.keys().copied().collect();
            let lost = |thing: &Thing| !thing.deleted && !thing.owners.is_subset(&there);
            let Some((id, thing)) = self.0.iter_mut().find(|(_, thing)| lost(thing)) else {
                return;
            };
            let id = *id;
            if thing.owners.is_disjoint(&there) {
                self.remove(id);
            } else {
                thing.owners.retain(|owner| there.contains(owner));
            }
        }
    }

    fn remove(&mut self, id: usize) {
        if let Some(thing) = self.0.get_mut(&id) {
            thing.deleted = true;
            if !thing.held {
                self.0.remove(&id);
            }
        }
    }

    fn forget(&mut self, ids: &BTreeSet<usize>) {
        for thing in self.0.values_mut() {
            thing.owners.retain(|owner| !ids.contains(owner));
        }
    }

    /// The object, and all objects whose owners are all doomed.
    fn doomed(&self, id: usize) -> BTreeSet<usize> {
        let mut doomed = BTreeSet::from([id]);
        loop {
            let next = self.0.iter().find(|(id, thing)| {
                !doomed.contains(id) && !thing.owners.is_empty() && thing.owners.is_subset(&doomed)
            });
            let Some((id, _)) = next else { return doomed };
            doomed.insert(*id);
        }
    }
}
