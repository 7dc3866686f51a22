//! The second run of the mutating plugins, which follows if a webhook changed the object.
//!
//! Upstream: `k8s.io/apiserver/pkg/admission/reinvocation.go` and
//! `plugin/webhook/mutating/reinvocationcontext.go`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which webhooks ran for a request, and which run again.
#[derive(Debug, Default)]
pub struct Reinvocation {
    is_second_run: bool,
    /// Whether a webhook changed the object.
    is_needed: bool,
    /// Webhooks with `IfNeeded` that have got the current object.
    up_to_date: BTreeSet<Arc<str>>,
    /// Webhooks with `IfNeeded` that got the object before it changed.
    stale: BTreeSet<Arc<str>>,
    /// The object after a plugin's first run, if part of the plugin may run again.
    left: BTreeMap<&'static str, Option<Vec<u8>>>,
}

impl Reinvocation {
    /// Begins the second run, if one is needed. There is no third.
    pub(crate) fn begin(&mut self) -> bool {
        let begins = self.is_needed && !self.is_second_run;
        self.is_second_run |= begins;
        begins
    }

    /// Whether the mutating plugins run for the second time.
    pub const fn is_second_run(&self) -> bool {
        self.is_second_run
    }

    /// Whether a webhook is to be called in this run. The second run calls only webhooks that were
    /// called in the first.
    pub(crate) fn includes(&self, webhook: &str) -> bool {
        !self.is_second_run || self.stale.contains(webhook)
    }

    /// A webhook changed the object.
    pub(crate) fn changed(&mut self) {
        self.is_needed = true;
        self.outdate();
    }

    /// The object changed: webhooks that ran before have not got it.
    pub(crate) fn outdate(&mut self) {
        self.stale.append(&mut self.up_to_date);
    }

    /// A webhook with `IfNeeded` ran.
    pub(crate) fn ran(&mut self, webhook: &Arc<str>) {
        self.up_to_date.insert(Arc::clone(webhook));
    }

    /// In the first run: notes the object after a plugin.
    pub(crate) fn leave(&mut self, plugin: &'static str, object: Option<Vec<u8>>) {
        self.left.insert(plugin, object);
    }

    /// In the second run: if the object differs from the plugin's result, other plugins have changed it.
    pub(crate) fn compare(&mut self, plugin: &'static str, object: &Option<Vec<u8>>) {
        if self.left.get(plugin).is_some_and(|left| left != object) {
            self.outdate();
        }
    }

    /// Whether any webhook would be called again if the object changed.
    pub(crate) fn has_reinvocable(&self) -> bool {
        !self.up_to_date.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_webhook_runs_again_if_the_object_changed_after_it() {
        let (one, two): (Arc<str>, Arc<str>) = ("one".into(), "two".into());
        let mut reinvocation = Reinvocation::default();
        assert!(!reinvocation.begin(), "nothing changed");
        assert!(reinvocation.includes("one"));
        reinvocation.ran(&one);
        reinvocation.changed();
        reinvocation.ran(&two);
        assert!(reinvocation.begin());
        assert!(reinvocation.includes("one"));
        assert!(!reinvocation.includes("two"), "it saw the change");
        assert!(!reinvocation.includes("three"), "it never ran");
        reinvocation.outdate();
        assert!(reinvocation.includes("two"), "another plugin changed it");
        reinvocation.changed();
        assert!(!reinvocation.begin(), "there is no third run");
    }
}
