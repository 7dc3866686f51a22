//! The scale of objects with replicas: one view of several kinds.
//!
//! Upstream: `ScaleREST` in `pkg/registry/apps/{deployment,replicaset,statefulset}/storage` and
//! `pkg/registry/core/replicationcontroller/storage`, `pkg/apis/autoscaling/validation`.

use std::collections::BTreeMap;

use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet, StatefulSet};
use k8s_openapi::api::autoscaling::v1::{Scale, ScaleSpec, ScaleStatus};
use k8s_openapi::api::core::v1::ReplicationController;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use portcullis_api::{ErrorList, Object, Path};

use crate::custom::Replicas;
use crate::resource::Resource;
use crate::strategy::{Cell, Column, Strategy};
use crate::validation::labels::{format_label_selector, is_empty_selector};
use crate::validation::not_negative;

/// The row of scales. It is not in the table: scales are subresources of other rows.
pub static SCALE: Resource = Resource::namespaced(&ScaleStrategy);

/// The rules of scales.
pub struct ScaleStrategy;

impl Strategy for ScaleStrategy {
    type Kind = Scale;

    fn validate(&self, scale: &Scale) -> ErrorList {
        let replicas = scale.spec.as_ref().and_then(|s| s.replicas);
        let path = Path::new("spec").child("replicas");
        let mut errors = ErrorList::new();
        not_negative(replicas.map(i64::from), &path, &mut errors);
        errors
    }

    fn columns(&self) -> &'static [Column] {
        static COLUMNS: [Column; 4] = [
            Column::NAME,
            Column::integer("Desired", "Number of desired replicas."),
            Column::integer("Available", "Number of replicas that are there."),
            Column::AGE,
        ];
        &COLUMNS
    }

    fn cells(&self, scale: &Scale) -> Vec<Cell> {
        let desired = scale.spec.as_ref().and_then(|s| s.replicas);
        let available = scale.status.as_ref().map_or(0, |s| s.replicas);
        vec![
            Cell::name(scale),
            Cell::integer(desired.unwrap_or_default().into()),
            Cell::integer(available.into()),
            Cell::age(scale),
        ]
    }
}

/// The scale of an object; `None` if its kind has none.
pub fn scale_of(resource: &Resource, object: &dyn Object) -> Option<Scale> {
    let numbers = match (resource.strategy.custom(), object.as_kind()) {
        (Some(custom), Some(object)) => custom.replicas(object)?,
        _ => numbers(object)?,
    };
    let meta = object.metadata();
    Some(Scale {
        metadata: ObjectMeta {
            name: meta.name.clone(),
            namespace: meta.namespace.clone(),
            uid: meta.uid.clone(),
            resource_version: meta.resource_version.clone(),
            creation_timestamp: meta.creation_timestamp.clone(),
            ..ObjectMeta::default()
        },
        spec: Some(ScaleSpec {
            replicas: numbers.wanted.filter(|n| *n != 0),
        }),
        status: Some(ScaleStatus {
            replicas: numbers.current.unwrap_or_default(),
            selector: Some(numbers.selector).filter(|s| !s.is_empty()),
        }),
    })
}

/// Sets the desired replicas of an object.
pub fn set_replicas(resource: &Resource, object: &mut dyn Object, replicas: i32) {
    match (resource.strategy.custom(), object.as_kind_mut()) {
        (Some(custom), Some(object)) => custom.set_replicas(object, replicas),
        _ => set_built_in(object, replicas),
    }
}

macro_rules! scalable {
    ($($kind:ty: |$found:ident| $spec:expr, $filled:expr, $selector:ident;)*) => {
        fn numbers(object: &dyn Object) -> Option<Replicas> {
            $(if let Some($found) = object.as_kind::<$kind>() {
                let (spec, status) = ($spec, $found.status.as_ref());
                return Some(Replicas {
                    wanted: spec.and_then(|s| s.replicas),
                    current: status.and_then(|s| s.replicas.into()),
                    selector: spec.map(|s| $selector(&s.selector)).unwrap_or_default(),
                });
            })*
            None
        }

        fn set_built_in(object: &mut dyn Object, replicas: i32) {
            $(if let Some($found) = object.as_kind_mut::<$kind>() {
                $filled.replicas = Some(replicas);
            })*
        }
    };
}

// A kind, the place of its spec, the place to change, and the form of its selector.
scalable! {
    Deployment: |found| Some(&found.spec), found.spec, text_of;
    ReplicaSet: |found| Some(&found.spec), found.spec, text_of;
    StatefulSet: |found| Some(&found.spec), found.spec, text_of;
    ReplicationController:
        |found| found.spec.as_ref(), found.spec.get_or_insert_default(), text_of_labels;
}

/// Labels are a selector if there is no other.
fn text_of_labels(labels: &Option<BTreeMap<String, String>>) -> String {
    text_of(&LabelSelector {
        match_labels: labels.clone(),
        ..LabelSelector::default()
    })
}

/// A selector in the notation of queries; an empty one selects nothing.
fn text_of(selector: &LabelSelector) -> String {
    if is_empty_selector(selector) {
        return String::new();
    }
    format_label_selector(Some(selector))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(replicas: i32) -> ReplicaSet {
        let selector = LabelSelector {
            match_labels: Some([("b".into(), "1".into()), ("a".into(), "2".into())].into()),
            ..LabelSelector::default()
        };
        let spec = k8s_openapi::api::apps::v1::ReplicaSetSpec {
            replicas: Some(replicas),
            selector,
            ..Default::default()
        };
        ReplicaSet {
            spec,
            ..ReplicaSet::default()
        }
    }

    #[test]
    fn a_scale_shows_desired_and_current_replicas() {
        let scale = scale_of(&SCALE, &set(3)).unwrap();
        assert_eq!(scale.spec.unwrap().replicas, Some(3));
        let status = scale.status.unwrap();
        assert_eq!(
            (status.replicas, status.selector.as_deref()),
            (0, Some("a=2,b=1"))
        );
        let none = scale_of(&SCALE, &set(0)).unwrap();
        assert_eq!(none.spec.unwrap().replicas, None);
        assert!(scale_of(&SCALE, &k8s_openapi::api::core::v1::Pod::default()).is_none());
    }

    #[test]
    fn replicas_are_set_in_every_kind_that_has_a_scale() {
        let objects: [Box<dyn Object>; 4] = [
            Box::new(Deployment::default()),
            Box::new(ReplicaSet::default()),
            Box::new(StatefulSet::default()),
            Box::new(ReplicationController::default()),
        ];
        for mut object in objects {
            set_replicas(&SCALE, object.as_mut(), 7);
            let scale = scale_of(&SCALE, object.as_ref()).unwrap();
            assert_eq!(scale.spec.unwrap().replicas, Some(7), "{object:?}");
        }
    }

    #[test]
    fn negative_replicas_are_rejected() {
        let mut scale = scale_of(&SCALE, &set(-1)).unwrap();
        scale.metadata.name = Some("web".into());
        scale.metadata.namespace = Some("default".into());
        let errors = Strategy::validate(&ScaleStrategy, &scale);
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].field, "spec.replicas");
    }
}
