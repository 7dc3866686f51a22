//! The plugins in their order: all mutate, later all validate, and the first no ends it.

use std::sync::Arc;

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
    mutating: Vec<Arc<dyn MutatingPlugin>>,
    validating: Vec<Arc<dyn ValidatingPlugin>>,
}

impl Chain {
    pub(crate) fn new(plugins: impl IntoIterator<Item = Roles>) -> Self {
        let mut chain = Self::default();
        for roles in plugins {
            chain.mutating.extend(roles.mutating);
            chain.validating.extend(roles.validating);
        }
        chain
    }

    /// Lets every plugin change the object.
    ///
    /// # Errors
    /// The first plugin's no.
    pub async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Refusal> {
        for plugin in &self.mutating {
            if plugin.handles(attributes.operation) {
                let answer = plugin.mutate(attributes).await;
                answer.map_err(|status| Refusal {
                    plugin: plugin.name(),
                    status,
                })?;
            }
        }
        Ok(())
    }

    /// Lets every plugin judge the object as it is to be stored.
    ///
    /// # Errors
    /// The first plugin's no.
    pub async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Refusal> {
        for plugin in &self.validating {
            if plugin.handles(attributes.operation) {
                let answer = plugin.validate(attributes).await;
                answer.map_err(|status| Refusal {
                    plugin: plugin.name(),
                    status,
                })?;
            }
        }
        Ok(())
    }
}
