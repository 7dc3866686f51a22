//! The definitions: the types' own schemas, the table's kinds, and the type metadata merged into them.

use std::collections::BTreeMap;

use portcullis_api::{GroupVersion, Verb};
use serde_json::{Map, Value, json};

use super::normalize;
use crate::discovery::Group;
use portcullis_kinds::resource::Resource;
/// Where references point before they are written for a version of OpenAPI.
pub(super) use portcullis_kinds::schemas::REF_PREFIX;
use portcullis_kinds::schemas::Schemas;

const META: &str = "io.k8s.apimachinery.pkg.apis.meta.v1";
/// The definition for requests and responses of `scale` subresources.
pub(super) const SCALE: &str = "io.k8s.api.autoscaling.v1.Scale";

/// All definitions by name, each with its references as in OpenAPI v2.
pub(super) struct Definitions {
    /// By name, such as `io.k8s.api.core.v1.Pod`.
    pub(super) schemas: BTreeMap<String, Value>,
    /// The kinds that have a definition.
    pub(super) kinds: Kinds,
}

/// The names of kinds' definitions, by `apiVersion` and kind.
#[derive(Default)]
pub(super) struct Kinds(BTreeMap<(String, String), String>);

impl Kinds {
    pub(super) fn add(&mut self, api_version: &str, kind: &str, name: String) {
        self.0
            .insert((api_version.to_owned(), kind.to_owned()), name);
    }

    /// The definition of a kind; `None` for one without a body, such as the options of `exec`.
    pub(super) fn find(&self, api_version: &str, kind: &str) -> Option<&str> {
        let key = (api_version.to_owned(), kind.to_owned());
        self.0.get(&key).map(String::as_str)
    }
}

/// Kinds that subresources take or give and that no resource of the table has.
const EXTRA_KINDS: [(&str, &str); 4] = [
    ("v1", "Binding"),
    ("policy/v1", "Eviction"),
    ("autoscaling/v1", "Scale"),
    ("authentication.k8s.io/v1", "TokenRequest"),
];
/// Types of `meta/v1` that every API has.
const MACHINERY: [&str; 8] = [
    "Status",
    "DeleteOptions",
    "WatchEvent",
    "APIGroupList",
    "APIResourceList",
    "APIVersions",
    "ListMeta",
    "Patch",
];

impl Definitions {
    pub(super) fn new(groups: &[Group]) -> Self {
        let types = Schemas::load();
        let mut kinds = Kinds::default();
        let mut served: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        let mut listed = Vec::new();
        for (group, version, resource) in resources(groups) {
            let api_version = GroupVersion { group, version }.to_string();
            let Some(name) = types.name_of(&api_version, resource.kind) else {
                continue;
            };
            let gvk = gvk(group, version, resource.kind);
            let versions = served.entry(name.clone()).or_default();
            if !versions.contains(&gvk) {
                versions.push(gvk);
            }
            kinds.add(&api_version, resource.kind, name.clone());
            if resource.supports(Verb::List) {
                listed.push((name, group, version, resource.kind));
            }
        }
        for (api_version, kind) in EXTRA_KINDS {
            if let Some(name) = types.name_of(api_version, kind) {
                let gv = GroupVersion::parse(api_version);
                served
                    .entry(name.clone())
                    .or_insert_with(|| vec![gvk(gv.group, gv.version, kind)]);
                kinds.add(api_version, kind, name);
            }
        }
        serve_machinery(groups, &mut served);
        let roots = served.keys().cloned();
        let roots = roots.chain(MACHINERY.map(machinery));
        let schemas = types
            .with_parts(roots)
            .into_iter()
            .map(|(name, schema)| {
                let kinds = served.remove(&name).unwrap_or_default();
                let schema = normalize::definition(&name, schema, kinds);
                (name, schema)
            })
            .collect();
        let mut definitions = Self { schemas, kinds };
        for (item, group, version, kind) in listed {
            definitions.add_list(&item, group, version, kind);
        }
        definitions
    }

    fn add_list(&mut self, item: &str, group: &str, version: &str, kind: &str) {
        let list_kind = format!("{kind}List");
        let gvk = gvk(group, version, &list_kind);
        let list = self
            .schemas
            .entry(list_of(item, &list_kind))
            .or_insert_with(|| list(item, kind));
        if let Some(Value::Array(kinds)) = list.get_mut(normalize::GVK) {
            kinds.push(gvk);
        }
    }
}

/// The name of the definition of the list of a kind's objects.
pub(super) fn list_of(item: &str, list_kind: &str) -> String {
    let package = item.rsplit_once('.').map_or("", |(package, _)| package);
    format!("{package}.{list_kind}")
}

/// The name of one of the types of `meta/v1`.
pub(super) fn machinery(kind: &str) -> String {
    format!("{META}.{kind}")
}

/// Every resource under every group and version it is served in.
pub(super) fn resources(
    groups: &[Group],
) -> impl Iterator<Item = (&'static str, &'static str, &Resource)> {
    groups.iter().flat_map(|group| {
        group.versions.iter().flat_map(|version| {
            let resources = version.resources.iter();
            resources.map(|resource| (group.name, version.name, &**resource))
        })
    })
}

pub(super) fn gvk(group: &str, version: &str, kind: &str) -> Value {
    json!({"group": group, "kind": kind, "version": version})
}

/// What every API has: statuses, options, watch events, discovery.
fn serve_machinery(groups: &[Group], served: &mut BTreeMap<String, Vec<Value>>) {
    for kind in [
        "Status",
        "APIGroup",
        "APIGroupList",
        "APIResourceList",
        "APIVersions",
    ] {
        served.insert(machinery(kind), vec![gvk("", "v1", kind)]);
    }
    for kind in ["DeleteOptions", "WatchEvent"] {
        let everywhere = groups.iter().flat_map(|group| {
            let versions = group.versions.iter();
            versions.map(|version| gvk(group.name, version.name, kind))
        });
        served.insert(machinery(kind), everywhere.collect());
    }
}

fn list(item: &str, kind: &str) -> Value {
    let mut properties = Map::new();
    normalize::add_type_meta(&mut properties);
    properties.insert(
        "items".to_owned(),
        json!({"description": format!("items is a list of {kind} objects."), "type": "array",
            "items": {"$ref": format!("{REF_PREFIX}{item}")}}),
    );
    properties.insert(
        "metadata".to_owned(),
        json!({"description": "Standard list metadata. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#types-kinds",
            "$ref": format!("{REF_PREFIX}{}", machinery("ListMeta"))}),
    );
    json!({"description": format!("{kind}List is a list of {kind} objects."), "type": "object",
        "required": ["items"], "properties": properties, normalize::GVK: []})
}
