//! The scale of an object, read and changed by the same verbs as objects.
//!
//! Upstream: `ScaleREST` and `scaleUpdatedObjectInfo` in `pkg/registry/apps/deployment/storage`.

use std::sync::Arc;

use async_trait::async_trait;
use k8s_openapi::api::autoscaling::v1::Scale;
use portcullis_api::status::Reason;
use portcullis_api::{GroupResource, Object, Path, Status, name};
use portcullis_storage::Entry;

use super::call::Call;
use portcullis_kinds::kinds::scale::{SCALE, scale_of, set_replicas};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::validation::object_meta::validate_object_meta;
use portcullis_registry::codec;
use portcullis_registry::current::Current;
use portcullis_registry::field_manager::scale::{of_parent, of_scale};
use portcullis_registry::update::Change;

/// A change of a scale, as a change of the scaled object.
pub struct Rescaled<'c, C> {
    /// The call for the scale.
    pub call: &'c Call<'c>,
    /// The resource of the scaled object.
    pub parent: &'c Resource,
    /// The change.
    pub change: &'c C,
}

#[async_trait]
impl<C: Change> Change for Rescaled<'_, C> {
    async fn apply(&self, current: Option<&Current>) -> Result<Box<dyn Object>, Status> {
        let missing = || missing(self.call, self.parent);
        let current = current.ok_or_else(missing)?;
        let mut scale = scale_of(self.parent, current.object.as_ref()).ok_or_else(missing)?;
        let owners = current.object.metadata().managed_fields.clone();
        scale.metadata.managed_fields = of_scale(owners.clone(), self.parent);
        let entry = entry(scale, &current.entry);
        let before = Current::read(&self.call.scope, entry)?;
        let after = self.change.apply(Some(&before)).await?;
        self.check(after.as_ref(), current)?;
        let mut object = current.object.clone();
        let replicas = after
            .as_kind::<Scale>()
            .and_then(|s| s.spec.as_ref()?.replicas);
        set_replicas(self.parent, object.as_mut(), replicas.unwrap_or_default());
        let (meta, scaled) = (object.metadata_mut(), after.metadata());
        let version = scaled.resource_version.clone().filter(|v| !v.is_empty());
        // the scale of a custom object may be replaced regardless of the object's version
        meta.resource_version = match self.parent.strategy.custom() {
            Some(_) => version.or(meta.resource_version.take()),
            None => version,
        };
        let entries = scaled.managed_fields.clone();
        let version = self.call.info.api_version();
        meta.managed_fields = of_parent(owners, entries, self.parent, &version);
        Ok(object)
    }
}

impl<C> Rescaled<'_, C> {
    fn check(&self, scale: &dyn Object, current: &Current) -> Result<(), Status> {
        let meta = scale.metadata();
        let valid_name = |value: &str| name::dns1123_subdomain(value);
        let mut errors = validate_object_meta(meta, true, true, valid_name, &Path::new("metadata"));
        if self.parent.strategy.custom().is_none() {
            errors.extend(SCALE.strategy.validate(scale));
        }
        let name = self.call.scope.name;
        if !errors.is_empty() {
            return Err(Status::invalid(SCALE.group_kind(), name, &errors));
        }
        let uid = meta.uid.as_deref().unwrap_or_default();
        let actual = current.object.metadata().uid.as_deref().unwrap_or_default();
        if !uid.is_empty() && uid != actual {
            let why = format!(
                "Precondition failed: UID in precondition: {uid}, UID in object meta: {actual}"
            );
            return Err(with_name(self.parent, |scales| {
                Status::conflict(scales, name, &why)
            }));
        }
        Ok(())
    }
}

/// The entry of an object's scale.
///
/// # Errors
/// 404 for an object without a scale, and as [`codec::object`].
pub fn view(call: &Call<'_>, parent: &Resource, stored: &Entry) -> Result<Arc<Entry>, Status> {
    let object = codec::object(parent, stored)?;
    let scale = scale_of(parent, object.as_ref()).ok_or_else(|| missing(call, parent))?;
    if let (Some(custom), Some(object)) = (parent.strategy.custom(), object.as_kind())
        && let Some(path) = custom.unset_replicas(object)
    {
        let why = format!("the spec replicas field {path:?} does not exist");
        return Err(Status::internal(why));
    }
    Ok(entry(scale, stored))
}

fn entry(scale: Scale, stored: &Entry) -> Arc<Entry> {
    let bytes = codec::encode(&SCALE, Box::new(scale));
    Entry::new(stored.key.clone(), bytes, stored.revision)
}

/// The error for a scale, given the error for its object.
pub fn unless_missing(call: &Call<'_>, parent: &Resource, status: Status) -> Status {
    match status.reason {
        Some(Reason::NotFound) => missing(call, parent),
        Some(_) | None => status,
    }
}

/// A 404 that names the scale, not its object; except for custom objects.
fn missing(call: &Call<'_>, parent: &Resource) -> Status {
    if parent.strategy.custom().is_some() {
        return Status::not_found(parent.group_resource(), call.scope.name);
    }
    with_name(parent, |scales| Status::not_found(scales, call.scope.name))
}

fn with_name(parent: &Resource, make: impl FnOnce(GroupResource<'_>) -> Status) -> Status {
    make(GroupResource {
        group: parent.group,
        resource: &format!("{}/scale", parent.plural),
    })
}
