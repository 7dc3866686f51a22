//! The plugins in their order: all mutate, later all validate, and the first no ends it.

use std::sync::Arc;
use std::time::Instant;

use portcullis_api::Status;

pub use crate::metrics::Phase;
use crate::metrics::{Counters, Sample};
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
    /// Of each half as a whole.
    steps: [Arc<Counters>; 2],
}

/// A plugin, and how it fares.
struct Link<P: ?Sized> {
    plugin: Arc<P>,
    counters: Arc<Counters>,
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
        let (operation, began) = (attributes.operation, Instant::now());
        let mut answer = Ok(());
        for Link { plugin, counters } in &self.mutating {
            if plugin.handles(operation) {
                let before = attributes.traced_object();
                let began = Instant::now();
                let said = plugin.mutate(attributes).await;
                counters.note(operation, said.is_err(), began.elapsed());
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
        step.note(operation, answer.is_err(), began.elapsed());
        answer
    }

    /// Lets every plugin judge the object as it is to be stored.
    ///
    /// # Errors
    /// The first plugin's no.
    pub async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Refusal> {
        let (operation, began) = (attributes.operation, Instant::now());
        let mut answer = Ok(());
        for Link { plugin, counters } in &self.validating {
            if plugin.handles(operation) {
                let began = Instant::now();
                let said = plugin.validate(attributes).await;
                counters.note(operation, said.is_err(), began.elapsed());
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
        step.note(operation, answer.is_err(), began.elapsed());
        answer
    }

    /// How the plugins fare, in their order, and then each half of the chain.
    pub fn metrics(&self) -> Vec<Sample> {
        let mutating = self.mutating.iter().flat_map(|link| {
            let name = Some(link.plugin.name());
            link.counters.samples(name, Phase::Mutate)
        });
        let validating = self.validating.iter().flat_map(|link| {
            let name = Some(link.plugin.name());
            link.counters.samples(name, Phase::Validate)
        });
        let phases = [Phase::Mutate, Phase::Validate].into_iter();
        let steps = phases
            .zip(&self.steps)
            .flat_map(|(phase, step)| step.samples(None, phase));
        mutating.chain(validating).chain(steps).collect()
    }
}

fn refusal(plugin: &'static str, answer: Result<(), Status>) -> Result<(), Refusal> {
    answer.map_err(|status| Refusal { plugin, status })
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
