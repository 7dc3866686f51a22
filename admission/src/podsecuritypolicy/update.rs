//! Updates that need no policy.

use k8s_openapi::api::core::v1::Pod;
use portcullis_api::Object;

/// Whether an update changes nothing but owner references and finalizers, as garbage collection
/// does: who may update and delete a pod may do that (upstream: `IsOnlyMutatingGCFields` in
/// `pkg/registry/rbac/helpers.go`, which does not look at managed fields either).
pub(super) fn changes_only_gc_fields(new: &Pod, old: Option<&dyn Object>) -> bool {
    let Some(old) = old.and_then(<dyn Object>::as_kind::<Pod>) else {
        return false;
    };
    let (mut metadata, was) = (new.metadata.clone(), &old.metadata);
    metadata.owner_references.clone_from(&was.owner_references);
    metadata.finalizers.clone_from(&was.finalizers);
    metadata.self_link.clone_from(&was.self_link);
    metadata.managed_fields.clone_from(&was.managed_fields);
    metadata == *was && new.spec == old.spec && new.status == old.status
}
