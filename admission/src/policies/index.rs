//! The bound policies of one kind, and their bindings.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::base::Base;
use super::binding::Binding;
use crate::matching::by_resource::ByResource;

/// A policy that is compiled from a specification.
pub(crate) trait Compiled {
    type Spec: PartialEq;

    fn compile(name: &str, spec: &Self::Spec) -> Self;
    fn spec(&self) -> &Self::Spec;
    fn base(&self) -> &Base;
}

/// All policies and bindings. A change compiles only what has changed, and replaces the index as a whole.
pub(crate) struct Index<P> {
    known: Mutex<Known<P>>,
    current: RwLock<Arc<ByResource<Arc<Bound<P>>>>>,
}

/// Sorted by name, which is the order of evaluation of policies, and of the bindings of one.
struct Known<P> {
    policies: BTreeMap<String, Arc<P>>,
    bindings: BTreeMap<String, Arc<Binding>>,
}

/// A policy that is bound, and its bindings.
pub(crate) struct Bound<P> {
    pub(crate) policy: Arc<P>,
    pub(crate) bindings: Vec<Arc<Binding>>,
}

impl<P> Default for Index<P> {
    fn default() -> Self {
        Self {
            known: Mutex::new(Known {
                policies: BTreeMap::new(),
                bindings: BTreeMap::new(),
            }),
            current: RwLock::default(),
        }
    }
}

impl<P: Compiled> Index<P> {
    /// Replaces all policies, by name.
    pub(crate) fn replace_policies<'s>(
        &self,
        policies: impl Iterator<Item = (String, Option<&'s P::Spec>)>,
    ) where
        P::Spec: 's,
    {
        self.change(|known| {
            let before = std::mem::take(&mut known.policies);
            for (name, spec) in policies {
                let Some(spec) = spec else { continue };
                let same = before.get(&name).filter(|known| known.spec() == spec);
                let compiled = match same {
                    Some(same) => Arc::clone(same),
                    None => Arc::new(P::compile(&name, spec)),
                };
                known.policies.insert(name, compiled);
            }
        });
    }

    /// Adds a policy, or replaces the one of that name.
    pub(crate) fn put_policy(&self, name: &str, spec: Option<&P::Spec>) {
        let Some(spec) = spec else {
            return self.delete_policy(name);
        };
        {
            // usually only the status has changed
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known.policies.get(name).is_some_and(|p| p.spec() == spec) {
                return;
            }
        }
        let compiled = Arc::new(P::compile(name, spec));
        self.change(|known| drop(known.policies.insert(name.to_owned(), compiled)));
    }

    /// Removes a policy.
    pub(crate) fn delete_policy(&self, name: &str) {
        self.change(|known| drop(known.policies.remove(name)));
    }

    /// Replaces all bindings.
    pub(crate) fn replace_bindings(&self, bindings: impl Iterator<Item = Binding>) {
        let named = bindings.map(|binding| (binding.name.clone(), Arc::new(binding)));
        self.change(|known| known.bindings = named.collect());
    }

    /// Adds a binding, or replaces the one of that name.
    pub(crate) fn put_binding(&self, binding: Binding) {
        let name = binding.name.clone();
        self.change(|known| drop(known.bindings.insert(name, Arc::new(binding))));
    }

    /// Removes a binding.
    pub(crate) fn delete_binding(&self, name: &str) {
        self.change(|known| drop(known.bindings.remove(name)));
    }

    /// The bound policies, by the resources in their rules.
    pub(crate) fn current(&self) -> Arc<ByResource<Arc<Bound<P>>>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    /// The names of policies without a binding, which are never evaluated.
    pub(crate) fn unbound(&self) -> Vec<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_bound = |name: &String| known.bindings.values().any(|b| b.policy == *name);
        let names = known.policies.keys();
        names.filter(|name| !is_bound(name)).cloned().collect()
    }

    fn change(&self, change: impl FnOnce(&mut Known<P>)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        let bound = Arc::new(known.bound());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = bound;
    }
}

impl<P: Compiled> Known<P> {
    fn bound(&self) -> ByResource<Arc<Bound<P>>> {
        let mut bindings: BTreeMap<&str, Vec<Arc<Binding>>> = BTreeMap::new();
        for binding in self.bindings.values() {
            let policy = binding.policy.as_str();
            bindings
                .entry(policy)
                .or_default()
                .push(Arc::clone(binding));
        }
        let bound: Vec<_> = bindings
            .into_iter()
            .filter_map(|(name, bindings)| {
                let policy = Arc::clone(self.policies.get(name)?);
                Some(Arc::new(Bound { policy, bindings }))
            })
            .collect();
        ByResource::new(&bound, |bound| {
            let matches = bound.policy.base().matches.as_ref();
            matches.map_or(&[], |matches| &matches.rules)
        })
    }
}
