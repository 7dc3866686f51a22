//! Claims of volumes, as several plugins read them.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

pub(crate) const OLD_STORAGE_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// The class that a claim names, in the old way or the new; empty for none.
pub(crate) fn class_of_claim(claim: &PersistentVolumeClaim) -> &str {
    let annotations = claim.metadata.annotations.as_ref();
    let old = annotations.and_then(|a| a.get(OLD_STORAGE_CLASS));
    let spec = claim.spec.as_ref();
    let class = old.or_else(|| spec.and_then(|s| s.storage_class_name.as_ref()));
    class.map_or("", String::as_str)
}
