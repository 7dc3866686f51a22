//! The policies in force, and their bindings.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use k8s_openapi::api::admissionregistration::v1::{
    ValidatingAdmissionPolicy, ValidatingAdmissionPolicyBinding,
};

use super::compiled::{Binding, Policy};
use crate::matching::by_resource::ByResource;

/// All policies and bindings, which the server keeps up to date. A change compiles what changed, and
/// puts a new index in force as a whole.
#[derive(Default)]
pub struct ValidatingPolicies {
    known: Mutex<Known>,
    current: RwLock<Arc<Bound>>,
}

/// By name, which is the order in which policies, and the bindings of one, are evaluated.
#[derive(Default)]
struct Known {
    policies: BTreeMap<String, Arc<Policy>>,
    bindings: BTreeMap<String, Arc<Binding>>,
}

/// The policies that are bound, by the resources that they are about.
pub(crate) type Bound = ByResource<Arc<BoundPolicy>>;

/// A policy, and its bindings.
pub(crate) struct BoundPolicy {
    pub(crate) policy: Arc<Policy>,
    pub(crate) bindings: Vec<Arc<Binding>>,
}

impl fmt::Debug for ValidatingPolicies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ValidatingPolicies").finish_non_exhaustive()
    }
}

impl ValidatingPolicies {
    /// Replaces all policies.
    pub fn replace_policies<'p>(
        &self,
        policies: impl Iterator<Item = &'p ValidatingAdmissionPolicy>,
    ) {
        let policies: Vec<_> = policies.collect();
        self.change(|known| {
            let before = std::mem::take(&mut known.policies);
            for policy in policies {
                known.put_policy(policy, &before);
            }
        });
    }

    /// Adds a policy, or replaces the one of that name.
    pub fn put_policy(&self, policy: &ValidatingAdmissionPolicy) {
        let name = policy.metadata.name.as_deref().unwrap_or_default();
        {
            // mostly a change of status
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let compiled = known.policies.get(name);
            if compiled.is_some_and(|known| Some(&known.spec) == policy.spec.as_ref()) {
                return;
            }
        }
        self.change(|known| known.put_policy(policy, &BTreeMap::new()));
    }

    /// Removes a policy.
    pub fn delete_policy(&self, name: &str) {
        self.change(|known| drop(known.policies.remove(name)));
    }

    /// Replaces all bindings.
    pub fn replace_bindings<'b>(
        &self,
        bindings: impl Iterator<Item = &'b ValidatingAdmissionPolicyBinding>,
    ) {
        let bindings: Vec<_> = bindings.collect();
        self.change(|known| {
            known.bindings.clear();
            for binding in bindings {
                known.put_binding(binding);
            }
        });
    }

    /// Adds a binding, or replaces the one of that name.
    pub fn put_binding(&self, binding: &ValidatingAdmissionPolicyBinding) {
        self.change(|known| known.put_binding(binding));
    }

    /// Removes a binding.
    pub fn delete_binding(&self, name: &str) {
        self.change(|known| drop(known.bindings.remove(name)));
    }

    /// The policies in force.
    pub(crate) fn current(&self) -> Arc<Bound> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        let bound = Arc::new(known.bound());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = bound;
    }
}

impl Known {
    /// `before` has policies that are compiled already.
    fn put_policy(
        &mut self,
        policy: &ValidatingAdmissionPolicy,
        before: &BTreeMap<String, Arc<Policy>>,
    ) {
        let name = policy.metadata.name.clone().unwrap_or_default();
        let Some(spec) = &policy.spec else {
            self.policies.remove(&name);
            return;
        };
        let same = before.get(&name).filter(|known| known.spec == *spec);
        let compiled = match same {
            Some(same) => Arc::clone(same),
            None => Arc::new(Policy::new(&name, spec)),
        };
        self.policies.insert(name, compiled);
    }

    fn put_binding(&mut self, binding: &ValidatingAdmissionPolicyBinding) {
        let name = binding.metadata.name.clone().unwrap_or_default();
        let compiled = Binding::new(&name, &binding.spec);
        self.bindings.insert(name, Arc::new(compiled));
    }

    fn bound(&self) -> Bound {
        let mut bindings: BTreeMap<&str, Vec<Arc<Binding>>> = BTreeMap::new();
        for binding in self.bindings.values() {
            let policy = binding.spec.policy_name.as_str();
            bindings
                .entry(policy)
                .or_default()
                .push(Arc::clone(binding));
        }
        let bound: Vec<_> = bindings
            .into_iter()
            .filter_map(|(name, bindings)| {
                let policy = Arc::clone(self.policies.get(name)?);
                Some(Arc::new(BoundPolicy { policy, bindings }))
            })
            .collect();
        Bound::new(&bound, |bound| {
            let matches = bound.policy.matches.as_ref();
            matches.map_or(&[], |matches| &matches.rules)
        })
    }
}
