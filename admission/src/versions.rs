//! The versions of a request's resource, and its objects in them.

use std::fmt::Debug;

use async_trait::async_trait;
use portcullis_api::{GroupVersion, Object, same_name};
use serde_json::Value;
use thiserror::Error;

/// A resource in one of its versions, with the kind of its objects there.
#[derive(Clone, Copy, Debug, Eq)]
pub struct Served<'a> {
    /// The group and version of the resource.
    pub group_version: GroupVersion<'a>,
    /// The plural, lower-case resource name.
    pub resource: &'a str,
    /// The group and version of the kind, which differ from the resource's for some subresources.
    pub kind_version: GroupVersion<'a>,
    /// The kind of the objects in requests for the resource.
    pub kind: &'a str,
}

impl PartialEq for Served<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.group_version == other.group_version
            && same_name(self.resource, other.resource)
            && self.kind_version == other.kind_version
            && same_name(self.kind, other.kind)
    }
}

/// An object could not be represented in a version.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct ConversionError(pub String);

/// The versions in which the resource of a request is served. The server implements it.
///
/// Plugins work on the stored version; webhooks are sent the version that their rules name.
#[async_trait]
pub trait Versions: Debug + Send + Sync {
    /// The resource in the client's request, and the kind of its objects.
    fn requested(&self) -> Served<'_>;

    /// The other versions that serve the same objects, with the same subresource.
    fn others(&self) -> Vec<Served<'_>>;

    /// The JSON of an object in a version.
    ///
    /// # Errors
    /// [`ConversionError`].
    async fn encode(
        &self,
        object: &dyn Object,
        version: &Served<'_>,
    ) -> Result<Vec<u8>, ConversionError>;

    /// Decodes a document of a version, and sets its defaults. `base` is the object that the document was
    /// made from.
    ///
    /// # Errors
    /// [`ConversionError`], also for a document that is not of the kind.
    async fn decode(
        &self,
        document: &Value,
        version: &Served<'_>,
        base: &dyn Object,
    ) -> Result<Box<dyn Object>, ConversionError>;

    /// A document of a version with a part of one merged into it, as by server-side apply.
    ///
    /// # Errors
    /// [`ConversionError`], also for a part that would replace an atomic value.
    fn overlay(
        &self,
        document: &Value,
        part: Value,
        version: &Served<'_>,
    ) -> Result<Value, ConversionError>;
}
