//! The rows of custom kinds.

use std::sync::Arc;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use portcullis_api::{CustomObject, GroupVersion, ObjectType};
use schemars::json_schema;

use super::CustomKind;
use crate::intern;
use crate::resource::{ALL_VERBS, Resource, Subresource};
use crate::shared::StrategyRef;

/// Custom objects; what a schema says of them is their strategy's.
static CUSTOM_OBJECT: ObjectType = ObjectType {
    decode: |document| {
        let decoded = CustomObject::read("", document.clone())?;
        Ok(decoded.map(|object| Box::new(object) as _))
    },
    empty: || Box::new(CustomObject::default()),
    schema: |_| json_schema!({ "type": "object" }),
};

/// The row of a definition: its names, as far as they were accepted, and its compiled rules.
pub fn row(definition: &CustomResourceDefinition, kind: Arc<CustomKind>) -> Resource {
    let spec = &definition.spec;
    let names = &spec.names;
    let group = intern::name(&spec.group);
    let served = spec.versions.iter().filter(|version| version.served);
    let storage = spec.versions.iter().find(|version| version.storage);
    let storage_name = storage.map_or("", |version| version.name.as_str());
    let also = served.filter(|version| version.name != storage_name);
    let also = also.map(|version| {
        let version = &version.name;
        GroupVersion { group, version }.to_string()
    });
    Resource {
        group,
        version: intern::name(storage_name),
        stored_is_served: storage.is_some_and(|version| version.served),
        also: intern::versions(also),
        kind: intern::name(&names.kind),
        singular: names.singular.as_deref().map(intern::name),
        list_kind: names.list_kind.as_deref().map(intern::name),
        plural: intern::name(&names.plural),
        namespaced: spec.scope == "Namespaced",
        short_names: intern::list(names.short_names.iter().flatten()),
        categories: intern::list(names.categories.iter().flatten()),
        verbs: ALL_VERBS,
        subresources: subresources(definition),
        storage: intern::name(&format!("{}/{}", spec.group, names.plural)),
        create_on_update: false,
        unconditional_update: false,
        object_type: &CUSTOM_OBJECT,
        strategy: StrategyRef::Custom(kind),
    }
}

/// Those that any version has.
fn subresources(definition: &CustomResourceDefinition) -> &'static [Subresource] {
    let versions = definition.spec.versions.iter();
    let set: Vec<_> = versions.filter_map(|v| v.subresources.as_ref()).collect();
    let has_scale = set.iter().any(|s| s.scale.is_some());
    let has_status = set.iter().any(|s| s.status.is_some());
    let kind = intern::name(&definition.spec.names.kind);
    intern::subresources(kind, has_scale, has_status)
}
