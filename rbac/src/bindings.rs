//! Bindings, indexed by subject.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_api::UserInfo;

use crate::binding::{ApplicableBinding, Binding, SubjectKey};

/// Bindings by namespace; the empty one has the `ClusterRoleBinding`s.
#[derive(Debug, Default)]
pub(crate) struct Bindings {
    namespaces: HashMap<String, Scope>,
}

/// The bindings of one namespace.
#[derive(Debug, Default)]
struct Scope {
    by_name: HashMap<String, Arc<Binding>>,
    by_user: HashMap<String, SubjectBindings>,
    by_group: HashMap<String, SubjectBindings>,
}

/// The bindings of one user or group, sorted by name, each with the index of its first matching
/// subject.
#[derive(Debug, Default)]
struct SubjectBindings(Vec<(Arc<Binding>, usize)>);

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

    /// The bindings in a namespace that apply to a user, sorted by name, without duplicates.
    pub(crate) fn of<'a>(&'a self, user: &UserInfo, namespace: &str) -> Vec<ApplicableBinding<'a>> {
        let Some(scope) = self.namespaces.get(namespace) else {
            return Vec::new();
        };
        let as_user = scope.by_user.get(&user.name).into_iter();
        let groups = user.groups.iter();
        let as_member = groups.filter_map(|group| scope.by_group.get(group));
        let lists = as_user.chain(as_member);
        let mut applicable: Vec<_> = lists
            .flat_map(|list| &list.0)
            .map(|(binding, subject)| ApplicableBinding {
                binding,
                subject: *subject,
            })
            .collect();
        // A stable sort is fast here, as each list is already sorted.
        applicable.sort_by(|a, b| (&a.binding.name, a.subject).cmp(&(&b.binding.name, b.subject)));
        applicable.dedup_by(|later, first| std::ptr::eq(later.binding, first.binding));
        applicable
    }
}

// === impl Scope ===

impl Scope {
    fn insert(&mut self, binding: Arc<Binding>) {
        for (subject, key) in binding.keys() {
            let bindings = match key {
                SubjectKey::User(name) => self.by_user.entry(name).or_default(),
                SubjectKey::Group(name) => self.by_group.entry(name).or_default(),
            };
            bindings.insert(&binding, subject);
        }
        self.by_name.insert(binding.name.clone(), binding);
    }

    fn delete(&mut self, name: &str) {
        let Some(binding) = self.by_name.remove(name) else {
            return;
        };
        for (_, key) in binding.keys() {
            let (by_subject, subject) = match key {
                SubjectKey::User(subject) => (&mut self.by_user, subject),
                SubjectKey::Group(subject) => (&mut self.by_group, subject),
            };
            let Some(bindings) = by_subject.get_mut(&subject) else {
                continue;
            };
            bindings.remove(name);
            if bindings.0.is_empty() {
                by_subject.remove(&subject);
            }
        }
    }
}

// === impl SubjectBindings ===

impl SubjectBindings {
    /// The index of a binding, or the index to insert it at.
    fn find(&self, name: &str) -> Result<usize, usize> {
        self.0
            .binary_search_by(|(binding, _)| binding.name.as_str().cmp(name))
    }

    /// Keeps the first subject if the binding is already present.
    fn insert(&mut self, binding: &Arc<Binding>, subject: usize) {
        if let Err(index) = self.find(&binding.name) {
            self.0.insert(index, (Arc::clone(binding), subject));
        }
    }

    fn remove(&mut self, name: &str) {
        if let Ok(index) = self.find(name) {
            self.0.remove(index);
        }
    }
}
