//! The owners of the number of replicas, in scales and in the scaled objects.
//!
//! Upstream: `k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go`.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;

use super::element::Element;
use super::field_set::{FieldSet, Node};
use super::managed::{Managed, Operation, Owned, Owner};

/// The `apiVersion` of scales.
pub const API_VERSION: &str = "autoscaling/v1";

/// The entries of a scale: the owners of replicas, with this field only.
pub fn of_scale(parent: Option<Vec<ManagedFieldsEntry>>) -> Option<Vec<ManagedFieldsEntry>> {
    let owners = Managed::decode(parent.unwrap_or_default()).unwrap_or_default();
    let owners = owners
        .0
        .into_iter()
        .filter(|(_, owned)| has_replicas(owned));
    let scaled = owners.map(|(owner, owned)| {
        let mut replicas = Owned::new(API_VERSION, replicas());
        replicas.time = owned.time;
        (labelled(owner, API_VERSION), replicas)
    });
    Managed(scaled.collect()).encode()
}

/// The entries of the scaled object, given those of its changed scale. An owner that no longer owns the
/// replicas loses them; the others keep their other fields. A new owner's entry has no time.
pub fn of_parent(
    parent: Option<Vec<ManagedFieldsEntry>>,
    scale: Option<Vec<ManagedFieldsEntry>>,
    api_version: &str,
) -> Option<Vec<ManagedFieldsEntry>> {
    let mut managed = Managed::decode(parent.unwrap_or_default()).unwrap_or_default();
    let scale = Managed::decode(scale.unwrap_or_default()).unwrap_or_default();
    let scale = scale.0.into_iter().filter(|(_, owned)| has_replicas(owned));
    let owners: BTreeMap<Owner, Owned> = scale
        .map(|(owner, owned)| (labelled(owner, api_version), owned))
        .collect();
    let replicas = replicas();
    for (owner, owned) in &mut managed.0 {
        if !owners.contains_key(owner) {
            owned.lose(&replicas);
        }
    }
    for owner in owners.into_keys() {
        let owned = managed
            .0
            .entry(owner)
            .or_insert_with(|| Owned::new(api_version, FieldSet::default()));
        if !has_replicas(owned) {
            owned.gain(replicas.clone());
        }
    }
    managed.prune(|_| true);
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

fn spec() -> Element {
    Element::Field("spec".to_owned())
}

fn count() -> Element {
    Element::Field("replicas".to_owned())
}

/// `spec.replicas`, which both kinds of objects have.
fn replicas() -> FieldSet {
    let mut below = FieldSet::default();
    below.put(count(), Node::LEAF);
    let mut set = FieldSet::default();
    let node = Node {
        member: false,
        below,
    };
    set.put(spec(), node);
    set
}

fn has_replicas(owned: &Owned) -> bool {
    let below = owned.fields.below(&spec());
    below.get(&count()).is_some_and(|node| node.member)
}

#[cfg(test)]
mod tests {
    use portcullis_api::fields_v1;
    use serde_json::{Value, json};

    use super::*;

    fn entry(manager: &str, version: &str, subresource: &str, fields: Value) -> ManagedFieldsEntry {
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

    fn all() -> Value {
        json!({"f:spec": {"f:paused": {}, "f:replicas": {}}})
    }

    fn only() -> Value {
        json!({"f:spec": {"f:replicas": {}}})
    }

    #[test]
    fn a_scale_lists_only_the_owners_of_replicas() {
        let other = entry("b", "apps/v1", "", json!({"f:spec": {"f:paused": {}}}));
        let parent = vec![entry("a", "apps/v1", "", all()), other];
        let expected = vec![entry("a", API_VERSION, "", only())];
        assert_eq!(of_scale(Some(parent)), Some(expected));
        assert_eq!(of_scale(None), None);
    }

    #[test]
    fn a_new_owner_takes_the_replicas_and_nothing_else() {
        let parent = vec![entry("a", "apps/v1", "", all())];
        let scale = vec![entry("kubectl", API_VERSION, "scale", only())];
        let expected = vec![
            entry("a", "apps/v1", "", json!({"f:spec": {"f:paused": {}}})),
            entry("kubectl", "apps/v1", "scale", only()),
        ];
        let merged = of_parent(Some(parent), Some(scale), "apps/v1");
        assert_eq!(merged, Some(expected));
    }

    #[test]
    fn an_owner_that_stays_keeps_the_entry() {
        let parent = Some(vec![entry("a", "apps/v1", "", all())]);
        let merged = of_parent(parent.clone(), of_scale(parent.clone()), "apps/v1");
        assert_eq!(merged, parent);
    }
}
