//! The data of a request that policies need, made once for all of them.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Namespace;
use portcullis_api::encode::TypeMeta;
use portcullis_api::{Object, Status};
use serde_json::Value;

use crate::Attributes;
use crate::attributes::NAMESPACES;
use crate::expressions::input::{Caller, Constant, Input};
use crate::lookup::Lookup;
use crate::matching::documents::{EncodedVersions, variable};
use crate::matching::request::{Reviewed, caller};
use crate::permissions::Permissions;
use crate::versions::{Served, Versions};

/// A request, in the form that policies need.
pub(crate) struct Request<'a, 'v> {
    pub(crate) attributes: &'a Attributes<'a>,
    pub(crate) versions: EncodedVersions<'v>,
    caller: Arc<Caller>,
    namespace: Option<Arc<Value>>,
    inputs: Vec<(Served<'v>, Input)>,
}

impl<'a, 'v> Request<'a, 'v> {
    pub(crate) fn new(
        attributes: &'a Attributes<'a>,
        versions: &'v dyn Versions,
        permissions: &Arc<dyn Permissions>,
    ) -> Self {
        Self {
            attributes,
            versions: EncodedVersions::new(versions),
            caller: Arc::new(caller(attributes, permissions)),
            namespace: None,
            inputs: Vec::new(),
        }
    }

    /// The variables of expressions for a version of the request, without the namespace and without
    /// parameters.
    ///
    /// # Errors
    /// A [`Status`] if the objects cannot be represented in the version.
    pub(crate) async fn input(&mut self, served: Served<'v>) -> Result<&Input, Status> {
        // by position, as a borrow would last beyond the insertion below
        if let Some(known) = self.inputs.iter().position(|(of, _)| *of == served) {
            return Ok(&self.inputs[known].1);
        }
        let documents = self.versions.documents(self.attributes, served).await?;
        let reviewed = Reviewed {
            attributes: self.attributes,
            requested: self.versions.requested,
            sent: served,
        };
        let input = Input {
            object: variable(documents.object.as_deref())?.into(),
            constant: Arc::new(Constant {
                old_object: variable(documents.old_object.as_deref())?,
                request: reviewed.without_objects(),
                caller: Arc::clone(&self.caller),
            }),
            namespace: None,
            params: None,
        };
        Ok(&self.inputs.push_mut((served, input)).1)
    }

    /// The namespace of the object as a variable of expressions; null for a namespace itself.
    ///
    /// # Errors
    /// A [`Status`] if it does not exist.
    pub(crate) async fn namespace(
        &mut self,
        namespaces: &dyn Lookup<Namespace>,
    ) -> Result<Arc<Value>, Status> {
        if let Some(namespace) = &self.namespace {
            return Ok(Arc::clone(namespace));
        }
        let name = self.attributes.namespace;
        let value = if name.is_empty() || self.attributes.is_namespace() {
            Value::Null
        } else {
            let namespace = match namespaces.get("", name) {
                Some(namespace) => Some(namespace),
                // the cache may be stale
                None => namespaces.get_live("", name).await?,
            };
            let namespace = namespace.ok_or_else(|| Status::not_found(NAMESPACES, name))?;
            shown(&namespace)
        };
        Ok(Arc::clone(self.namespace.insert(Arc::new(value))))
    }
}

/// A namespace without the metadata that expressions cannot access.
fn shown(namespace: &Namespace) -> Value {
    let type_meta = TypeMeta {
        api_version: "v1",
        kind: "Namespace",
    };
    let mut value = Object::to_value(namespace, type_meta);
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) {
        for hidden in ["managedFields", "ownerReferences", "selfLink"] {
            metadata.remove(hidden);
        }
    }
    value
}
