//! The policies there are, compiled, in the order in which they are tried.

use std::sync::{Arc, PoisonError, RwLock};

use portcullis_api::psp::PodSecurityPolicy;
use tracing::warn;

use super::compiled::CompiledPolicy;

/// Usable policies, sorted by name. Whoever watches the policies feeds it; readers take a snapshot.
#[derive(Debug, Default)]
pub struct PolicyIndex(RwLock<Snapshot>);

/// The policies at one moment, by name in byte order.
pub(super) type Snapshot = Arc<[Arc<CompiledPolicy>]>;

impl PolicyIndex {
    /// Takes a policy in, or its newer version. One that cannot be used (upstream: a strategy that
    /// cannot be built) is logged and, as long as it is so, not there.
    pub fn put(&self, policy: &PodSecurityPolicy) {
        let name = policy.metadata.name.as_deref().unwrap_or_default();
        match CompiledPolicy::compile(policy) {
            Ok(compiled) => self.swap(name, Some(Arc::new(compiled))),
            Err(why) => {
                warn!(policy = name, %why, "pod security policy cannot be used");
                self.swap(name, None);
            }
        }
    }

    /// Forgets a policy.
    pub fn delete(&self, name: &str) {
        self.swap(name, None);
    }

    /// Forgets all policies and takes in these, as after a fresh list.
    pub fn replace<'p>(&self, policies: impl IntoIterator<Item = &'p PodSecurityPolicy>) {
        let fresh = Self::default();
        for policy in policies {
            fresh.put(policy);
        }
        let fresh = fresh.snapshot();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    /// The names of the policies that can be used.
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
