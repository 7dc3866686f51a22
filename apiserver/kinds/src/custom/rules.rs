//! The strategy of custom kinds.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::field_error::ErrorKind;
use portcullis_api::{CustomObject, ErrorList, Path, name};
use portcullis_schema::{Findings, Schema, rules_not_checked, validate_scale};
use serde_json::Value;

use super::CustomKind;
use super::columns::PrinterColumn;
use super::version::Version;
use crate::strategy::{Cell, Column, ColumnView, MetadataChecks, Strategy};
use crate::validation::object_meta::validate_any_meta;

const STATUS: &str = "status";

impl Strategy for CustomKind {
    type Kind = CustomObject;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::CUSTOM
    }

    fn default(&self, object: &mut CustomObject) {
        let version = self.version(&object.api_version);
        if let Some(schema) = version.schema() {
            // oversized defaults were rejected when the object was read
            let _ = object.change_fields(|fields| schema.default(fields));
        }
    }

    fn prepare_for_create(&self, object: &mut CustomObject) {
        if self.version(&object.api_version).has_status {
            object.fields.remove(STATUS);
        }
    }

    fn prepare_for_update(&self, object: &mut CustomObject, old: &CustomObject) {
        if self.version(&object.api_version).has_status {
            set(object, STATUS, old.fields.get(STATUS));
        }
    }

    /// Only the status, and its field managers, are written this way.
    fn prepare_status_update(&self, object: &mut CustomObject, old: &CustomObject) {
        let status = object.fields.remove(STATUS);
        object.fields.clone_from(&old.fields);
        set(object, STATUS, status.as_ref());
        let version = object.metadata.resource_version.take();
        let managers = object.metadata.managed_fields.take();
        object.metadata = ObjectMeta {
            resource_version: version,
            managed_fields: managers,
            ..old.metadata.clone()
        };
    }

    fn validate(&self, object: &CustomObject) -> ErrorList {
        let version = self.version(&object.api_version);
        let document = self.document(object);
        let Some(schema) = version.schema() else {
            return scale_errors(version, &document, false);
        };
        let mut found = schema.validate(&document);
        found
            .errors
            .extend(schema.validate_embedded(&document, &check_metadata));
        found.errors.extend(schema.validate_lists(&document));
        found.errors.extend(scale_errors(version, &document, false));
        with_expressions(schema, found, &document, None)
    }

    fn validate_update(&self, object: &CustomObject, old: &CustomObject) -> ErrorList {
        self.validate_change(object, old, false)
    }

    fn validate_status_update(&self, object: &CustomObject, old: &CustomObject) -> ErrorList {
        self.validate_change(object, old, true)
    }

    fn spec_changed(&self, object: &CustomObject, old: &CustomObject) -> Option<bool> {
        let ignored = self.version(&object.api_version).has_status;
        let relevant = |object: &CustomObject| {
            let mut fields = object.fields.clone();
            if ignored {
                fields.remove(STATUS);
            }
            fields
        };
        Some(relevant(object) != relevant(old))
    }

    fn selectable_fields(&self) -> &'static [&'static str] {
        self.selectable
    }

    fn field_values(&self, object: &CustomObject) -> Vec<String> {
        let version = self.version(&object.api_version);
        let document = self.document(object);
        let value = |name: &&str| {
            let field = version.selectable.iter().find(|f| f.name() == *name);
            field.map_or_else(String::new, |field| field.value(&document))
        };
        self.selectable.iter().map(value).collect()
    }

    fn table_columns(&self, api_version: &str) -> Vec<ColumnView<'_>> {
        let set = self.version(api_version).columns.iter();
        let set = set.map(PrinterColumn::as_column);
        std::iter::once(Column::NAME.view()).chain(set).collect()
    }

    fn cells(&self, object: &CustomObject) -> Vec<Cell> {
        let document = self.document(object);
        let set = self.version(&object.api_version).columns.iter();
        let cells = set.map(|column| column.cell(&document));
        std::iter::once(Cell::name(object)).chain(cells).collect()
    }
}

impl CustomKind {
    fn validate_change(
        &self,
        object: &CustomObject,
        old: &CustomObject,
        status_only: bool,
    ) -> ErrorList {
        let version = self.version(&object.api_version);
        let (new, old) = (self.document(object), self.document(old));
        let Some(schema) = version.schema() else {
            return scale_errors(version, &new, status_only);
        };
        let mut found = schema.validate_update(&new, &old);
        found
            .errors
            .extend(schema.validate_embedded(&new, &check_metadata));
        found
            .errors
            .extend(schema.validate_lists_update(&new, &old));
        found
            .errors
            .extend(scale_errors(version, &new, status_only));
        with_expressions(schema, found, &new, Some(&old))
    }
}

/// Adds the errors of CEL rules, which can only be evaluated for objects without other errors.
fn with_expressions(
    schema: &Schema,
    found: Findings,
    new: &Value,
    old: Option<&Value>,
) -> ErrorList {
    let mut errors = found.errors;
    if schema.has_rules() {
        if found.blocks_rules || errors.iter().any(|error| blocks_rules(error.kind)) {
            errors.push(rules_not_checked());
        } else {
            errors.extend(schema.validate_rules(new, old));
        }
    }
    errors
}

const fn blocks_rules(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotSupported | ErrorKind::Required | ErrorKind::TooLong | ErrorKind::TooMany
    )
}

fn scale_errors(version: &Version, document: &Value, status_only: bool) -> ErrorList {
    let scale = version.scale.as_ref();
    scale.map_or_else(ErrorList::new, |scale| {
        validate_scale(scale, document, status_only)
    })
}

/// Checks the metadata of embedded resources.
pub(crate) fn check_metadata(metadata: &ObjectMeta, path: &Path) -> ErrorList {
    let mut metadata = metadata.clone();
    // a name is not required
    metadata.name.get_or_insert_with(|| "embedded".to_owned());
    let namespaced = metadata.namespace.is_some();
    validate_any_meta(&metadata, namespaced, name::path_segment, path)
}

/// Sets a field to another object's value, or removes it.
fn set(object: &mut CustomObject, name: &str, value: Option<&Value>) {
    match value {
        Some(value) => object.fields.insert(name.to_owned(), value.clone()),
        None => object.fields.remove(name),
    };
}
