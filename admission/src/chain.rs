//! The plugins in their order: all mutate, later all validate, and the first no ends it.

use std::sync::Arc;
use std::time::Instant;

use portcullis_api::Status;
use prometheus::core::Collector;

pub use crate::metrics::Phase;
use crate::metrics::{Durations, Metrics};
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
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "plugins need none")]
pub struct Chain {
    mutating: Vec<Link<dyn MutatingPlugin>>,
    validating: Vec<Link<dyn ValidatingPlugin>>,
    /// Of each half as a whole.
    steps: [Durations; 2],
    metrics: Metrics,
}

/// A plugin, and how it fares.
struct Link<P: ?Sized> {
    plugin: Arc<P>,
    durations: Durations,
}

// === impl Chain ===

impl Chain {
    /// A chain of plugins in their order.
    pub(crate) fn new(plugins: impl IntoIterator<Item = Roles>) -> Self {
        let metrics = Metrics::new();
        let mut chain = Self {
            mutating: Vec::new(),
            validating: Vec::new(),
            steps: [Phase::Mutate, Phase::Validate].map(|phase| metrics.of_step(phase)),
            metrics,
        };
        for roles in plugins {
            chain.mutating.extend(roles.mutating.map(|plugin| Link {
                durations: chain.metrics.of_plugin(plugin.name(), Phase::Mutate),
                plugin,
            }));
            chain.validating.extend(roles.validating.map(|plugin| Link {
                durations: chain.metrics.of_plugin(plugin.name(), Phase::Validate),
                plugin,
            }));
        }
        chain
    }

    /// Lets every plugin change the object.
    ///
    /// # Errors
    /// The first plugin's no.
    pub async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Refusal> {
        let (operation, began) = (attributes.operation, Instant::now());
        let mut answer = Ok(());
        for Link { plugin, durations } in &self.mutating {
            if plugin.handles(operation) {
                let before = attributes.traced_object();
                let began = Instant::now();
                let said = plugin.mutate(attributes).await;
                durations.observe(operation, said.is_err(), began.elapsed());
                if let Some(trace) = attributes.trace {
                    let after = attributes.traced_object();
                    let change = (before != after).then_some(Change { before, after });
                    trace.step(plugin.name(), Phase::Mutate, change, &said);
                }
                answer = refusal(plugin.name(), said);
                if answer.is_err() {
                    break;
                }
            }
        }
        let [step, _] = &self.steps;
        step.observe(operation, answer.is_err(), began.elapsed());
        answer
    }

    /// Lets every plugin judge the object as it is to be stored.
    ///
    /// # Errors
    /// The first plugin's no.
    pub async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Refusal> {
        let (operation, began) = (attributes.operation, Instant::now());
        let mut answer = Ok(());
        for Link { plugin, durations } in &self.validating {
            if plugin.handles(operation) {
                let began = Instant::now();
                let said = plugin.validate(attributes).await;
                durations.observe(operation, said.is_err(), began.elapsed());
                if let Some(trace) = attributes.trace {
                    trace.step(plugin.name(), Phase::Validate, None, &said);
                }
                answer = refusal(plugin.name(), said);
                if answer.is_err() {
                    break;
                }
            }
        }
        let [_, step] = &self.steps;
        step.observe(operation, answer.is_err(), began.elapsed());
        answer
    }

    /// How the plugins fare, to be registered.
    pub fn collectors(&self) -> [Box<dyn Collector>; 2] {
        self.metrics.collectors()
    }
}

fn refusal(plugin: &'static str, answer: Result<(), Status>) -> Result<(), Refusal> {
    answer.map_err(|status| Refusal { plugin, status })
}

impl Default for Chain {
    /// A chain of no plugins.
    fn default() -> Self {
        Self::new([])
    }
}

// === impl Link ===

impl<P: ?Sized> Clone for Link<P> {
    fn clone(&self) -> Self {
        Self {
            plugin: Arc::clone(&self.plugin),
            durations: self.durations.clone(),
        }
    }
}
