//! When managers last wrote.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use portcullis_api::Object;

use super::managed::same_but_for_times;
use crate::current::Current;

/// A change that changed nothing keeps the times of the entries, so that it is none (upstream:
/// `IgnoreManagedFieldsTimestampsTransformer`).
///
/// Returns the entries the object had if only times tell them from its new ones.
pub fn older_times(object: &dyn Object, current: &Current) -> Option<Vec<ManagedFieldsEntry>> {
    let old = current.object.metadata().managed_fields.as_ref()?;
    let new = object.metadata().managed_fields.as_ref()?;
    (old != new && same_but_for_times(old, new)).then(|| old.clone())
}
