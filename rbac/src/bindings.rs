//! Bindings by whom they are for.

use std::collections::{BTreeMap, HashMap};
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

/// The bindings for one user or group by name, each with the first of its subjects that is meant.
type For = BTreeMap<String, (Arc<Binding>, usize)>;

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
        let as_member = user
            .groups
            .iter()
            .filter_map(|group| scope.by_group.get(group));
        let mut grants: Vec<_> = as_user
            .chain(as_member)
            .flat_map(BTreeMap::values)
            .map(|(binding, subject)| Grant {
                binding,
                subject: *subject,
            })
            .collect();
        grants.sort_unstable_by(|a, b| {
            (&a.binding.name, a.subject).cmp(&(&b.binding.name, b.subject))
        });
        grants.dedup_by(|later, first| std::ptr::eq(later.binding, first.binding));
        grants
    }
}

impl Scope {
    fn insert(&mut self, binding: Arc<Binding>) {
        for (subject, key) in binding.keys() {
            let known = match key {
                Key::User(name) => self.by_user.entry(name).or_default(),
                Key::Group(name) => self.by_group.entry(name).or_default(),
            };
            let entry = known.entry(binding.name.clone());
            entry.or_insert_with(|| (Arc::clone(&binding), subject));
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
            if known.is_empty() {
                all.remove(&who);
            }
        }
    }
}
