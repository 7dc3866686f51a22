//! `DefaultStorageClass` and `DefaultIngressClass`: set the default class of claims and ingresses
//! that name none.
//!
//! Upstream: `plugin/pkg/admission/storage/storageclass/setdefault/admission.go` and
//! `plugin/pkg/admission/network/defaultingressclass/admission.go` of 1.24, where more than one
//! default is an error.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::Metadata;
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use k8s_openapi::api::storage::v1::StorageClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::{GroupResource, Status};

use crate::attributes::CLAIMS;
use crate::claims::BETA_STORAGE_CLASS;
use crate::lookup::Lookup;
use crate::{Attributes, MutatingPlugin};

const INGRESSES: GroupResource<'static> = GroupResource {
    group: "networking.k8s.io",
    resource: "ingresses",
};
const DEFAULT_STORAGE_CLASS: [&str; 2] = [
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
];
const DEFAULT_INGRESS_CLASS: [&str; 1] = ["ingressclass.kubernetes.io/is-default-class"];
const INGRESS_CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";

pub(crate) struct DefaultStorageClass(Arc<dyn Lookup<StorageClass>>);

pub(crate) struct DefaultIngressClass(Arc<dyn Lookup<IngressClass>>);

// === impl DefaultStorageClass ===

impl DefaultStorageClass {
    pub(crate) fn new(classes: &Arc<dyn Lookup<StorageClass>>) -> Self {
        Self(Arc::clone(classes))
    }
}

#[async_trait]
impl MutatingPlugin for DefaultStorageClass {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != CLAIMS || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let claim: &PersistentVolumeClaim = attributes.typed()?;
        let named = claim
            .spec
            .as_ref()
            .is_some_and(|s| s.storage_class_name.is_some());
        if named || has_annotation(&claim.metadata, BETA_STORAGE_CLASS) {
            return Ok(());
        }
        let class = default_class(
            &self.0.list(""),
            &DEFAULT_STORAGE_CLASS,
            "StorageClasses were found",
        );
        if let Some(class) = class.map_err(|why| attributes.forbidden(&why))? {
            let claim: &mut PersistentVolumeClaim = attributes.typed_mut()?;
            claim.spec.get_or_insert_default().storage_class_name = Some(class);
        }
        Ok(())
    }
}

// === impl DefaultIngressClass ===

impl DefaultIngressClass {
    pub(crate) fn new(classes: &Arc<dyn Lookup<IngressClass>>) -> Self {
        Self(Arc::clone(classes))
    }
}

#[async_trait]
impl MutatingPlugin for DefaultIngressClass {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if attributes.resource != INGRESSES || !attributes.subresource.is_empty() {
            return Ok(());
        }
        let ingress: &Ingress = attributes.typed()?;
        let named = ingress
            .spec
            .as_ref()
            .is_some_and(|s| s.ingress_class_name.is_some());
        if named || has_annotation(&ingress.metadata, INGRESS_CLASS_ANNOTATION) {
            return Ok(());
        }
        let class = default_class(
            &self.0.list(""),
            &DEFAULT_INGRESS_CLASS,
            "IngressClasses were found, only 1 allowed",
        );
        if let Some(class) = class.map_err(|why| attributes.forbidden(&why))? {
            let ingress: &mut Ingress = attributes.typed_mut()?;
            ingress.spec.get_or_insert_default().ingress_class_name = Some(class);
        }
        Ok(())
    }
}

fn has_annotation(metadata: &ObjectMeta, annotation: &str) -> bool {
    let annotations = metadata.annotations.as_ref();
    annotations.is_some_and(|a| a.contains_key(annotation))
}

/// The name of the class that one of the annotations in `marks` makes the default, if there is one;
/// `too_many` ends the error for several.
fn default_class<K: Metadata<Ty = ObjectMeta>>(
    classes: &[Arc<K>],
    marks: &[&str],
    too_many: &str,
) -> Result<Option<String>, String> {
    let is_marked = |metadata: &ObjectMeta| {
        let annotation = |key: &&str| metadata.annotations.as_ref()?.get(*key);
        marks
            .iter()
            .filter_map(annotation)
            .any(|value| value == "true")
    };
    let all = classes.iter().map(|class| class.metadata());
    let marked: Vec<_> = all.filter(|metadata| is_marked(metadata)).collect();
    match marked.as_slice() {
        [] => Ok(None),
        [one] => Ok(one.name.clone()),
        several => {
            let count = several.len();
            Err(format!(
                "Internal error occurred: {count} default {too_many}"
            ))
        }
    }
}
