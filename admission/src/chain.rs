//! The plugins in their order: all mutate, later all validate, and the first no ends it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use portcullis_api::Status;

use crate::trace::Change;
use crate::{Attributes, MutatingPlugin, Refusal, ValidatingPlugin};

/// A plugin in the one or two roles it plays.
#[derive(Clone, Default)]
pub(crate) struct Roles {
    pub(crate) mutating: Option<Arc<dyn MutatingPlugin>>,
    pub(crate) validating: Option<Arc<dyn ValidatingPlugin>>,
}

impl Roles {
    pub(crate) fn mutating(plugin: impl MutatingPlugin) -> Self {
        Self {
            mutating: Some(Arc::new(plugin)),
            validating: None,
        }
    }

    pub(crate) fn validating(plugin: impl ValidatingPlugin) -> Self {
        Self {
            mutating: None,
            validating: Some(Arc::new(plugin)),
        }
    }

    pub(crate) fn both(plugin: impl MutatingPlugin + ValidatingPlugin) -> Self {
        let plugin = Arc::new(plugin);
        Self {
            mutating: Some(plugin.clone()),
            validating: Some(plugin),
        }
    }
}

/// The selected plugins, in upstream's order (`k8s.io/apiserver/pkg/admission/chain.go`).
#[derive(Clone, Default)]
#[allow(missing_debug_implementations, reason = "plugins need none")]
pub struct Chain {
    mutating: Vec<Link<dyn MutatingPlugin>>,
    validating: Vec<Link<dyn ValidatingPlugin>>,
}

/// A plugin, and how it fares.
struct Link<P: ?Sized> {
    plugin: Arc<P>,
    counters: Arc<Counters>,
}

#[derive(Debug, Default)]
struct Counters {
    calls: AtomicU64,
    refusals: AtomicU64,
    nanos: AtomicU64,
}

/// In which half of the chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Upstream's metrics call it `admit`.
    Mutate,
    /// Upstream's metrics call it `validate`.
    Validate,
}

/// What a plugin has done since the chain was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PluginMetrics {
    /// Which plugin.
    pub plugin: &'static str,
    /// In which half of the chain.
    pub phase: Phase,
    /// Requests it looked at.
    pub calls: u64,
    /// Requests it refused.
    pub refusals: u64,
    /// The time it took for all of them.
    pub time: Duration,
}

// === impl Chain ===

impl Chain {
    pub(crate) fn new(plugins: impl IntoIterator<Item = Roles>) -> Self {
        let mut chain = Self::default();
        for roles in plugins {
            chain.mutating.extend(roles.mutating.map(Link::new));
            chain.validating.extend(roles.validating.map(Link::new));
        }
        chain
    }

    /// Lets every plugin change the object.
    ///
    /// # Errors
    /// The first plugin's no.
    pub async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Refusal> {
        for Link { plugin, counters } in &self.mutating {
            if plugin.handles(attributes.operation) {
                let before = attributes.traced_object();
                let began = Instant::now();
                let answer = plugin.mutate(attributes).await;
                if let Some(trace) = attributes.trace {
                    let after = attributes.traced_object();
                    let change = (before != after).then_some(Change { before, after });
                    trace.step(plugin.name(), Phase::Mutate, change, &answer);
                }
                counters.note(plugin.name(), began, answer)?;
            }
        }
        Ok(())
    }

    /// Lets every plugin judge the object as it is to be stored.
    ///
    /// # Errors
    /// The first plugin's no.
    pub async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Refusal> {
        for Link { plugin, counters } in &self.validating {
            if plugin.handles(attributes.operation) {
                let began = Instant::now();
                let answer = plugin.validate(attributes).await;
                if let Some(trace) = attributes.trace {
                    trace.step(plugin.name(), Phase::Validate, None, &answer);
                }
                counters.note(plugin.name(), began, answer)?;
            }
        }
        Ok(())
    }

    /// How the plugins fare, in their order.
    pub fn metrics(&self) -> Vec<PluginMetrics> {
        let mutating = self.mutating.iter();
        let mutating = mutating.map(|l| l.counters.read(l.plugin.name(), Phase::Mutate));
        let validating = self.validating.iter();
        let validating = validating.map(|l| l.counters.read(l.plugin.name(), Phase::Validate));
        mutating.chain(validating).collect()
    }
}

// === impl Link ===

impl<P: ?Sized> Link<P> {
    fn new(plugin: Arc<P>) -> Self {
        Self {
            plugin,
            counters: Arc::default(),
        }
    }
}

impl<P: ?Sized> Clone for Link<P> {
    fn clone(&self) -> Self {
        Self {
            plugin: Arc::clone(&self.plugin),
            counters: Arc::clone(&self.counters),
        }
    }
}

// === impl Counters ===

impl Counters {
    fn note(
        &self,
        plugin: &'static str,
        began: Instant,
        answer: Result<(), Status>,
    ) -> Result<(), Refusal> {
        let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        answer.map_err(|status| {
            self.refusals.fetch_add(1, Ordering::Relaxed);
            Refusal { plugin, status }
        })
    }

    fn read(&self, plugin: &'static str, phase: Phase) -> PluginMetrics {
        PluginMetrics {
            plugin,
            phase,
            calls: self.calls.load(Ordering::Relaxed),
            refusals: self.refusals.load(Ordering::Relaxed),
            time: Duration::from_nanos(self.nanos.load(Ordering::Relaxed)),
        }
    }
}
