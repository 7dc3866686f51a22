//! Rows of the list of plugins.

use std::sync::Arc;

use crate::chain::Operations;
use crate::lookups::Lookups;
use crate::{MutatingPlugin, ValidatingPlugin};

/// A plugin, as it is listed.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) on_by_default: bool,
    pub(super) plugin: Plugin,
}

/// The operations for which a plugin is called, and its constructor.
#[derive(Clone, Copy)]
pub(super) enum Plugin {
    Mutating(Operations, fn(&Lookups) -> Arc<dyn MutatingPlugin>),
    Validating(Operations, fn(&Lookups) -> Arc<dyn ValidatingPlugin>),
    /// The first operations are of the mutating phase, the second of the validating one.
    Both(Operations, Operations, fn(&Lookups) -> BothPhases),
    /// The plugin can be selected but has no effect, for this reason.
    NoEffect(&'static str),
}
/// One plugin, under both traits.
pub(super) type BothPhases = (Arc<dyn MutatingPlugin>, Arc<dyn ValidatingPlugin>);

/// A plugin of both phases.
pub(super) fn both(plugin: impl MutatingPlugin + ValidatingPlugin) -> BothPhases {
    let plugin = Arc::new(plugin);
    (plugin.clone(), plugin)
}

/// A plugin that runs unless it is disabled.
pub(super) const fn on(name: &'static str, plugin: Plugin) -> Row {
    Row {
        name,
        on_by_default: true,
        plugin,
    }
}

/// A plugin that runs if it is enabled.
pub(super) const fn off(name: &'static str, plugin: Plugin) -> Row {
    Row {
        name,
        on_by_default: false,
        plugin,
    }
}
