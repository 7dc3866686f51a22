//! `meta/v1`: `APIVersions`, `APIGroupList`, `APIGroup` and `APIResourceList`.

use bytes::Bytes;
use portcullis_api::{GroupVersion, Verb};
use serde::Serialize;

use super::groups::short_names;
use super::{Group, Version, json};
use crate::document::short_hash;
use portcullis_kinds::resource::{Resource, Subresource};

/// Every legacy document by its path.
pub(super) fn documents(groups: &[Group], server_address: &str) -> Vec<(String, Bytes)> {
    let mut documents = vec![("/apis".to_owned(), json(&ApiGroupList::new(groups)))];
    for group in groups {
        let path = if group.name.is_empty() {
            documents.push(("/api".to_owned(), json(&versions(group, server_address))));
            "/api".to_owned()
        } else {
            let path = format!("/apis/{}", group.name);
            documents.push((path.clone(), json(&ApiGroup::new(group, true))));
            path
        };
        // other servers have their own documents
        for version in group.versions.iter().filter(|v| v.remote.is_none()) {
            let list = json(&ApiResourceList::new(group, version));
            documents.push((format!("{path}/{}", version.name), list));
        }
    }
    documents
}

#[derive(Serialize)]
struct ApiVersions<'a> {
    kind: &'static str,
    versions: Vec<&'static str>,
    #[serde(rename = "serverAddressByClientCIDRs")]
    addresses: [ServerAddress<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ServerAddress<'a> {
    #[serde(rename = "clientCIDR")]
    client_cidr: &'static str,
    server_address: &'a str,
}

fn versions<'a>(core: &Group, server_address: &'a str) -> ApiVersions<'a> {
    ApiVersions {
        kind: "APIVersions",
        versions: core.versions.iter().map(|v| v.name).collect(),
        addresses: [ServerAddress {
            client_cidr: "0.0.0.0/0",
            server_address,
        }],
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiGroupList {
    kind: &'static str,
    api_version: &'static str,
    groups: Vec<ApiGroup>,
}

impl ApiGroupList {
    fn new(groups: &[Group]) -> Self {
        let named = groups.iter().filter(|g| !g.name.is_empty());
        Self {
            kind: "APIGroupList",
            api_version: "v1",
            groups: named.map(|g| ApiGroup::new(g, false)).collect(),
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiGroup {
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'static str>,
    name: &'static str,
    versions: Vec<GroupVersionForDiscovery>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_version: Option<GroupVersionForDiscovery>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct GroupVersionForDiscovery {
    group_version: String,
    version: &'static str,
}

impl ApiGroup {
    fn new(group: &Group, alone: bool) -> Self {
        let versions: Vec<_> = group
            .versions
            .iter()
            .map(|version| GroupVersionForDiscovery {
                group_version: group.group_version(version),
                version: version.name,
            })
            .collect();
        Self {
            kind: alone.then_some("APIGroup"),
            api_version: alone.then_some("v1"),
            name: group.name,
            preferred_version: versions.first().cloned(),
            versions,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiResourceList {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    api_version: Option<&'static str>,
    group_version: String,
    resources: Vec<ApiResource>,
}

impl ApiResourceList {
    /// Upstream leaves the `apiVersion` of the core group's list out.
    fn new(group: &Group, version: &Version) -> Self {
        let group_version = group.group_version(version);
        let mut resources: Vec<_> = version
            .resources
            .iter()
            .flat_map(|r| {
                let below = r.subresources_of(&group_version);
                std::iter::once(ApiResource::new(r, group.name))
                    .chain(below.map(|s| ApiResource::below(r, s, group.name, version.name)))
            })
            .collect();
        resources.sort_by(|a, b| a.name.cmp(&b.name));
        Self {
            kind: "APIResourceList",
            api_version: (!group.name.is_empty()).then_some("v1"),
            group_version,
            resources,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ApiResource {
    name: String,
    singular_name: String,
    namespaced: bool,
    #[serde(skip_serializing_if = "str::is_empty")]
    group: &'static str,
    #[serde(skip_serializing_if = "str::is_empty")]
    version: &'static str,
    kind: &'static str,
    verbs: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    short_names: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    categories: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    storage_version_hash: Option<String>,
}

impl ApiResource {
    fn new(resource: &Resource, group: &str) -> Self {
        Self {
            name: resource.plural.to_owned(),
            singular_name: resource.singular(),
            namespaced: resource.namespaced,
            group: "",
            version: "",
            kind: resource.kind,
            verbs: verbs_of(resource),
            short_names: short_names(resource, group),
            categories: resource.categories,
            storage_version_hash: storage_version_hash(resource),
        }
    }

    fn below(
        resource: &Resource,
        subresource: &'static Subresource,
        group: &str,
        version: &str,
    ) -> Self {
        let foreign = subresource
            .group_version
            .map(GroupVersion::parse)
            .filter(|gv| (gv.group, gv.version) != (group, version));
        Self {
            name: format!("{}/{}", resource.plural, subresource.name),
            singular_name: String::new(),
            namespaced: resource.namespaced,
            group: foreign.map_or("", |gv| gv.group),
            version: foreign.map_or("", |gv| gv.version),
            kind: subresource.kind,
            verbs: verbs(subresource.verbs),
            short_names: &[],
            categories: &[],
            storage_version_hash: None,
        }
    }
}

/// The verbs of a resource as discovery lists them: those of custom kinds in upstream's order.
pub(super) fn verbs_of(resource: &Resource) -> Vec<&'static str> {
    const CUSTOM: [Verb; 8] = [
        Verb::Delete,
        Verb::DeleteCollection,
        Verb::Get,
        Verb::List,
        Verb::Patch,
        Verb::Create,
        Verb::Update,
        Verb::Watch,
    ];
    if resource.strategy.custom().is_none() {
        return verbs(resource.verbs);
    }
    let supported = CUSTOM.iter().filter(|verb| resource.supports(**verb));
    supported.map(|verb| verb.as_str()).collect()
}

/// The verbs as discovery lists them, by name.
pub(super) fn verbs(verbs: &[Verb]) -> Vec<&'static str> {
    let mut names: Vec<_> = verbs.iter().map(|v| v.as_str()).collect();
    names.sort_unstable();
    names
}

/// Stored resources have one, reviews and computed resources do not.
fn storage_version_hash(resource: &Resource) -> Option<String> {
    let stored = resource.supports(Verb::Create) && resource.supports(Verb::Get);
    stored.then(|| {
        short_hash(&format!(
            "{}/{}/{}",
            resource.group, resource.version, resource.kind
        ))
    })
}
