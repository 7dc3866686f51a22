//! One object-safe trait for all built-in kinds.

use std::any::Any;
use std::fmt;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
#[cfg(feature = "schemas")]
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::decode::{DecodeError, Decoded, Source, decode};
use crate::encode::{self, TypeMeta};

/// An object of any kind: its metadata is typed, the rest is accessible by [`dyn Object::as_kind`].
pub trait Object: Any + Send + Sync {
    /// The metadata.
    fn metadata(&self) -> &ObjectMeta;
    /// The metadata, mutable.
    fn metadata_mut(&mut self) -> &mut ObjectMeta;
    /// The object's JSON as kube-apiserver encodes it, starting with `kind` and `apiVersion`.
    fn encode(&self, type_meta: TypeMeta<'_>) -> Vec<u8>;
    /// The same as a JSON value.
    fn to_value(&self, type_meta: TypeMeta<'_>) -> Value;
    /// A boxed copy.
    fn boxed_clone(&self) -> Box<dyn Object>;
    #[doc(hidden)]
    fn as_any(&self) -> &dyn Any;
    #[doc(hidden)]
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<T> Object for T
where
    T: k8s_openapi::Metadata<Ty = ObjectMeta> + Serialize + Clone + Send + Sync + 'static,
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

/// Which object it is: all fields of all kinds would take much code.
impl fmt::Debug for dyn Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meta = self.metadata();
        f.debug_struct("Object")
            .field("namespace", &meta.namespace)
            .field("name", &meta.name)
            .finish_non_exhaustive()
    }
}

impl dyn Object {
    /// The object as its kind's type; `None` if it has another type.
    pub fn as_kind<T: 'static>(&self) -> Option<&T> {
        self.as_any().downcast_ref()
    }

    /// The object itself as its kind's type; `None` if it has another type.
    pub fn into_kind<T: 'static>(self: Box<Self>) -> Option<T> {
        let any: Box<dyn Any> = self;
        any.downcast().ok().map(|object| *object)
    }

    /// The object as its kind's type, mutable; `None` if it has another type.
    pub fn as_kind_mut<T: 'static>(&mut self) -> Option<&mut T> {
        self.as_any_mut().downcast_mut()
    }
}

/// Whether an update changes only owner references and finalizers. The garbage collector needs no
/// other permissions for such updates, neither for the rules of a role nor for a policy.
///
/// Fields that the server sets are ignored, and so is the resource version, which an update may
/// leave out (upstream: `pkg/registry/rbac/helpers.go IsOnlyMutatingGCFields`).
pub fn only_gc_fields_differ(new: &dyn Object, old: &dyn Object) -> bool {
    let mut new = new.boxed_clone();
    let (meta, old_meta) = (new.metadata_mut(), old.metadata());
    meta.owner_references.clone_from(&old_meta.owner_references);
    meta.finalizers.clone_from(&old_meta.finalizers);
    meta.self_link.clone_from(&old_meta.self_link);
    meta.managed_fields.clone_from(&old_meta.managed_fields);
    meta.resource_version.clone_from(&old_meta.resource_version);
    // compared as JSON, where an unset and an empty list are the same, as upstream
    let type_meta = TypeMeta {
        api_version: "",
        kind: "",
    };
    new.encode(type_meta) == old.encode(type_meta)
}

impl Clone for Box<dyn Object> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

/// Decodes an object of one kind from JSON.
pub type Decode = fn(Source<'_>) -> Result<Decoded<Box<dyn Object>>, DecodeError>;

/// A type with a JSON schema, as far as that can be asked for: the server reads schemas that were made from
/// the types, since the code that makes them is large.
#[cfg(feature = "schemas")]
pub trait Described: JsonSchema {}

#[cfg(feature = "schemas")]
impl<T: JsonSchema> Described for T {}

/// Any type, without the feature `schemas`.
#[cfg(not(feature = "schemas"))]
pub trait Described {}

#[cfg(not(feature = "schemas"))]
impl<T> Described for T {}

/// Functions of one type: to decode an object and to construct an empty one.
///
/// The (de)serializers of a kind are instantiated only for its static of this type.
#[derive(Debug)]
pub struct ObjectType {
    /// Decodes an object from JSON, and reports unknown fields.
    pub decode: Decode,
    /// An object without any field set.
    pub empty: fn() -> Box<dyn Object>,
    /// The JSON schema; nested types are added to the generator's definitions.
    #[cfg(feature = "schemas")]
    pub schema: fn(&mut SchemaGenerator) -> Schema,
}

impl ObjectType {
    /// The functions of `T`.
    pub const fn of<T>() -> Self
    where
        T: Object + Default + DeserializeOwned + Described,
    {
        Self {
            decode: |value| decode::<T>(value).map(|d| d.map(|o| Box::new(o) as Box<dyn Object>)),
            empty: || Box::new(T::default()),
            #[cfg(feature = "schemas")]
            schema: SchemaGenerator::subschema_for::<T>,
        }
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::rbac::v1::{PolicyRule, Role};

    use super::*;

    #[test]
    fn only_gc_fields_may_differ() {
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
