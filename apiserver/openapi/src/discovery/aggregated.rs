//! `apidiscovery.k8s.io`: everything about all groups in one document, at `/api` and `/apis`.

use std::collections::HashMap;

use portcullis_api::GroupVersion;
use serde::Serialize;
use serde_json::Value;

use super::groups::short_names;
use super::legacy::{verbs, verbs_of};
use super::{Group, Version, json};
use crate::document::{Accepted, Document};
use portcullis_kinds::resource::{Resource, Subresource};

/// The paths of aggregated documents: the core group, and all others.
pub(super) const ROOTS: [&str; 2] = ["/api", "/apis"];

/// The versions of `apidiscovery.k8s.io`, which differ in name only.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Edition {
    V2,
    V2Beta1,
}

impl Edition {
    const ALL: [Self; 2] = [Self::V2, Self::V2Beta1];

    /// The edition in a clause of an `Accept` header.
    pub(super) fn asked_for(accepted: &Accepted<'_>) -> Option<Self> {
        let aggregated = accepted.media_type == "application/json"
            && accepted.parameter("g") == "apidiscovery.k8s.io"
            && accepted.parameter("as") == "APIGroupDiscoveryList";
        Self::ALL
            .into_iter()
            .find(|edition| aggregated && edition.version() == accepted.parameter("v"))
    }

    const fn version(self) -> &'static str {
        match self {
            Self::V2 => "v2",
            Self::V2Beta1 => "v2beta1",
        }
    }

    const fn content_type(self) -> &'static str {
        match self {
            Self::V2 => "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList",
            Self::V2Beta1 => {
                "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
            }
        }
    }
}

/// The documents of both roots in both editions.
pub(super) fn documents(groups: &[Group]) -> HashMap<(&'static str, Edition), Document> {
    let mut documents = HashMap::new();
    for root in ROOTS {
        for edition in Edition::ALL {
            let of_root = groups
                .iter()
                .filter(|g| g.name.is_empty() == (root == "/api"));
            let list = DiscoveryList {
                kind: "APIGroupDiscoveryList",
                api_version: format!("apidiscovery.k8s.io/{}", edition.version()),
                metadata: Empty {},
                items: of_root.map(GroupDiscovery::new).collect(),
            };
            let document = Document::tagged(edition.content_type(), json(&list));
            documents.insert((root, edition), document);
        }
    }
    documents
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DiscoveryList {
    kind: &'static str,
    api_version: String,
    metadata: Empty,
    items: Vec<GroupDiscovery>,
}

#[derive(Serialize)]
struct GroupDiscovery {
    metadata: Metadata,
    versions: Vec<VersionDiscovery>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    #[serde(skip_serializing_if = "str::is_empty")]
    name: &'static str,
    creation_timestamp: (),
}

impl GroupDiscovery {
    fn new(group: &Group) -> Self {
        let versions = group.versions.iter();
        Self {
            metadata: Metadata {
                name: group.name,
                creation_timestamp: (),
            },
            versions: versions
                .map(|v| VersionDiscovery::new(group.name, v))
                .collect(),
        }
    }
}

#[derive(Serialize)]
struct VersionDiscovery {
    version: &'static str,
    resources: Resources,
    freshness: &'static str,
}

/// The resources of a version of this or another server.
#[derive(Serialize)]
#[serde(untagged)]
enum Resources {
    Own(Vec<ResourceDiscovery>),
    Remote(Vec<Value>),
}

impl VersionDiscovery {
    fn new(group: &'static str, version: &Version) -> Self {
        if let Some(remote) = &version.remote {
            return Self {
                version: version.name,
                resources: Resources::Remote(remote.resources.clone()),
                freshness: if remote.is_current {
                    "Current"
                } else {
                    "Stale"
                },
            };
        }
        let own = GroupVersion {
            group,
            version: version.name,
        };
        Self {
            version: version.name,
            resources: Resources::Own(
                version
                    .resources
                    .iter()
                    .map(|r| ResourceDiscovery::new(r, own))
                    .collect(),
            ),
            freshness: "Current",
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceDiscovery {
    resource: &'static str,
    response_kind: ResponseKind,
    scope: &'static str,
    singular_resource: String,
    verbs: Vec<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    short_names: &'static [&'static str],
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    categories: &'static [&'static str],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    subresources: Vec<SubresourceDiscovery>,
}

#[derive(Serialize)]
struct ResponseKind {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
}

impl ResponseKind {
    const fn new(group_version: GroupVersion<'static>, kind: &'static str) -> Self {
        Self {
            group: group_version.group,
            version: group_version.version,
            kind,
        }
    }
}

impl ResourceDiscovery {
    fn new(resource: &Resource, own: GroupVersion<'static>) -> Self {
        let mut subresources: Vec<_> = resource
            .subresources_of(&own.to_string())
            .map(|s| SubresourceDiscovery::new(s, own))
            .collect();
        subresources.sort_by_key(|s| s.subresource);
        Self {
            resource: resource.plural,
            response_kind: ResponseKind::new(own, resource.kind),
            scope: if resource.namespaced {
                "Namespaced"
            } else {
                "Cluster"
            },
            singular_resource: resource.singular(),
            verbs: verbs_of(resource),
            short_names: short_names(resource, own.group),
            categories: resource.categories,
            subresources,
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SubresourceDiscovery {
    subresource: &'static str,
    response_kind: ResponseKind,
    verbs: Vec<&'static str>,
}

impl SubresourceDiscovery {
    fn new(subresource: &'static Subresource, own: GroupVersion<'static>) -> Self {
        let group_version = subresource.group_version.map_or(own, GroupVersion::parse);
        Self {
            subresource: subresource.name,
            response_kind: ResponseKind::new(group_version, subresource.kind),
            verbs: verbs(subresource.verbs),
        }
    }
}
