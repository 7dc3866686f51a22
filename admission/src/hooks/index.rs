//! The webhooks of all configurations, by the resources that their rules name.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use k8s_openapi::api::admissionregistration::v1::{MutatingWebhook, ValidatingWebhook};

use super::compiled::{Hook, unified};
use super::connect::{Connect, Nowhere};
use crate::matching::by_resource::ByResource;

/// The webhooks of both kinds of configurations, which the server keeps up to date.
pub struct Webhooks {
    mutating: HookIndex,
    validating: HookIndex,
}

impl Webhooks {
    /// No webhooks yet; these find the endpoints of each kind.
    pub fn new(mutating: Arc<dyn Connect>, validating: Arc<dyn Connect>) -> Self {
        Self {
            mutating: HookIndex::new(mutating),
            validating: HookIndex::new(validating),
        }
    }

    /// The webhooks of `MutatingWebhookConfiguration`s.
    pub const fn mutating(&self) -> &HookIndex {
        &self.mutating
    }

    /// The webhooks of `ValidatingWebhookConfiguration`s.
    pub const fn validating(&self) -> &HookIndex {
        &self.validating
    }
}

impl Default for Webhooks {
    /// Webhooks whose endpoints cannot be reached.
    fn default() -> Self {
        Self::new(Arc::new(Nowhere), Arc::new(Nowhere))
    }
}

impl fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhooks").finish_non_exhaustive()
    }
}

/// The webhooks of one kind of configurations. A change compiles that configuration, and puts a new
/// index in force as a whole.
pub struct HookIndex {
    connect: Arc<dyn Connect>,
    /// By name, which is the order in which they are called.
    configurations: Mutex<BTreeMap<String, Vec<Arc<Hook>>>>,
    current: RwLock<Arc<Hooks>>,
}

impl HookIndex {
    fn new(connect: Arc<dyn Connect>) -> Self {
        Self {
            connect,
            configurations: Mutex::default(),
            current: RwLock::default(),
        }
    }

    /// Replaces all configurations.
    pub fn replace(&self, configurations: impl Iterator<Item = (String, Vec<MutatingWebhook>)>) {
        let compiled = configurations.map(|(name, webhooks)| {
            let hooks = Hook::all(&name, &webhooks, &*self.connect);
            (name, hooks)
        });
        let compiled = compiled.collect();
        self.change(|configurations| *configurations = compiled);
    }

    /// Adds a configuration, or replaces the one of that name.
    pub fn put(&self, name: &str, webhooks: &[MutatingWebhook]) {
        let hooks = Hook::all(name, webhooks, &*self.connect);
        self.change(|configurations| drop(configurations.insert(name.to_owned(), hooks)));
    }

    /// Removes a configuration.
    pub fn delete(&self, name: &str) {
        self.change(|configurations| drop(configurations.remove(name)));
    }

    /// The webhooks of a validating configuration, as this index has them.
    pub fn unify(webhooks: &[ValidatingWebhook]) -> Vec<MutatingWebhook> {
        webhooks.iter().map(unified).collect()
    }

    /// The webhooks in force.
    pub(crate) fn current(&self) -> Arc<Hooks> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(&current)
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Vec<Arc<Hook>>>)) {
        let configurations = self.configurations.lock();
        let mut configurations = configurations.unwrap_or_else(PoisonError::into_inner);
        change(&mut configurations);
        let hooks = listed(configurations.values().flatten().cloned());
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(hooks);
    }
}

/// A webhook, and its position among all of its kind.
#[derive(Clone)]
pub(crate) struct Listed {
    pub(crate) position: usize,
    pub(crate) hook: Arc<Hook>,
}

/// The webhooks in force, in the order in which they are called.
pub(crate) type Hooks = ByResource<Listed>;

fn listed(hooks: impl Iterator<Item = Arc<Hook>>) -> Hooks {
    let listed = hooks.enumerate();
    let all: Vec<_> = listed
        .map(|(position, hook)| Listed { position, hook })
        .collect();
    Hooks::new(&all, |listed| &listed.hook.rules)
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::admissionregistration::v1::RuleWithOperations;

    use super::*;

    fn webhook(name: &str, resources: &[&str]) -> MutatingWebhook {
        MutatingWebhook {
            name: name.to_owned(),
            rules: Some(vec![RuleWithOperations {
                resources: Some(resources.iter().map(|r| (*r).to_owned()).collect()),
                ..RuleWithOperations::default()
            }]),
            ..MutatingWebhook::default()
        }
    }

    #[test]
    fn webhooks_are_found_by_resource_in_the_order_of_configurations() {
        let webhooks = Webhooks::default();
        let index = webhooks.mutating();
        let about = |resource: &str| -> Vec<_> {
            let hooks = index.current();
            let named = hooks.about(resource).iter().map(|l| l.hook.uid.to_string());
            named.collect()
        };
        assert!(about("pods").is_empty());
        index.put("b", &[webhook("one", &["pods", "secrets/*"])]);
        index.put(
            "a",
            &[
                webhook("two", &["pods/exec"]),
                webhook("two", &["*/*"]),
                webhook("two", &["nodes"]),
            ],
        );
        assert_eq!(about("pods"), ["a/two/0", "a/two/1", "b/one/0"]);
        assert_eq!(about("secrets"), ["a/two/1", "b/one/0"]);
        assert_eq!(about("services"), ["a/two/1"]);
        index.put("a", &[webhook("three", &["pods"])]);
        assert_eq!(about("pods"), ["a/three/0", "b/one/0"]);
        assert!(about("services").is_empty());
        index.delete("a");
        assert_eq!(about("pods"), ["b/one/0"]);
        index.replace([("c".to_owned(), vec![webhook("four", &["pods"])])].into_iter());
        assert_eq!(about("pods"), ["c/four/0"]);
    }
}
