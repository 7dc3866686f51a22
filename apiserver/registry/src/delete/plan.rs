//! The effect of a deletion on an object: it is removed, waits, or is marked first.

use jiff::SignedDuration;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use portcullis_api::Object;

use super::{DeleteOptions, FOREGROUND, ORPHAN, Propagation};
use portcullis_kinds::resource::Resource;
use portcullis_kinds::strategy::{GarbageCollection, Grace};

/// The effect of a deletion on an object.
pub(super) enum Plan {
    /// It is being deleted already.
    Nothing,
    /// Remove it.
    Remove,
    /// Store it in this state.
    Mark(Box<dyn Object>),
    /// Store it in this state, and then remove it.
    MarkAndRemove(Box<dyn Object>),
}

impl Plan {
    /// The grace period that a marked object has.
    pub(super) fn grace_period(&self) -> Option<i64> {
        match self {
            Self::Mark(object) | Self::MarkAndRemove(object) => {
                object.metadata().deletion_grace_period_seconds
            }
            Self::Nothing | Self::Remove => None,
        }
    }
}

/// What a deletion does to `object`, asked for in a version.
pub(super) fn plan(
    resource: &Resource,
    api_version: &str,
    mut object: Box<dyn Object>,
    options: &DeleteOptions,
) -> Plan {
    let grace = resource.strategy.grace(object.as_ref());
    // upstream: `BeforeDelete`
    let at_least = |seconds: i64| if seconds < 0 { 1 } else { seconds };
    let requested = options.grace_period.map(at_least);
    let begun = object.metadata().deletion_timestamp.is_some();
    if begun && !shorten(object.metadata_mut(), requested) {
        return if is_due(resource, object.as_ref()) {
            Plan::Remove
        } else {
            Plan::Nothing
        };
    }
    if !begun {
        let default = resource.garbage_collection(api_version);
        set_finalizers(object.metadata_mut(), options.propagation, default);
        begin(resource, object.as_mut(), grace, requested);
    }
    match (is_due(resource, object.as_ref()), grace) {
        (false, _) => Plan::Mark(object),
        (true, Some(_)) => Plan::MarkAndRemove(object),
        (true, None) => Plan::Remove,
    }
}

/// A running deletion can only be shortened.
fn shorten(meta: &mut ObjectMeta, requested: Option<i64>) -> bool {
    let (Some(period), Some(requested)) = (meta.deletion_grace_period_seconds, requested) else {
        return false;
    };
    let Some(end) = meta.deletion_timestamp.as_ref() else {
        return false;
    };
    if requested >= period {
        return false;
    }
    let earlier = end
        .0
        .checked_sub(SignedDuration::from_secs(period - requested));
    meta.deletion_timestamp = Some(Time(earlier.unwrap_or(end.0)));
    meta.deletion_grace_period_seconds = Some(requested);
    true
}

/// Marks an object as being deleted, from now or after its grace.
fn begin(
    resource: &Resource,
    object: &mut dyn Object,
    grace: Option<Grace>,
    requested: Option<i64>,
) {
    let seconds = match grace {
        None | Some(Grace::None) => 0,
        Some(Grace::Seconds(default)) => requested.unwrap_or(default).max(0),
    };
    let held_by_kind = resource.strategy.holds_deletion(object);
    let meta = object.metadata_mut();
    let now = portcullis_kinds::time::now();
    meta.deletion_timestamp = Some(
        now.0
            .checked_add(SignedDuration::from_secs(seconds))
            .map_or(now, Time),
    );
    // Objects that the kind itself holds have no period: upstream's namespaces show none.
    meta.deletion_grace_period_seconds = (!held_by_kind).then_some(seconds);
    if let Some(generation) = meta.generation.as_mut() {
        *generation += 1;
    }
    resource.strategy.mark_deleting(object);
}

/// Adds the finalizer of a propagation policy, and removes the other one (upstream:
/// `deletionFinalizersForGarbageCollection`).
fn set_finalizers(meta: &mut ObjectMeta, asked: Option<Propagation>, default: GarbageCollection) {
    let propagation = match (asked, default) {
        (_, GarbageCollection::Unsupported) => Propagation::Background,
        (Some(asked), _) => asked,
        (None, _) if meta.finalizers.iter().flatten().any(is_propagation) => return,
        (None, GarbageCollection::OrphanDependents) => Propagation::Orphan,
        (None, GarbageCollection::DeleteDependents) => return,
    };
    let finalizers = meta.finalizers.get_or_insert_default();
    finalizers.retain(|f| !is_propagation(f));
    match propagation {
        Propagation::Background => {}
        Propagation::Foreground => finalizers.push(FOREGROUND.into()),
        Propagation::Orphan => finalizers.push(ORPHAN.into()),
    }
}

/// Whether a finalizer is that of a propagation policy.
fn is_propagation(finalizer: impl AsRef<str>) -> bool {
    matches!(finalizer.as_ref(), ORPHAN | FOREGROUND)
}

/// Whether nothing delays the removal of a deleted object any more.
pub(crate) fn is_due(resource: &Resource, object: &dyn Object) -> bool {
    let meta = object.metadata();
    meta.deletion_timestamp.is_some()
        && meta.deletion_grace_period_seconds.unwrap_or_default() == 0
        && meta.finalizers.as_ref().is_none_or(Vec::is_empty)
        && !resource.strategy.holds_deletion(object)
}

#[cfg(test)]
mod tests;
