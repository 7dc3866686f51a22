//! What lists, watches and Tables need to know of an entry: derived once per write.

use std::sync::{Arc, OnceLock};

use portcullis_api::Status;
use portcullis_api::selector::{FieldSelector, LabelSelector, Labels};
use portcullis_storage::Entry;

use crate::codec;
use crate::conversion::Derived;
use portcullis_kinds::resource::Resource;
use portcullis_kinds::strategy::Cell;

/// Facts of one entry.
#[derive(Debug)]
pub struct Facts {
    name: String,
    namespace: String,
    labels: Option<Labels>,
    /// The values of the strategy's selectable fields, in its order.
    fields: Vec<String>,
    cells: OnceLock<Vec<Cell>>,
}

/// What a reader wants to see of a collection.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// By labels.
    pub labels: LabelSelector,
    /// By fields.
    pub fields: FieldSelector,
}

impl Selection {
    /// Whether everything is selected, so that nothing needs to be decoded.
    pub fn is_everything(&self) -> bool {
        self.labels.is_everything() && self.fields.is_everything()
    }

    /// Whether an entry is selected.
    ///
    /// # Errors
    /// A 500 that names the key, if the entry cannot be read.
    pub fn matches(&self, resource: &Resource, entry: &Entry) -> Result<bool, Status> {
        if self.is_everything() {
            return Ok(true);
        }
        let facts = Facts::of(resource, entry)?;
        let field = |name: &str| facts.field(resource, name);
        Ok(self.labels.matches(facts.labels.as_ref()) && self.fields.matches(field))
    }
}

impl Facts {
    /// The facts of an entry, kept with it.
    ///
    /// # Errors
    /// A 500 that names the key, if the entry cannot be read.
    pub fn of(resource: &Resource, entry: &Entry) -> Result<Arc<Self>, Status> {
        if resource.strategy.custom().is_some() {
            let derive = || Self::derive(resource, entry).map(Arc::new);
            return Derived::of(entry).more(derive);
        }
        entry.derived(|entry| Self::derive(resource, entry).map(Arc::new))
    }

    fn derive(resource: &Resource, entry: &Entry) -> Result<Self, Status> {
        let object = codec::object(resource, entry)?;
        let fields = resource.strategy.field_values(object.as_ref());
        let metadata = object.metadata();
        Ok(Self {
            name: metadata.name.clone().unwrap_or_default(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            labels: metadata.labels.clone(),
            fields,
            cells: OnceLock::new(),
        })
    }

    fn field(&self, resource: &Resource, name: &str) -> Option<&str> {
        match name {
            "metadata.name" => Some(&self.name),
            "metadata.namespace" => Some(&self.namespace),
            _ => {
                let at = resource
                    .strategy
                    .selectable_fields()
                    .iter()
                    .position(|f| *f == name)?;
                self.fields.get(at).map(String::as_str)
            }
        }
    }

    /// The cells of the entry's Table row.
    ///
    /// # Errors
    /// A 500 that names the key, if the entry cannot be read.
    pub fn cells(&self, resource: &Resource, entry: &Entry) -> Result<&[Cell], Status> {
        if let Some(cells) = self.cells.get() {
            return Ok(cells);
        }
        let object = codec::object(resource, entry)?;
        Ok(self
            .cells
            .get_or_init(|| resource.strategy.cells(object.as_ref())))
    }
}
