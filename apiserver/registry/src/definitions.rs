//! Definitions of kinds, and the catalogue made from them.
//!
//! Every server has its own catalogue, fed by the watch cache: a definition is served here as soon as the
//! write that established it returns, and by other servers one watch event later.

use std::collections::BTreeMap;
use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use parking_lot::Mutex;
use portcullis_kinds::catalogue::Catalogue;
use portcullis_kinds::custom::CustomKind;
use portcullis_kinds::kinds::custom_resource_definition::{
    ESTABLISHED, NAMES_ACCEPTED, TERMINATING, is_true,
};
use portcullis_kinds::row::row;
use portcullis_kinds::shared::ResourceRef;
use portcullis_kinds::table;
use portcullis_storage::cache::Cache;

use crate::catalogues::CurrentCatalogue;
use crate::informer::{Sink, feed};

/// Keeps the catalogue up to date with the stored definitions.
pub fn start(cache: &Cache, prefix: &str, catalogues: Arc<CurrentCatalogue>) {
    let definitions = Arc::new(Definitions {
        served: Mutex::default(),
        catalogues,
    });
    feed::<CustomResourceDefinition>(
        cache,
        prefix,
        table::CUSTOM_RESOURCE_DEFINITIONS,
        definitions,
    );
}

/// The rows of the served definitions.
struct Definitions {
    served: Mutex<Served>,
    catalogues: Arc<CurrentCatalogue>,
}

/// By the name of their definition.
type Served = BTreeMap<String, Row>;

/// A served row.
struct Row {
    resource: ResourceRef,
    /// Whether its definition is being deleted.
    terminating: bool,
}

impl Definitions {
    /// Adds a definition, or replaces it; one that is not served is removed.
    ///
    /// One whose schema cannot be compiled is logged and not served: validation rejects it here, but another
    /// server may have written it. Returns whether the catalogue must be rebuilt.
    fn update(served: &mut Served, definition: &CustomResourceDefinition) -> bool {
        let name = definition.metadata.name.clone().unwrap_or_default();
        if !is_true(definition, NAMES_ACCEPTED) && !is_true(definition, ESTABLISHED) {
            return served.remove(&name).is_some();
        }
        let terminating = is_true(definition, TERMINATING);
        if let Some(row) = served.get_mut(&name)
            && let Some(known) = row.resource.strategy.custom()
            && known.is_of(&definition.spec)
        {
            return std::mem::replace(&mut row.terminating, terminating) != terminating;
        }
        match CustomKind::compile(definition) {
            Ok(kind) => {
                let row = row(definition, Arc::new(kind));
                let row = Row {
                    resource: ResourceRef::Made(Arc::new(row)),
                    terminating,
                };
                served.insert(name, row);
                true
            }
            Err(error) => {
                tracing::error!(definition = name, %error, "a definition cannot be served");
                served.remove(&name).is_some()
            }
        }
    }

    fn publish(&self, served: &Served) {
        let rows = served.values().map(|row| row.resource.clone());
        let terminating = served.values().filter(|row| row.terminating);
        let terminating = terminating.map(|row| row.resource.clone());
        let offer = self.catalogues.current().offer().clone();
        let catalogue = Catalogue::of(offer, rows).with_terminating(terminating);
        self.catalogues.replace(catalogue);
    }
}

impl Sink<CustomResourceDefinition> for Definitions {
    fn reset(&self, objects: &mut dyn Iterator<Item = Arc<CustomResourceDefinition>>) {
        let mut served = self.served.lock();
        let mut fresh = BTreeMap::new();
        for definition in objects {
            Self::update(&mut fresh, &definition);
        }
        *served = fresh;
        self.publish(&served);
    }

    fn put(&self, object: Arc<CustomResourceDefinition>) {
        let mut served = self.served.lock();
        if Self::update(&mut served, &object) {
            self.publish(&served);
        }
    }

    fn delete(&self, _namespace: &str, name: &str) {
        let mut served = self.served.lock();
        if served.remove(name).is_some() {
            self.publish(&served);
        }
    }
}
