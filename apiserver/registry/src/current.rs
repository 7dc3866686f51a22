//! The current state of an object that is to be changed.

use std::borrow::Cow;
use std::sync::Arc;

use portcullis_api::{Object, Status};
use portcullis_kinds::resource::Resource;
use portcullis_storage::Entry;
use serde_json::Value;

use crate::codec;
use crate::conversion::Conversions;
use crate::scope::Scope;

/// The current state of an object that is to be changed.
pub struct Current {
    /// The stored entry.
    pub entry: Arc<Entry>,
    /// As JSON of the stored version, with its resource version.
    pub value: Value,
    /// As its kind's type.
    pub object: Box<dyn Object>,
}

impl Current {
    /// Reads an entry of a built-in kind.
    ///
    /// # Errors
    /// A 500 that names the key, if the entry cannot be read.
    pub fn read(scope: &Scope<'_>, entry: Arc<Entry>) -> Result<Self, Status> {
        let mut value = codec::value(&entry)?;
        let object =
            codec::typed(scope.resource, &value).map_err(|e| codec::unreadable(&entry, e))?;
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

    /// Reads an entry of any kind: custom objects are changed in the version of the request, by its schema.
    ///
    /// # Errors
    /// As [`Current::read`], and for an object that cannot be converted.
    pub async fn find(
        conversions: &Conversions,
        scope: &Scope<'_>,
        entry: Arc<Entry>,
    ) -> Result<Self, Status> {
        let view = conversions.view(scope.resource, scope.api_version, &entry);
        let found = Self::read(scope, view.await?)?;
        Ok(Self { entry, ..found })
    }

    /// As JSON of the requested version, with its resource version.
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
