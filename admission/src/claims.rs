//! Persistent volume claims, as several plugins read them.

use k8s_openapi::api::core::v1::PersistentVolumeClaim;

pub(crate) const BETA_STORAGE_CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// The storage class of a claim, from the beta annotation or else the field; empty if unset.
pub(crate) fn class_of_claim(claim: &PersistentVolumeClaim) -> &str {
    let annotations = claim.metadata.annotations.as_ref();
    let beta = annotations.and_then(|a| a.get(BETA_STORAGE_CLASS));
    let spec = claim.spec.as_ref();
    let class = beta.or_else(|| spec.and_then(|s| s.storage_class_name.as_ref()));
    class.map_or("", String::as_str)
}
