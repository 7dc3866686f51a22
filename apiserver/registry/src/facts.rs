//! The data of an entry that lists, watches and Tables need: derived once per write.

mod row;

use std::sync::{Arc, OnceLock};

use portcullis_api::selector::{FieldSelector, LabelSelector, Labels};
use portcullis_api::{Object, Status};
use portcullis_storage::Entry;

use crate::codec;
use crate::conversion::Derived;
use portcullis_kinds::resource::Resource;

pub use row::Row;

/// The derived data of one entry.
#[derive(Debug)]
pub struct Facts {
    name: String,
    namespace: String,
    labels: Option<Labels>,
    /// The values of the strategy's selectable fields, in its order.
    fields: Vec<String>,
    row: OnceLock<Arc<Row>>,
}

/// The selected objects of a collection.
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
    /// The derived data of an entry, kept with it.
    ///
    /// # Errors
    /// A 500 that names the key, if the entry cannot be read.
    pub fn of(resource: &Resource, entry: &Entry) -> Result<Arc<Self>, Status> {
        Self::kept(resource, entry, |object| Self::derive(resource, object))
    }

    /// The Table row of an entry, kept with it.
    ///
    /// # Errors
    /// As [`Facts::of`].
    pub fn row(resource: &Resource, entry: &Entry) -> Result<Arc<Row>, Status> {
        let row = |object: &dyn Object| Arc::new(Row::of(resource.strategy.cells(object)));
        // both come of one decoding, if neither is there yet
        let facts = Self::kept(resource, entry, |object| {
            let facts = Self::derive(resource, object);
            facts.row.get_or_init(|| row(object));
            facts
        })?;
        if let Some(row) = facts.row.get() {
            return Ok(row.clone());
        }
        let object = codec::object(resource, entry)?;
        Ok(facts.row.get_or_init(|| row(object.as_ref())).clone())
    }

    /// What is kept with an entry, or what `derive` makes of its object.
    fn kept(
        resource: &Resource,
        entry: &Entry,
        derive: impl Fn(&dyn Object) -> Self,
    ) -> Result<Arc<Self>, Status> {
        let derive = |entry: &Entry| {
            let object = codec::object(resource, entry)?;
            Ok(Arc::new(derive(object.as_ref())))
        };
        if resource.strategy.custom().is_some() {
            return Derived::of(entry).other(|| derive(entry));
        }
        entry.derived(derive)
    }

    fn derive(resource: &Resource, object: &dyn Object) -> Self {
        let fields = resource.strategy.field_values(object);
        let metadata = object.metadata();
        Self {
            name: metadata.name.clone().unwrap_or_default(),
            namespace: metadata.namespace.clone().unwrap_or_default(),
            labels: metadata.labels.clone(),
            fields,
            row: OnceLock::new(),
        }
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
}
