//! The valid policies, compiled, in the order in which they are tried.

use std::sync::{Arc, PoisonError, RwLock};

use portcullis_api::psp::PodSecurityPolicy;
use tracing::warn;

use super::compiled::CompiledPolicy;

/// Valid policies, sorted by name. A watch of the policies keeps it up to date; requests read a
/// snapshot.
#[derive(Debug, Default)]
pub struct PodSecurityPolicyIndex(RwLock<Snapshot>);

/// The policies at one moment, sorted by the bytes of their names.
pub(super) type Snapshot = Arc<[Arc<CompiledPolicy>]>;

impl PodSecurityPolicyIndex {
    /// Inserts or replaces a policy. An invalid one (upstream: a strategy that cannot be created)
    /// is logged and removed.
    pub fn put(&self, policy: &PodSecurityPolicy) {
        let name = policy.metadata.name.as_deref().unwrap_or_default();
        match CompiledPolicy::compile(policy) {
            Ok(compiled) => self.swap(name, Some(Arc::new(compiled))),
            Err(why) => {
                warn!(policy = name, %why, "ignoring an invalid pod security policy");
                self.swap(name, None);
            }
        }
    }

    /// Removes a policy.
    pub fn delete(&self, name: &str) {
        self.swap(name, None);
    }

    /// Replaces all policies, after a new list.
    pub fn replace<'p>(&self, policies: impl IntoIterator<Item = &'p PodSecurityPolicy>) {
        let fresh = Self::default();
        for policy in policies {
            fresh.put(policy);
        }
        let fresh = fresh.snapshot();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// The names of the valid policies.
    pub fn names(&self) -> Vec<String> {
        self.snapshot().iter().map(|p| p.name.clone()).collect()
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let current = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    fn swap(&self, name: &str, newer: Option<Arc<CompiledPolicy>>) {
        let mut current = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let others = current.iter().filter(|p| p.name != name).cloned();
        let mut policies: Vec<_> = others.chain(newer).collect();
        policies.sort_by(|a, b| a.name.cmp(&b.name));
        *current = policies.into();
    }
}
