//! Kinds that custom resource definitions describe.
//!
//! Upstream: `k8s.io/apiextensions-apiserver/pkg/registry/customresource` and `pkg/apiserver`.

mod columns;
pub mod review;
mod rules;
mod scale;
mod spec;
mod version;

use std::sync::atomic::{AtomicU64, Ordering};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, CustomResourceDefinitionSpec, WebhookConversion,
};
use portcullis_api::CustomObject;
use portcullis_api::decode::{DecodeError, Decoded};
use portcullis_schema::{CompileError, Malformed, ParseError, Schema};
use serde_json::Value;

pub(crate) use self::rules::check_metadata;
pub use self::scale::Replicas;
use self::spec::PackedSpec;
use self::version::Version;

/// A custom kind, compiled once per change of its definition.
#[derive(Debug)]
pub struct CustomKind {
    id: u64,
    definition: Box<str>,
    kind: &'static str,
    /// The only copy of the spec: documents are made from it, and changes are compared with it.
    spec: PackedSpec,
    /// All versions, the stored one among them.
    versions: Vec<Version>,
    storage: usize,
    /// The webhook that converts between versions, if they differ in more than their names.
    webhook: Option<WebhookConversion>,
    selectable: &'static [&'static str],
}

/// Why a definition cannot be served, although it was accepted once.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// There is no storage version, or more than one.
    #[error("it has no storage version")]
    NoStorage,
    /// A schema is invalid.
    #[error("the schema of version {0}: {1}")]
    Schema(String, CompileError),
    /// A column or a selectable field has an invalid path.
    #[error("a JSON path of version {0}: {1}")]
    Path(String, ParseError),
}

/// The id of the next compiled kind.
static NEXT_ID: AtomicU64 = AtomicU64::new(0);

impl CustomKind {
    /// Compiles a definition.
    ///
    /// # Errors
    /// [`Unusable`], which validation prevents.
    pub fn compile(definition: &CustomResourceDefinition) -> Result<Self, Unusable> {
        let spec = &definition.spec;
        let versions = spec.versions.iter();
        let versions: Vec<_> = versions
            .map(|version| Version::compile(spec, version))
            .collect::<Result<_, _>>()?;
        let storage = spec.versions.iter().position(|version| version.storage);
        let fields = versions.iter().flat_map(|version| &version.selectable);
        let mut names: Vec<_> = fields.map(|field| field.name().to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        let conversion = spec.conversion.as_ref();
        let conversion = conversion.filter(|c| c.strategy == "Webhook");
        Ok(Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            definition: definition
                .metadata
                .name
                .as_deref()
                .unwrap_or_default()
                .into(),
            webhook: conversion.and_then(|c| c.webhook.clone()),
            kind: crate::intern::name(&spec.names.kind),
            spec: PackedSpec::new(spec),
            versions,
            storage: storage.ok_or(Unusable::NoStorage)?,
            selectable: crate::intern::list(names),
        })
    }

    /// Differs from the id of every other compiled definition, even of the same kind, and so identifies data
    /// derived under this one.
    pub const fn id(&self) -> u64 {
        self.id
    }

    /// The definition's name.
    pub const fn definition(&self) -> &str {
        &self.definition
    }

    /// The definition's spec.
    pub fn spec(&self) -> CustomResourceDefinitionSpec {
        self.spec.open()
    }

    /// The definition's spec in few bytes, which are equal for equal specs.
    pub const fn packed_spec(&self) -> &[u8] {
        self.spec.bytes()
    }

    /// Whether a definition has the same spec.
    pub fn is_of(&self, spec: &CustomResourceDefinitionSpec) -> bool {
        self.spec == PackedSpec::new(spec)
    }

    /// Whether a version has the subresource; other versions may differ.
    pub fn offers(&self, api_version: &str, subresource: &str) -> bool {
        let version = self.version(api_version);
        match subresource {
            "status" => version.has_status,
            "scale" => version.scale.is_some(),
            _ => false,
        }
    }

    /// The version of that `apiVersion`; the stored one for any other.
    fn version(&self, api_version: &str) -> &Version {
        &self.versions[self.position(api_version)]
    }

    /// The index of the version with that `apiVersion`; the stored one for any other.
    pub fn position(&self, api_version: &str) -> usize {
        let mut versions = self.versions.iter();
        let found = versions.position(|version| version.api_version == api_version);
        found.unwrap_or(self.storage)
    }

    /// The `apiVersion` that objects are stored in.
    pub fn stored_version(&self) -> &str {
        &self.versions[self.storage].api_version
    }

