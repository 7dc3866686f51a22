//! The fields of an object that can have owners.

use portcullis_api::type_metadata;
use serde_json::{Map, Value};

use super::compare::{self, Comparison};
use super::element::Element;
use super::extract;
use super::field_set::{FieldSet, Node};
use super::field_type::FieldType;
use portcullis_kinds::resource::Resource;

pub(super) const METADATA: &str = "metadata";

/// An object's kind, through the resource or one of its subresources.
#[derive(Clone, Copy, Debug)]
pub struct Tracked<'s> {
    /// The type of the object.
    pub field_type: FieldType<'s>,
    /// The fields that a write this way resets in any case.
    reset: &'static str,
}

impl<'s> Tracked<'s> {
    /// The fields that a write to a resource, or to a subresource of it, can change.
    pub fn new(resource: &'s Resource, api_version: &str, subresource: &str) -> Self {
        let (field_type, has_status) = match resource.strategy.custom() {
            Some(custom) => (
                FieldType::of_custom(custom.schema(api_version)),
                custom.has_status(api_version),
            ),
            None => (
                FieldType::of_kind(type_metadata::type_name(api_version, resource.kind)),
                resource.subresource("status").is_some(),
            ),
        };
        let reset = match subresource {
            "status" => "spec",
            _ if has_status => "status",
            _ => "",
        };
        Self { field_type, reset }
    }

    /// An object of a type, all of whose fields a write can change.
    #[cfg(test)]
    pub(super) const fn of_type(field_type: FieldType<'s>) -> Self {
        Self {
            field_type,
            reset: "",
        }
    }

    /// The fields set in an object.
    pub fn fields(self, object: &Value) -> FieldSet {
        let Some(fields) = object.as_object() else {
            return FieldSet::default();
        };
        let spec = fields.iter().filter(|(name, _)| self.is_owned(name));
        let mut set = extract::of_fields(spec, self.field_type);
        let metadata = self.field_type.field(METADATA);
        let fields = metadata_of(Some(fields)).into_iter().flatten();
        let below =
            extract::of_fields(fields.filter(|(name, _)| is_owned_metadata(name)), metadata);
        set.put(Element::Field(METADATA.into()), inside(below));
        set
    }

    /// All fields, including those that cannot have owners, such as the name.
    pub fn all_fields(self, object: &Value) -> FieldSet {
        extract::fields_of(object, self.field_type).below
    }

    /// The fields of an object that cannot have owners: its type, name and other metadata.
    pub fn unowned(self, object: &Value) -> FieldSet {
        let fields = object.as_object();
        let metadata = metadata_of(fields).into_iter().flatten();
        let below = extract::of_fields(
            metadata.filter(|(name, _)| !is_owned_metadata(name)),
            self.field_type.field(METADATA),
        );
        let names = fields.into_iter().flatten();
        let names = names.filter(|(name, _)| matches!(name.as_str(), "kind" | "apiVersion"));
        let mut set = extract::of_fields(names, self.field_type);
        set.put(Element::Field(METADATA.into()), inside(below));
        set
    }

    /// The fields that differ between two objects.
    pub fn compare(self, old: &Value, new: &Value) -> Comparison<FieldSet> {
        let (old, new) = (old.as_object(), new.as_object());
        let mut found = compare::fields(old, new, self.field_type, |name| self.is_owned(name));
        let (old, new) = (metadata_of(old), metadata_of(new));
        let below = compare::fields(old, new, self.field_type.field(METADATA), is_owned_metadata);
        let metadata = || Element::Field(METADATA.into());
        found.added.put(metadata(), inside(below.added));
        found.modified.put(metadata(), inside(below.modified));
        found.removed.put(metadata(), inside(below.removed));
        found
    }

    /// Whether a field of the root can have owners.
    pub(super) fn is_owned(self, name: &str) -> bool {
        !matches!(name, "kind" | "apiVersion" | METADATA) && name != self.reset
    }
}

/// Whether a field of the metadata can have owners (upstream: `stripMetaManager`).
pub(super) fn is_owned_metadata(name: &str) -> bool {
    !matches!(
        name,
        "name"
            | "namespace"
            | "creationTimestamp"
            | "selfLink"
            | "uid"
            | "clusterName"
            | "generation"
            | "managedFields"
            | "resourceVersion"
    )
}

fn metadata_of(object: Option<&Map<String, Value>>) -> Option<&Map<String, Value>> {
    object?.get(METADATA)?.as_object()
}

const fn inside(below: FieldSet) -> Node {
    Node {
        member: false,
        below,
    }
}

/// An empty object of a version, as JSON. Fields that kinds always write are null here, not absent, so that
/// the creator does not own them.
pub fn empty(resource: &Resource, api_version: &str) -> Value {
    let empty = (resource.object_type(api_version).empty)();
    empty.to_value(resource.type_meta(api_version))
}
