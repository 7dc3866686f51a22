//! Bindings by whom they are for.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_api::UserInfo;

use crate::binding::{Binding, Grant, Key};

/// Bindings by namespace; the cluster's are in the empty one.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    namespaces: HashMap<String, Scope>,
}

/// The bindings of one namespace.
#[derive(Debug, Default)]
struct Scope {
    by_name: HashMap<String, Arc<Binding>>,
    by_user: HashMap<String, For>,
    by_group: HashMap<String, For>,
}

/// The bindings for one user or group, sorted by name, each with the first of its subjects that is
/// meant.
#[derive(Debug, Default)]
struct For(Vec<(Arc<Binding>, usize)>);

// === impl Bindings ===

impl Bindings {
    pub(crate) fn put(&mut self, binding: Binding) {
        let scope = self
            .namespaces
            .entry(binding.namespace.clone())
            .or_default();
        scope.delete(&binding.name);
        scope.insert(Arc::new(binding));
    }

    pub(crate) fn delete(&mut self, namespace: &str, name: &str) {
        let Some(scope) = self.namespaces.get_mut(namespace) else {
            return;
        };
        scope.delete(name);
        if scope.by_name.is_empty() {
            self.namespaces.remove(namespace);
        }
    }

    /// The bindings of a namespace that are for a user, by name, each once.
    pub(crate) fn of<'a>(&'a self, user: &UserInfo, namespace: &str) -> Vec<Grant<'a>> {
        let Some(scope) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        let as_user = scope.by_user.get(&user.name).into_iter();
        let groups = user.groups.iter();
        let as_member = groups.filter_map(|group| scope.by_group.get(group));
        let lists = as_user.chain(as_member);
        let mut grants: Vec<_> = lists
            .flat_map(|list| &list.0)
            .map(|(binding, subject)| Grant {
                binding,
                subject: *subject,
            })
            .collect();
        // The stable sort: it makes use of each list being sorted already.
        grants.sort_by(|a, b| (&a.binding.name, a.subject).cmp(&(&b.binding.name, b.subject)));
        grants.dedup_by(|later, first| std::ptr::eq(later.binding, first.binding));
        grants
    }
}

// === impl Scope ===

impl Scope {
    fn insert(&mut self, binding: Arc<Binding>) {
        for (subject, key) in binding.keys() {
            let known = match key {
                Key::User(name) => self.by_user.entry(name).or_default(),
                Key::Group(name) => self.by_group.entry(name).or_default(),
            };
            known.insert(&binding, subject);
        }
        self.by_name.insert(binding.name.clone(), binding);
    }

    fn delete(&mut self, name: &str) {
        let Some(binding) = self.by_name.remove(name) else {
            return;
        };
        for (_, key) in binding.keys() {
            let (all, who) = match key {
                Key::User(who) => (&mut self.by_user, who),
                Key::Group(who) => (&mut self.by_group, who),
            };
            let Some(known) = all.get_mut(&who) else {
                continue;
            };
            known.remove(name);
            if known.0.is_empty() {
                all.remove(&who);
            }
        }
    }
}

// === impl For ===

impl For {
    /// Where the binding is, or else where it belongs.
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(binding, _)| binding.name.as_str().cmp(name))
    }

    /// Unless an earlier subject of the binding is the same.
    fn insert(&mut self, binding: &Arc<Binding>, subject: usize) {
        if let Err(place) = self.find(&binding.name) {
            self.0.insert(place, (Arc::clone(binding), subject));
        }
    }

    fn remove(&mut self, name: &str) {
        if let Ok(place) = self.find(name) {
            self.0.remove(place);
        }
    }
}