    /// Reads a client's document: defaulted, pruned, without nulls that the schema does not allow. Pruned
    /// fields are reported as unknown fields.
    ///
    /// # Errors
    /// For metadata of the wrong type, of the object or of an embedded one; for defaults that make the object
    /// too large.
    pub fn decode(
        &self,
        api_version: &str,
        document: &Value,
    ) -> Result<Decoded<CustomObject>, DecodeError> {
        let mut decoded = self.decode_applied(api_version, document)?;
        if let Some(schema) = self.schema(api_version) {
            let object = &mut decoded.value;
            object.change_fields(|fields| schema.drop_nulls(fields));
        }
        Ok(decoded)
    }

    /// As [`decode`](Self::decode), for an object that server-side apply made: its nulls stand for emptied
    /// objects and lists, and are left to validation to reject.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn decode_applied(
        &self,
        api_version: &str,
        document: &Value,
    ) -> Result<Decoded<CustomObject>, DecodeError> {
        let version = self.version(api_version);
        let mut document = document.clone();
        let mut pruned = Vec::new();
        if let Some(schema) = version.schema() {
            schema
                .default(&mut document)
                .map_err(|_| DecodeError::Value("its defaults make it too large".into()))?;
            pruned = schema.prune(&mut document);
            let dropped = schema.coerce(&mut document, Malformed::Reject);
            pruned.extend(dropped.map_err(|e| DecodeError::Value(e.to_string()))?);
        }
        let mut decoded = CustomObject::read(&version.api_version, document)?;
        decoded.unknown_fields.extend(pruned);
        Ok(decoded)
    }

    /// The webhook that converts between two versions; `None` if only the names differ.
    pub fn converter(&self, from: &str, to: &str) -> Option<&WebhookConversion> {
        self.webhook.as_ref().filter(|_| from != to)
    }

    /// Adds the current schema's defaults to a document that was stored under an earlier one: those of its
    /// stored version, for all readers.
    pub fn default_stored(&self, document: &mut Value) {
        let stored = document.get("apiVersion").and_then(Value::as_str);
        let version = self.version(stored.unwrap_or_default());
        version.default(document);
    }

    /// Turns a document that another schema has passed into an object of a version: fields that the version
    /// does not have are left out.
    ///
    /// # Errors
    /// For metadata of the wrong type.
    pub fn adopt(
        &self,
        api_version: &str,
        mut document: Value,
    ) -> Result<CustomObject, DecodeError> {
        let version = self.version(api_version);
        version.prune(&mut document);
        version.coerce(&mut document);
        Ok(CustomObject::read(&version.api_version, document)?.value)
    }

    /// Whether the definition lists a version, served or not.
    pub fn has_version(&self, api_version: &str) -> bool {
        let mut versions = self.versions.iter();
        versions.any(|version| version.api_version == api_version)
    }

    /// Labels a document with a version, and removes the fields that this version does not have.
    pub fn fit(&self, api_version: &str, document: &mut Value) {
        let version = self.version(api_version);
        if let Some(fields) = document.as_object_mut() {
            fields.insert("apiVersion".into(), version.api_version.as_str().into());
        }
        version.prune(document);
    }

    /// Reads a document unchanged, as an object of a version.
    ///
    /// # Errors
    /// For metadata of the wrong type.
    pub fn read(&self, api_version: &str, document: Value) -> Result<CustomObject, DecodeError> {
        let version = self.version(api_version);
        Ok(CustomObject::read(&version.api_version, document)?.value)
    }

    /// Changes an object to a version with the same fields. It is pruned, as admission may have changed it,
    /// and not defaulted, so that only readers of a version see its defaults.
    pub fn relabel(&self, object: &mut CustomObject, api_version: &str) {
        let version = self.version(api_version);
        object.change_fields(|fields| version.prune(fields));
        object.api_version.clone_from(&version.api_version);
    }

    /// The schema of a version; `None` if it accepts any object.
    pub fn schema(&self, api_version: &str) -> Option<&Schema> {
        self.version(api_version).schema()
    }

    /// Whether a version has the status subresource.
    pub fn has_status(&self, api_version: &str) -> bool {
        self.version(api_version).has_status
    }

    /// The warning for users of a version, if it is deprecated.
    pub fn deprecation(&self, api_version: &str) -> Option<&str> {
        self.version(api_version).deprecation.as_deref()
    }

    /// An object as JSON, in the form that schemas and errors use.
    pub fn document(&self, object: &CustomObject) -> Value {
        object.document(self.kind)
    }
}

#[cfg(test)]
mod tests;
