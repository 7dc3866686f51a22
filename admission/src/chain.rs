//! The selected plugins in order. The mutating phase runs before validation of the object, the
//! validating phase after it; the first denial ends the request.

use std::sync::Arc;
use std::time::Instant;

use portcullis_api::Status;
use prometheus::core::Collector;

pub use crate::metrics::Phase;
use crate::metrics::{CallbackMetrics, Durations, Metrics};
use crate::trace::Change;
use crate::{Attributes, Denial, MutatingPlugin, Operation, ValidatingPlugin};

/// The operations for which a plugin is called in one phase.
pub(crate) type Operations = &'static [Operation];

/// The selected plugins, in upstream's order (`k8s.io/apiserver/pkg/admission/chain.go`).
#[derive(Clone)]
#[allow(missing_debug_implementations, reason = "plugins do not implement it")]
pub struct Chain {
    mutating: Vec<Link<dyn MutatingPlugin>>,
    validating: Vec<Link<dyn ValidatingPlugin>>,
    /// The durations of each phase as a whole.
    phases: [Durations; 2],
    metrics: Metrics,
}

/// A plugin in one phase.
struct Link<P: ?Sized> {
    name: &'static str,
    operations: Operations,
    plugin: Arc<P>,
    durations: Durations,
}

// === impl Chain ===

impl Chain {
    pub(crate) fn add_mutating(
        &mut self,
        name: &'static str,
        operations: Operations,
        plugin: Arc<dyn MutatingPlugin>,
    ) {
        self.mutating.push(Link {
            name,
            operations,
            plugin,
            durations: self.metrics.of_plugin(name, Phase::Mutate),
        });
    }

    pub(crate) fn add_validating(
        &mut self,
        name: &'static str,
        operations: Operations,
        plugin: Arc<dyn ValidatingPlugin>,
    ) {
        self.validating.push(Link {
            name,
            operations,
            plugin,
            durations: self.metrics.of_plugin(name, Phase::Validate),
        });
    }

    /// Runs the mutating plugins, and once more if a webhook changed the object.
    ///
    /// # Errors
    /// The first [`Denial`].
    pub async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Denial> {
        let (operation, start) = (attributes.operation, Instant::now());
        let mut outcome = self.mutate_once(attributes).await;
        if outcome.is_ok() && attributes.reinvocation.begin() {
            outcome = self.mutate_once(attributes).await;
        }
        let [durations, _] = &self.phases;
        durations.observe(operation, outcome.is_err(), start.elapsed());
        outcome
    }

    async fn mutate_once(&self, attributes: &mut Attributes<'_>) -> Result<(), Denial> {
        let operation = attributes.operation;
        for link in self.mutating.iter().filter(|link| link.handles(operation)) {
            let before = attributes.traced_object();
            let start = Instant::now();
            let result = link.plugin.mutate(attributes).await;
            link.durations
                .observe(operation, result.is_err(), start.elapsed());
            if let Some(trace) = attributes.trace {
                let after = attributes.traced_object();
                let change = (before != after).then_some(Change { before, after });
                trace.step(link.name, Phase::Mutate, change, &result);
            }
            link.outcome(result)?;
        }
        Ok(())
    }

    /// Runs the validating plugins.
    ///
    /// # Errors
    /// The first [`Denial`].
    pub async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Denial> {
        let (operation, start) = (attributes.operation, Instant::now());
        let mut outcome = Ok(());
        for link in self.validating.iter().filter(|l| l.handles(operation)) {
            let start = Instant::now();
            let result = link.plugin.validate(attributes).await;
            link.durations
                .observe(operation, result.is_err(), start.elapsed());
            if let Some(trace) = attributes.trace {
                trace.step(link.name, Phase::Validate, None, &result);
            }
            outcome = link.outcome(result);
            if outcome.is_err() {
                break;
            }
        }
        let [_, durations] = &self.phases;
        durations.observe(operation, outcome.is_err(), start.elapsed());
        outcome
    }

    /// The metrics of plugins, phases, webhooks and policies, to be registered.
    pub fn collectors(&self) -> impl Iterator<Item = Box<dyn Collector>> {
        self.metrics.collectors()
    }
}

impl Default for Chain {
    /// A chain without plugins.
    fn default() -> Self {
        Self::counting(CallbackMetrics::default())
    }
}

impl Chain {
    /// A chain without plugins yet, for plugins that count with `callbacks`.
    pub(crate) fn counting(callbacks: CallbackMetrics) -> Self {
        let metrics = Metrics::new(callbacks);
        Self {
            mutating: Vec::new(),
            validating: Vec::new(),
            phases: [Phase::Mutate, Phase::Validate].map(|phase| metrics.of_phase(phase)),
            metrics,
        }
    }
}

// === impl Link ===

impl<P: ?Sized> Link<P> {
    fn handles(&self, operation: Operation) -> bool {
        self.operations.contains(&operation)
    }

    fn outcome(&self, result: Result<(), Status>) -> Result<(), Denial> {
        result.map_err(|status| Denial {
            plugin: self.name,
            status,
        })
    }
}

impl<P: ?Sized> Clone for Link<P> {
    fn clone(&self) -> Self {
        Self {
            name: self.name,
            operations: self.operations,
            plugin: Arc::clone(&self.plugin),
            durations: self.durations.clone(),
        }
    }
}
