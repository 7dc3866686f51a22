//! What a change finds.

use std::borrow::Cow;
use std::sync::Arc;

use portcullis_api::{Object, Status};
use portcullis_kinds::resource::Resource;
use portcullis_storage::Entry;
use serde_json::Value;

use crate::codec;
use crate::scope::Scope;

/// An object as a change finds it.
pub struct Current {
    /// What is stored.
    pub entry: Arc<Entry>,
    /// As JSON of the stored version, with its resource version.
    pub value: Value,
    /// As its kind's type.
    pub object: Box<dyn Object>,
}

impl Current {
    /// What a change finds, of an entry.
    ///
    /// # Errors
    /// A 500 that names the key, if the entry cannot be read.
    pub fn read(scope: &Scope<'_>, entry: Arc<Entry>) -> Result<Self, Status> {
        if scope.resource.strategy.custom().is_some() {
            return Self::read_custom(scope, entry);
        }
        let mut value = codec::value(&entry)?;
        let object = codec::typed(scope.resource, &value)
            .map_err(|e| Status::internal(format!("cannot read {}: {e}", entry.key)))?;
        let label = value.get("apiVersion").and_then(Value::as_str);
        let resource = scope.resource;
        if resource.conversion(label.unwrap_or_default()).is_some() {
            value = codec::served(resource, &resource.api_version(), object.as_ref());
        }
        Ok(Self {
            entry,
            value,
            object,
        })
    }

    /// Custom objects are changed in the version of the request, by its schema.
    fn read_custom(scope: &Scope<'_>, entry: Arc<Entry>) -> Result<Self, Status> {
        let resource = scope.resource;
        let stored = resource.api_version();
        let api_version = match scope.api_version {
            "" => &stored,
            api_version => api_version,
        };
        let object = codec::object_as(resource, api_version, &entry)?;
        Ok(Self {
            value: object.to_value(resource.type_meta(api_version)),
            entry,
            object,
        })
    }

    /// As JSON of a version that serves it, with its resource version.
    pub fn served(&self, resource: &Resource, api_version: &str) -> Cow<'_, Value> {
        if resource.conversion(api_version).is_some() {
            return Cow::Owned(codec::served(resource, api_version, self.object.as_ref()));
        }
        let label = self.value.get("apiVersion").and_then(Value::as_str);
        let mut value = Cow::Borrowed(&self.value);
        if label != Some(api_version)
            && let Some(fields) = value.to_mut().as_object_mut()
        {
            fields.insert("apiVersion".into(), api_version.into());
        }
        value
    }
}
