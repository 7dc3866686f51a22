//! The metrics of a server, put together.

use std::sync::Arc;

use portcullis_registry::Registry;

use crate::metrics::{Metrics, Objects, StoreMetrics};
use crate::program::{platform, version};

/// Metrics with those of the store, the controllers and the program.
pub(super) fn of_server(
    metrics: Metrics,
    store: StoreMetrics,
    registry: &Arc<Registry>,
    prefix: &str,
) -> Metrics {
    let release = registry.catalogues().current().offer().release;
    let objects = Objects {
        storage: registry.storage().clone(),
        prefix: prefix.to_owned(),
    };
    metrics
        .of_store(store, objects)
        .of_controllers(registry.clone())
        .of_build(&version(release), &platform())
}
