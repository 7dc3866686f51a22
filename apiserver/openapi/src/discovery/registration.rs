//! The API services of served versions, of this and other servers.

use portcullis_kinds::kinds::api_service::priorities::Priorities;
use serde_json::{Map, Value, json};

/// The relevant fields of an API service.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// The group, empty for core.
    pub group: String,
    /// The version in it.
    pub version: String,
    /// The priorities that order it.
    pub priorities: Priorities,
    /// The resources of another server, if this one does not serve the version.
    pub remote: Option<RemoteVersion>,
}

/// The resources of another server.
#[derive(Clone, Debug, PartialEq)]
pub struct RemoteVersion {
    /// Its resources, in the form of `apidiscovery.k8s.io`.
    pub resources: Vec<Value>,
    /// Whether they are current.
    pub is_current: bool,
}

/// The resources of a legacy `APIResourceList`, in the form of `apidiscovery.k8s.io` (upstream:
/// `convertAPIResourcesToDiscovery`).
pub fn resources_of(list: &Value) -> Vec<Value> {
    let group_version = list["groupVersion"].as_str().unwrap_or_default();
    let all = list["resources"].as_array().map_or(&[][..], Vec::as_slice);
    let name = |resource: &Value| resource["name"].as_str().unwrap_or_default().to_owned();
    let (below, own): (Vec<_>, Vec<_>) = all.iter().partition(|r| name(r).contains('/'));
    let with_subresources = |resource: &&Value| {
        let mut discovery = described(resource, group_version);
        discovery.insert("resource".into(), name(resource).into());
        discovery.insert("singularResource".into(), resource["singularName"].clone());
        let namespaced = resource["namespaced"] == true;
        let scope = if namespaced { "Namespaced" } else { "Cluster" };
        discovery.insert("scope".into(), scope.into());
        for field in ["shortNames", "categories"] {
            if let Some(names) = resource.get(field).filter(|names| names.is_array()) {
                discovery.insert(field.into(), names.clone());
            }
        }
        let prefix = format!("{}/", name(resource));
        let below = below.iter().filter_map(|subresource| {
            let name = name(subresource).strip_prefix(&prefix)?.to_owned();
            let mut discovery = described(subresource, group_version);
            discovery.insert("subresource".into(), name.into());
            Some(Value::Object(discovery))
        });
        let below: Vec<_> = below.collect();
        if !below.is_empty() {
            discovery.insert("subresources".into(), below.into());
        }
        Value::Object(discovery)
    };
    own.iter().map(with_subresources).collect()
}

/// The fields that resources and subresources share: the kind of their objects, and verbs.
fn described(resource: &Value, group_version: &str) -> Map<String, Value> {
    let (group, version) = group_version.split_once('/').unwrap_or(("", group_version));
    let or = |field: &str, other: &str| {
        let own = resource[field].as_str().filter(|own| !own.is_empty());
        own.unwrap_or(other).to_owned()
    };
    let kind = json!({
        "group": or("group", group),
        "version": or("version", version),
        "kind": resource["kind"],
    });
    let verbs = resource["verbs"].as_array().cloned().unwrap_or_default();
    Map::from_iter([
        ("responseKind".to_owned(), kind),
        ("verbs".to_owned(), verbs.into()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_legacy_list_is_converted_to_the_new_form() {
        let list = json!({"groupVersion": "example.org/v1", "resources": [
            {"name": "rubies", "singularName": "ruby", "namespaced": true, "kind": "Ruby",
                "verbs": ["get"], "shortNames": ["rb"]},
            {"name": "rubies/scale", "singularName": "", "namespaced": true, "kind": "Scale",
                "group": "autoscaling", "version": "v1", "verbs": ["get"]}]});
        let kind = |group: &str, kind: &str| json!({"group": group, "version": "v1", "kind": kind});
        assert_eq!(
            resources_of(&list),
            [
                json!({"resource": "rubies", "responseKind": kind("example.org", "Ruby"),
                "scope": "Namespaced", "singularResource": "ruby", "verbs": ["get"], "shortNames": ["rb"],
                "subresources": [{"subresource": "scale", "responseKind": kind("autoscaling", "Scale"),
                    "verbs": ["get"]}]})
            ]
        );
    }
}
