//! The rows of custom kinds: the names of a definition, which are never freed, and its rules.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use parking_lot::Mutex;
use portcullis_api::{CustomObject, GroupVersion, ObjectType};
#[cfg(feature = "schemas")]
use schemars::json_schema;

use crate::custom::CustomKind;
use crate::intern;
use crate::release::Lifetime;
use crate::resource::{ALL_VERBS, Resource, SCALE, Subresource, status};
use crate::strategy_ref::StrategyRef;
use crate::version::Served;

/// Custom objects; their strategy applies the schema.
static CUSTOM_OBJECT: ObjectType = ObjectType {
    decode: |document| {
        let decoded = CustomObject::read("", document.value().into_owned())?;
        Ok(decoded.map(|object| Box::new(object) as _))
    },
    empty: || Box::new(CustomObject::default()),
    #[cfg(feature = "schemas")]
    schema: |_| json_schema!({ "type": "object" }),
};

/// The row of a definition: its accepted names, and its compiled rules.
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
        lifetime: Lifetime::ALWAYS,
        also: versions(also),
        also_served: u32::MAX,
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

/// The subresources that any version has.
fn subresources(definition: &CustomResourceDefinition) -> &'static [Subresource] {
    let versions = definition.spec.versions.iter();
    let set: Vec<_> = versions.filter_map(|v| v.subresources.as_ref()).collect();
    let has_scale = set.iter().any(|s| s.scale.is_some());
    let has_status = set.iter().any(|s| s.status.is_some());
    let kind = intern::name(&definition.spec.names.kind);
    kept_subresources(kind, has_scale, has_status)
}

/// By the kind, and by whether it has a scale and a status.
type BySubresources = HashMap<(&'static str, bool, bool), &'static [Subresource]>;

static SUBRESOURCES: LazyLock<Mutex<BySubresources>> = LazyLock::new(Mutex::default);
static VERSIONS: LazyLock<Mutex<HashMap<Vec<&'static str>, &'static [Served]>>> =
    LazyLock::new(Mutex::default);

/// Versions that differ only in their label, by `apiVersion`.
fn versions(api_versions: impl IntoIterator<Item = String>) -> &'static [Served] {
    let names: Vec<_> = api_versions.into_iter().map(|v| intern::name(&v)).collect();
    let mut versions = VERSIONS.lock();
    if let Some(known) = versions.get(&names) {
        return known;
    }
    let served: Vec<_> = names.iter().map(|name| Served::label(name)).collect();
    let kept: &'static [_] = Box::leak(served.into());
    versions.insert(names, kept);
    kept
}

/// The subresources of a kind, interned like names.
fn kept_subresources(
    kind: &'static str,
    has_scale: bool,
    has_status: bool,
) -> &'static [Subresource] {
    let mut subresources = SUBRESOURCES.lock();
    subresources
        .entry((kind, has_scale, has_status))
        .or_insert_with(|| {
            let scale = has_scale.then_some(SCALE);
            let status = has_status.then(|| status(kind));
            let all: Vec<_> = scale.into_iter().chain(status).collect();
            Box::leak(all.into())
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn definition() -> CustomResourceDefinition {
        let schema = json!({"openAPIV3Schema": {"type": "object"}});
        serde_json::from_value(json!({
            "metadata": {"name": "widgets.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced",
                "names": {"plural": "widgets", "singular": "widget", "kind": "Widget",
                    "shortNames": ["wd"], "categories": ["all"]},
                "versions": [
                    {"name": "v1", "served": true, "storage": true, "schema": schema,
                        "subresources": {"status": {}}},
                    {"name": "v2", "served": true, "storage": false, "schema": schema}]},
        }))
        .unwrap()
    }

    fn kind(definition: &CustomResourceDefinition) -> Arc<CustomKind> {
        Arc::new(CustomKind::compile(definition).unwrap())
    }

    #[test]
    fn a_row_has_the_names_of_its_definition() {
        let row = row(&definition(), kind(&definition()));
        let versions: Vec<_> = row.api_versions().collect();
        assert_eq!(versions, ["example.com/v1", "example.com/v2"]);
        assert_eq!(row.storage, "example.com/widgets");
        assert_eq!(
            (row.short_names, row.categories),
            (&["wd"][..], &["all"][..])
        );
        let below: Vec<_> = row.subresources.iter().map(|s| s.name).collect();
        assert_eq!(below, ["status"]);
        let mut unserved = definition();
        unserved.spec.versions[0].served = false;
        let unserved = super::row(&unserved, kind(&unserved));
        assert_eq!(
            unserved.api_versions().collect::<Vec<_>>(),
            ["example.com/v2"]
        );
    }
}
