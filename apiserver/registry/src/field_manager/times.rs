//! The times of managers' last writes.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use portcullis_api::Object;

use super::managed::same_but_for_times;
use crate::current::Current;

/// A write without effect keeps the times of the entries, so that nothing changes (upstream:
/// `IgnoreManagedFieldsTimestampsTransformer`).
///
/// Returns the object's previous entries if they differ from the new ones only in times.
pub fn older_times(object: &dyn Object, current: &Current) -> Option<Vec<ManagedFieldsEntry>> {
    let old = current.object.metadata().managed_fields.as_ref()?;
    let new = object.metadata().managed_fields.as_ref()?;
    (old != new && same_but_for_times(old, new)).then(|| old.clone())
}
