//! The owners of the number of replicas, in scales and in the scaled objects.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go`.

use std::collections::BTreeSet;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use portcullis_kinds::resource::Resource;

use super::element::Element;
use super::field_set::{FieldSet, Node};
use super::managed::{Managed, Operation, Owned, Owner};

/// The `apiVersion` of scales.
pub const API_VERSION: &str = "autoscaling/v1";

/// The entries of a scale: the owners of replicas, with this field only.
pub fn of_scale(
    parent: Option<Vec<ManagedFieldsEntry>>,
    resource: &Resource,
) -> Option<Vec<ManagedFieldsEntry>> {
    let owners = Managed::decode(parent.unwrap_or_default()).unwrap_or_default();
    let owners = owners.0.into_iter();
    let owners = owners.filter(|(_, owned)| owns_replicas(owned, resource));
    let scaled = owners.map(|(owner, owned)| {
        let mut replicas = Owned::new(API_VERSION, field(&IN_SCALE));
        replicas.time = owned.time;
        (labelled(owner, API_VERSION), replicas)
    });
    Managed(scaled.collect()).encode()
}

/// The entries of the scaled object, given those of its changed scale.
///
/// An owner that no longer owns the replicas loses them, in whichever version; the others keep their other
/// fields. A new owner's entry is of `api_version`, and has no time.
pub fn of_parent(
    parent: Option<Vec<ManagedFieldsEntry>>,
    scale: Option<Vec<ManagedFieldsEntry>>,
    resource: &Resource,
    api_version: &str,
) -> Option<Vec<ManagedFieldsEntry>> {
    let mut managed = Managed::decode(parent.unwrap_or_default()).unwrap_or_default();
    let scale = Managed::decode(scale.unwrap_or_default()).unwrap_or_default();
    let has_field = |owned: &Owned| contains(&owned.fields, &IN_SCALE);
    let scale = scale.0.into_iter().filter(|(_, owned)| has_field(owned));
    let mut owners: BTreeSet<Owner> = scale.map(|(owner, _)| owner).collect();
    let mut kept = BTreeSet::new();
    for (owner, owned) in &mut managed.0 {
        if !owns_replicas(owned, resource) {
            continue;
        }
        let in_scale = labelled(owner.clone(), API_VERSION);
        if owners.contains(&in_scale) {
            kept.insert(in_scale);
        } else if let Some(path) = path(resource, &owned.api_version) {
            owned.lose(&field(&path));
        }
    }
    owners.retain(|owner| !kept.contains(owner));
    let replicas = path(resource, api_version).map(|path| field(&path));
    for owner in owners {
        let owned = managed
            .0
            .entry(labelled(owner, api_version))
            .or_insert_with(|| Owned::new(api_version, FieldSet::default()));
        owned.gain(replicas.clone().unwrap_or_default());
    }
    managed.drop_empty();
    managed.encode()
}

/// An owner in another version.
fn labelled(owner: Owner, api_version: &str) -> Owner {
    Owner {
        version: match owner.operation {
            Operation::Apply => String::new(),
            Operation::Update => api_version.to_owned(),
        },
        ..owner
    }
}

/// Where scales and built-in kinds have their replicas.
const IN_SCALE: [&str; 2] = ["spec", "replicas"];

/// Where a version of a resource has its replicas; `None` if it has no scale.
fn path<'r>(resource: &'r Resource, api_version: &str) -> Option<Vec<&'r str>> {
    match resource.strategy.custom() {
        None => Some(IN_SCALE.to_vec()),
        Some(custom) => {
            let path = custom.replicas_path(api_version)?;
            Some(path.split('.').filter(|name| !name.is_empty()).collect())
        }
    }
}

fn owns_replicas(owned: &Owned, resource: &Resource) -> bool {
    let path = path(resource, &owned.api_version);
    path.is_some_and(|path| contains(&owned.fields, &path))
}

/// The set of one field.
fn field(path: &[&str]) -> FieldSet {
    let mut set = FieldSet::default();
    if let [first, rest @ ..] = path {
        let node = match rest {
            [] => Node::LEAF,
            rest => Node {
                member: false,
                below: field(rest),
            },
        };
        set.put(Element::Field((*first).into()), node);
    }
    set
}

