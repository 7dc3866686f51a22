//! Makes the schemas of built-in types, which the server keeps compressed: `make schemas` writes the file, and
//! `--check FILE` compares one with what the types say now.
#![allow(
    clippy::unwrap_used,
    reason = "a tool for ourselves ends at the first surprise"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use k8s_openapi::api::authentication::v1::TokenRequest;
use k8s_openapi::api::autoscaling::v1::Scale;
use k8s_openapi::api::core::v1::{Binding, Pod};
use k8s_openapi::api::policy::v1::Eviction;
use k8s_openapi::apimachinery::pkg::apis::meta::v1;
use portcullis_kinds::schemas::REF_PREFIX;
use portcullis_kinds::table;
use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::Value;

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
fn text() -> String {
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
        writeln!(text, "{name}\t{json}").unwrap();
    }
    text
}

/// The line of a kind.
fn kind(api_version: &str, kind: &str, schema: &Schema) -> Option<(String, Value)> {
    let name = schema.get("$ref")?.as_str()?.strip_prefix(REF_PREFIX)?;
    Some((format!("{api_version} {kind}"), name.into()))
}

fn main() {
    let made = text();
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.pop().unwrap();
    if arguments != ["--check"] {
        let file = File::create(&path).unwrap();
        let mut compressed = GzEncoder::new(file, Compression::best());
        compressed.write_all(made.as_bytes()).unwrap();
        compressed.finish().unwrap();
        return;
    }
    let mut kept = String::new();
    let file = File::open(&path).unwrap();
    GzDecoder::new(file).read_to_string(&mut kept).unwrap();
    if kept != made {
        let differ = kept
            .lines()
            .zip(made.lines())
            .find(|(kept, made)| kept != made);
        eprintln!(
            "{path} is not what the types say: run `make schemas`. The first difference: {differ:?}"
        );
        std::process::exit(1);
    }
}
