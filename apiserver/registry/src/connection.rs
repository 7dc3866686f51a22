//! The options of a connect request, as the object of admission.

use std::any::Any;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::Object;
use portcullis_api::encode::TypeMeta;
use serde_json::{Map, Value};

/// Options such as `PodExecOptions`. They have no metadata.
#[derive(Clone, Debug, Default)]
pub struct ConnectOptions {
    metadata: ObjectMeta,
    fields: Map<String, Value>,
}

impl ConnectOptions {
    /// Options with these fields.
    pub fn new(fields: Map<String, Value>) -> Self {
        Self {
            metadata: ObjectMeta::default(),
            fields,
        }
    }

    /// The options in a document.
    pub(crate) fn of(document: &Value) -> Self {
        let mut fields = document.as_object().cloned().unwrap_or_default();
        fields.remove("kind");
        fields.remove("apiVersion");
        Self::new(fields)
    }
}

impl Object for ConnectOptions {
    fn metadata(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }

    fn encode(&self, type_meta: TypeMeta<'_>) -> Vec<u8> {
        self.to_value(type_meta).to_string().into_bytes()
    }

    fn to_value(&self, type_meta: TypeMeta<'_>) -> Value {
        let mut fields = self.fields.clone();
        fields.insert("kind".into(), type_meta.kind.into());
        fields.insert("apiVersion".into(), type_meta.api_version.into());
        Value::Object(fields)
    }

    fn boxed_clone(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
