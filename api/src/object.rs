//! Any built-in kind, behind one object-safe trait.

use std::any::Any;
use std::fmt::Debug;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::decode::{DecodeError, Decoded, decode};
use crate::encode::{self, TypeMeta};

/// An object of some kind: its metadata typed, the rest reached by [`dyn Object::as_kind`].
pub trait Object: Any + Debug + Send + Sync {
    /// The metadata.
    fn metadata(&self) -> &ObjectMeta;
    /// The metadata, to change.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;
    /// The JSON kube-apiserver would write of it, led by `kind` and `apiVersion`.
    fn encode(&self, type_meta: TypeMeta<'_>) -> Vec<u8>;
    /// The same as a JSON value.
    fn to_value(&self, type_meta: TypeMeta<'_>) -> Value;
    /// A copy.
    fn boxed_clone(&self) -> Box<dyn Object>;
    #[doc(hidden)]
    fn as_any(&self) -> &dyn Any;
    #[doc(hidden)]
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<T> Object for T
where
    T: k8s_openapi::Metadata<Ty = ObjectMeta> + Serialize + Clone + Debug + Send + Sync + 'static,
{
    fn metadata(&self) -> &ObjectMeta {
        k8s_openapi::Metadata::metadata(self)
    }

    fn metadata_mut(&mut self) -> &mut ObjectMeta {
        k8s_openapi::Metadata::metadata_mut(self)
    }

    fn encode(&self, type_meta: TypeMeta<'_>) -> Vec<u8> {
        encode::encode(self, type_meta)
    }

    fn to_value(&self, type_meta: TypeMeta<'_>) -> Value {
        encode::to_value(self, type_meta)
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

impl dyn Object {
    /// The object as its kind's type; `None` if it is of another.
    pub fn as_kind<T: 'static>(&self) -> Option<&T> {
        self.as_any().downcast_ref()
    }

    /// The object as its kind's type, to change; `None` if it is of another.
    pub fn as_kind_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.as_any_mut().downcast_mut()
    }
}

/// Whether an update changes nothing but owner references and finalizers, so that garbage
/// collection can do its work: that asks nobody for the rules in a role or for a policy.
///
/// Fields that are the server's own to set do not count, nor does a resource version, which an
/// update may leave out (upstream: `pkg/registry/rbac/helpers.go IsOnlyMutatingGCFields`).
pub fn only_gc_fields_differ(new: &dyn Object, old: &dyn Object) -> bool {
    let mut new = new.boxed_clone();
    let (meta, was) = (new.metadata_mut(), old.metadata());
    meta.owner_references.clone_from(&was.owner_references);
    meta.finalizers.clone_from(&was.finalizers);
    meta.self_link.clone_from(&was.self_link);
    meta.managed_fields.clone_from(&was.managed_fields);
    meta.resource_version.clone_from(&was.resource_version);
    // As JSON nothing and an empty list are the same, as for upstream.
    let unlabelled = TypeMeta {
        api_version: "",
        kind: "",
    };
    new.encode(unlabelled) == old.encode(unlabelled)
}

impl Clone for Box<dyn Object> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

/// Reads an object of one kind from JSON.
pub type Decode = fn(&Value) -> Result<Decoded<Box<dyn Object>>, DecodeError>;

/// What the server must know of a Go type to read it, describe it and make an empty one.
///
/// Statics of this type are where the (de)serializers of a kind are compiled, once.
#[derive(Debug)]
pub struct ObjectType {
    /// Reads the type from JSON, noting unknown fields.
    pub decode: Decode,
    /// An object with nothing set.
    pub empty: fn() -> Box<dyn Object>,
    /// The JSON schema, its parts left in the generator's definitions.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

impl ObjectType {
    /// The entry of a type.
    pub const fn of<T>() -> Self
    where
        T: Object + Default + DeserializeOwned + JsonSchema,
    {
        Self {
            decode: |value| decode::<T>(value).map(|d| d.map(|o| Box::new(o) as Box<dyn Object>)),
            empty: || Box::new(T::default()),
            schema: SchemaGenerator::subschema_for::<T>,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::{PolicyRule, Role};

    use super::*;

    #[test]
    fn finalizers_may_go_but_rules_may_not_come() {
        let mut old = Role {
            rules: Some(vec![PolicyRule::default()]),
            ..Role::default()
        };
        old.metadata.finalizers = Some(vec!["x".into()]);
        old.metadata.resource_version = Some("7".into());
        let mut new = old.clone();
        new.metadata.finalizers = None;
        new.metadata.resource_version = None;
        new.metadata.managed_fields = Some(vec![]);
        new.metadata.annotations = Some([].into());
        assert!(only_gc_fields_differ(&new, &old));
        new.metadata.labels = Some([("a".to_owned(), "b".to_owned())].into());
        assert!(!only_gc_fields_differ(&new, &old));
        new.metadata.labels = None;
        new.rules = None;
        assert!(!only_gc_fields_differ(&new, &old));
    }
}
