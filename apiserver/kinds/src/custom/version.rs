//! A version of a custom kind.

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinitionSpec, CustomResourceDefinitionVersion, CustomResourceSubresourceScale,
};
use portcullis_api::GroupVersion;
use portcullis_schema::{Malformed, Schema, SelectableField};
use serde_json::Value;

use super::Unusable;
use super::columns::PrinterColumn;
use crate::version_order::compare;

/// A version of a definition.
#[derive(Debug)]
pub(super) struct Version {
    pub(super) api_version: String,
    /// `None` if the definition has the old `preserveUnknownFields`, or no schema.
    schema: Option<Arc<Schema>>,
    pub(super) columns: Vec<PrinterColumn>,
    pub(super) has_status: bool,
    pub(super) scale: Option<CustomResourceSubresourceScale>,
    pub(super) selectable: Vec<SelectableField>,
    pub(super) deprecation: Option<String>,
}

/// Names the version to use instead, the most preferred one (upstream: `defaultDeprecationWarning`).
fn deprecation_of(
    spec: &CustomResourceDefinitionSpec,
    version: &CustomResourceDefinitionVersion,
) -> String {
    let (group, kind) = (&spec.group, &spec.names.kind);
    let said = format!("{group}/{} {kind} is deprecated", version.name);
    let preferred = spec.versions.iter().filter(|other| {
        other.served
            && other.deprecated != Some(true)
            && compare(&other.name, &version.name).is_lt()
    });
    match preferred.min_by(|a, b| compare(&a.name, &b.name)) {
        Some(other) => format!("{said}; use {group}/{} {kind}", other.name),
        None => said,
    }
}

impl Version {
    pub(super) fn compile(
        spec: &CustomResourceDefinitionSpec,
        version: &CustomResourceDefinitionVersion,
    ) -> Result<Self, Unusable> {
        let name = &version.name;
        let group_version = GroupVersion {
            group: &spec.group,
            version: name,
        };
        let api_version = group_version.to_string();
        let props = version.schema.as_ref();
        let props = props.and_then(|schema| schema.open_api_v3_schema.as_ref());
        let schema = props
            .filter(|_| spec.preserve_unknown_fields != Some(true))
            .map(Schema::compile)
            .transpose();
        let schema = schema.map_err(|why| Unusable::Schema(name.clone(), why))?;
        let bad_path = |why| Unusable::Path(name.clone(), why);
        let fields = version.selectable_fields.iter().flatten();
        let selectable = fields.map(|field| SelectableField::new(&field.json_path));
        let subresources = version.subresources.as_ref();
        let deprecation = (version.deprecated == Some(true)).then(|| {
            let said = version.deprecation_warning.clone();
            said.unwrap_or_else(|| deprecation_of(spec, version))
        });
        Ok(Self {
            schema,
            columns: PrinterColumn::all(version).map_err(bad_path)?,
            has_status: subresources.is_some_and(|s| s.status.is_some()),
            scale: subresources.and_then(|s| s.scale.clone()),
            selectable: selectable.collect::<Result<_, _>>().map_err(bad_path)?,
            deprecation,
            api_version,
        })
    }

    pub(super) fn schema(&self) -> Option<&Schema> {
        self.schema.as_deref()
    }

    /// Removes the fields that are not in the schema.
    pub(super) fn prune(&self, document: &mut Value) {
        if let Some(schema) = self.schema() {
            schema.prune(document);
        }
    }

    /// Drops metadata of embedded objects that are malformed.
    pub(super) fn coerce(&self, document: &mut Value) {
        if let Some(schema) = self.schema() {
            // malformed metadata are dropped, so there is no error
            let _ = schema.coerce(document, Malformed::Drop);
        }
    }

    /// Adds the schema's defaults, also in place of nulls that it does not allow.
    pub(super) fn default(&self, document: &mut Value) {
        if let Some(schema) = self.schema() {
            schema.drop_nulls(document);
            // oversized defaults are added as far as the limit allows
            let _ = schema.default(document);
        }
    }
}
