//! `AlwaysDeny` and `AlwaysPullImages`.
//!
//! Upstream: `plugin/pkg/admission/deny/admission.go`, `alwayspullimages/admission.go`; the latter
//! ignores ephemeral containers when they are added.

use async_trait::async_trait;
use k8s_openapi::api::core::v1::{Pod, PodSpec};
use portcullis_api::{Object, Status};

use crate::{Attributes, MutatingPlugin, ValidatingPlugin};

/// Denies every request.
#[derive(Debug)]
pub(crate) struct AlwaysDeny;

/// Sets `imagePullPolicy: Always`, so that a private image runs only with credentials for it, even
/// on a node that already has the image.
#[derive(Debug)]
pub(crate) struct AlwaysPullImages;

// === impl AlwaysDeny ===

impl AlwaysDeny {
    fn deny(attributes: &Attributes<'_>) -> Result<(), Status> {
        Err(attributes.forbidden("admission control is denying all modifications"))
    }
}

#[async_trait]
impl MutatingPlugin for AlwaysDeny {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        Self::deny(attributes)
    }
}

#[async_trait]
impl ValidatingPlugin for AlwaysDeny {
    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), Status> {
        Self::deny(attributes)
    }
}

// === impl AlwaysPullImages ===

#[async_trait]
impl MutatingPlugin for AlwaysPullImages {
    async fn mutate(&self, attributes: &mut Attributes<'_>) -> Result<(), Status> {
        if !attributes.may_add_containers() {
            return Ok(());
        }
        let old = attributes.old_object;
        if attributes.is_ephemeral_containers() {
            pull_added_images(attributes.pod_mut()?, old);
            return Ok(());
        }
        let spec = attributes.pod_mut()?.spec.get_or_insert_default();
        if adds_no_image(spec, old) {
            return Ok(());
        }
        let always = || Some("Always".to_owned());
        for container in spec.init_containers.iter_mut().flatten() {
            container.image_pull_policy = always();
        }
        for container in &mut spec.containers {
            container.image_pull_policy = always();
        }
        for container in spec.ephemeral_containers.iter_mut().flatten() {
            container.image_pull_policy = always();
        }
        Ok(())
    }
}

/// Leaves existing ephemeral containers alone, because they are immutable.
fn pull_added_images(pod: &mut Pod, old: Option<&dyn Object>) {
    let old = old.and_then(<dyn Object>::as_kind::<Pod>);
    let old = old.and_then(|pod| pod.spec.as_ref()?.ephemeral_containers.as_deref());
    let exists = |name: &str| old.is_some_and(|old| old.iter().any(|c| c.name == name));
    let spec = pod.spec.get_or_insert_default();
    for container in spec.ephemeral_containers.iter_mut().flatten() {
        if !exists(&container.name) {
            container.image_pull_policy = Some("Always".to_owned());
        }
    }
}

fn images(spec: &PodSpec) -> impl Iterator<Item = &str> {
    let init = spec.init_containers.iter().flatten();
    let regular = init.chain(&spec.containers).map(|c| c.image.as_deref());
    let ephemeral = spec.ephemeral_containers.iter().flatten();
    let all = regular.chain(ephemeral.map(|c| c.image.as_deref()));
    all.map(Option::unwrap_or_default)
}

/// Whether this is an update of a pod that already had all these images.
fn adds_no_image(spec: &PodSpec, old: Option<&dyn Object>) -> bool {
    let old = old.and_then(<dyn Object>::as_kind::<Pod>);
    let Some(old) = old.and_then(|pod| pod.spec.as_ref()) else {
        return false;
    };
    images(spec).all(|image| images(old).any(|had| had == image))
}