fn contains(fields: &FieldSet, path: &[&str]) -> bool {
    let at = |name: &str| Element::Field(name.into());
    match path {
        [] => false,
        [last] => fields.get(&at(last)).is_some_and(|node| node.member),
        [first, rest @ ..] => contains(fields.below(&at(first)), rest),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
    use portcullis_api::fields_v1;
    use portcullis_kinds::custom::CustomKind;
    use portcullis_kinds::row::row;
    use portcullis_kinds::table;
    use serde_json::{Value, json};

    use super::*;

    fn entry(
        manager: &str,
        version: &str,
        subresource: &str,
        fields: &Value,
    ) -> ManagedFieldsEntry {
        ManagedFieldsEntry {
            api_version: Some(version.into()),
            fields_type: Some("FieldsV1".into()),
            fields_v1: Some(fields_v1::from_text(fields.to_string())),
            manager: Some(manager.into()),
            operation: Some("Update".into()),
            subresource: Some(subresource.into()).filter(|s: &String| !s.is_empty()),
            time: None,
        }
    }

    fn deployments() -> &'static Resource {
        table::find("apps/v1", "deployments").unwrap()
    }

    /// A kind whose two versions have their replicas in different places.
    fn widgets() -> &'static Resource {
        let version = |name: &str, path: &str| {
            json!({"name": name, "served": true, "storage": name == "v1",
                "schema": {"openAPIV3Schema": {"type": "object",
                    "x-kubernetes-preserve-unknown-fields": true}},
                "subresources": {"scale": {"specReplicasPath": path,
                    "statusReplicasPath": ".status.replicas"}}})
        };
        let definition: CustomResourceDefinition = serde_json::from_value(json!({
            "metadata": {"name": "widgets.example.com"},
            "spec": {"group": "example.com", "scope": "Namespaced",
                "names": {"plural": "widgets", "kind": "Widget"},
                "versions": [version("v1", ".spec.replicas"), version("v2", ".spec.size.count")]},
        }))
        .unwrap();
        let kind = CustomKind::compile(&definition).unwrap();
        Box::leak(Box::new(row(&definition, Arc::new(kind))))
    }

    #[test]
    fn every_version_has_its_own_path() {
        let count = json!({"f:spec": {"f:size": {"f:count": {}}}});
        let (v1, v2) = ("example.com/v1", "example.com/v2");
        let parent = vec![entry("a", v1, "", &all()), entry("b", v2, "", &count)];
        let scale = of_scale(Some(parent.clone()), widgets()).unwrap();
        let in_scale = |manager| entry(manager, API_VERSION, "", &only());
        assert_eq!(scale, [in_scale("a"), in_scale("b")]);
        let kept = of_parent(Some(parent.clone()), Some(scale), widgets(), v2);
        assert_eq!(kept, Some(parent.clone()));
        let taken = vec![entry("c", API_VERSION, "scale", &only())];
        let expected = [
            entry("a", v1, "", &json!({"f:spec": {"f:paused": {}}})),
            entry("c", v2, "scale", &count),
        ];
        let taken = of_parent(Some(parent), Some(taken), widgets(), v2);
        assert_eq!(taken.unwrap(), expected);
    }

    fn all() -> Value {
        json!({"f:spec": {"f:paused": {}, "f:replicas": {}}})
    }

    fn only() -> Value {
        json!({"f:spec": {"f:replicas": {}}})
    }

    #[test]
    fn a_scale_lists_only_the_owners_of_replicas() {
        let other = entry("b", "apps/v1", "", &json!({"f:spec": {"f:paused": {}}}));
        let parent = vec![entry("a", "apps/v1", "", &all()), other];
        let expected = vec![entry("a", API_VERSION, "", &only())];
        assert_eq!(of_scale(Some(parent), deployments()), Some(expected));
        assert_eq!(of_scale(None, deployments()), None);
    }

    #[test]
    fn a_new_owner_takes_the_replicas_and_nothing_else() {
        let parent = vec![entry("a", "apps/v1", "", &all())];
        let scale = vec![entry("kubectl", API_VERSION, "scale", &only())];
        let expected = vec![
            entry("a", "apps/v1", "", &json!({"f:spec": {"f:paused": {}}})),
            entry("kubectl", "apps/v1", "scale", &only()),
        ];
        let merged = of_parent(Some(parent), Some(scale), deployments(), "apps/v1");
        assert_eq!(merged, Some(expected));
    }

    #[test]
    fn an_owner_that_stays_keeps_the_entry() {
        let parent = Some(vec![entry("a", "apps/v1", "", &all())]);
        let scale = of_scale(parent.clone(), deployments());
        let merged = of_parent(parent.clone(), scale, deployments(), "apps/v1");
        assert_eq!(merged, parent);
    }
}
