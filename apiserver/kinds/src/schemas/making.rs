//! Makes the schemas from the types.

use std::collections::BTreeMap;
use std::fmt::Write;

use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::core::v1::{Binding, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

use super::REF_PREFIX;
use crate::table;

/// A kind that a subresource takes or gives and that no resource of the table has.
type Extra = (
    &'static str,
    &'static str,
    fn(&mut SchemaGenerator) -> Schema,
);

const EXTRA_KINDS: [Extra; 4] = [
    ("v1", "Binding", SchemaGenerator::subschema_for::<Binding>),
    (
        "policy/v1",
        "Eviction",
        SchemaGenerator::subschema_for::<Eviction>,
    ),
    (
        "autoscaling/v1",
        "Scale",
        SchemaGenerator::subschema_for::<Scale>,
    ),
    (
        "authentication.k8s.io/v1",
        "TokenRequest",
        SchemaGenerator::subschema_for::<TokenRequest>,
    ),
];

/// The text that is kept compressed.
pub fn text() -> String {
    let mut generator = SchemaGenerator::new(SchemaSettings::draft07().with(|settings| {
        settings.meta_schema = None;
        settings.transforms.clear();
    }));
    let mut lines: BTreeMap<String, Value> = BTreeMap::new();
    for row in table::RESOURCES {
        for version in row.api_versions() {
            let schema = (row.object_type(&version).schema)(&mut generator);
            lines.extend(kind(&version, row.kind, &schema));
        }
    }
    for (version, name, schema) in EXTRA_KINDS {
        lines.extend(kind(version, name, &schema(&mut generator)));
    }
    generator.subschema_for::<v1::Status>();
    generator.subschema_for::<v1::DeleteOptions>();
    generator.subschema_for::<v1::WatchEvent<Pod>>();
    generator.subschema_for::<v1::APIGroupList>();
    generator.subschema_for::<v1::APIResourceList>();
    generator.subschema_for::<v1::APIVersions>();
    generator.subschema_for::<v1::ListMeta>();
    generator.subschema_for::<v1::Patch>();
    lines.extend(generator.take_definitions(false));
    let mut text = String::new();
    for (name, json) in lines {
        // writing to a string does not fail
        let _ = writeln!(text, "{name}\t{json}");
    }
    text
}

/// The line of a kind.
fn kind(api_version: &str, kind: &str, schema: &Schema) -> Option<(String, Value)> {
    let name = schema.get("$ref")?.as_str()?.strip_prefix(REF_PREFIX)?;
    Some((format!("{api_version} {kind}"), name.into()))
}

#[cfg(test)]
mod tests {
    use super::super::Schemas;

    #[test]
    fn the_schemas_that_are_kept_are_those_of_the_types() {
        let (kept, made) = (Schemas::load().text, super::text());
        let differ = kept
            .lines()
            .zip(made.lines())
            .find(|(kept, made)| kept != made);
        assert!(
            kept == made,
            "`make schemas` was not run after a change, first: {differ:?}"
        );
    }
}
