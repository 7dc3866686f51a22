//! Volumes of the cluster.

mod sources;

use k8s_openapi::api::core::v1::{
    ObjectReference, PersistentVolume, PersistentVolumeSpec, PersistentVolumeStatus,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity as Text;
use portcullis_api::field_error::{BadValue, go_quote};
use portcullis_api::name::dns1123_subdomain;
use portcullis_api::quantity::Quantity;
use portcullis_api::{ErrorList, FieldError, Path};

use super::persistent_volume_claim::format_access_modes;
use super::pod::defaults::round_up;
use crate::strategy::{Cell, Column, MetadataChecks, Strategy};
use crate::validation::claims::{VOLUME_MODES, validate_access_modes};
use crate::validation::node_selector::validate_node_selector;
use crate::validation::resources::{Amounts, amount, validate_basic};
use crate::validation::{IMMUTABLE, invalid_each, list, one_of, text, twice};

const RECLAIM_POLICIES: [&str; 3] = ["Delete", "Recycle", "Retain"];
/// The annotation for the class, from before the field existed.
const CLASS: &str = "volume.beta.kubernetes.io/storage-class";

/// The rules of volumes (upstream: `pkg/registry/core/persistentvolume/strategy.go`).
pub struct PersistentVolumeStrategy;

impl Strategy for PersistentVolumeStrategy {
    type Kind = PersistentVolume;

    fn metadata_checks(&self) -> MetadataChecks {
        MetadataChecks::MOST.changing(2, 0)
    }

    fn default(&self, volume: &mut PersistentVolume) {
        let spec = volume.spec.get_or_insert_default();
        default_parts(spec);
        if text(spec.persistent_volume_reclaim_policy.as_ref()).is_empty() {
            spec.persistent_volume_reclaim_policy = Some("Retain".into());
        }
        spec.volume_mode.get_or_insert_with(|| "Filesystem".into());
        let status = volume.status.get_or_insert_default();
        if text(status.phase.as_ref()).is_empty() {
            status.phase = Some("Pending".into());
        }
    }

    fn prepare_for_create(&self, volume: &mut PersistentVolume) {
        volume.status = Some(PersistentVolumeStatus {
            phase: Some("Pending".into()),
            ..PersistentVolumeStatus::default()
        });
    }

    fn prepare_for_update(&self, volume: &mut PersistentVolume, old: &PersistentVolume) {
        volume.status.clone_from(&old.status);
    }

    fn validate(&self, volume: &PersistentVolume) -> ErrorList {
        let mut errors = ErrorList::new();
        if let Some(spec) = &volume.spec {
            let name = text(volume.metadata.name.as_ref());
            validate_spec(spec, name, &Path::new("spec"), &mut errors);
        }
        errors
    }

    fn validate_update(&self, volume: &PersistentVolume, old: &PersistentVolume) -> ErrorList {
        let mut errors = twice(self.validate(volume));
        if let (Some(spec), Some(old)) = (&volume.spec, &old.spec) {
            validate_change(spec, old, &mut errors);
        }
        errors
    }

    fn prepare_status_update(&self, volume: &mut PersistentVolume, old: &PersistentVolume) {
        volume.spec.clone_from(&old.spec);
    }

    fn returns_deleted(&self) -> bool {
        true
    }

    fn columns(&self) -> &'static [Column] {
        &COLUMNS
    }

    fn cells(&self, volume: &PersistentVolume) -> Vec<Cell> {
        let spec = volume.spec.clone().unwrap_or_default();
        let status = volume.status.clone().unwrap_or_default();
        let capacity = spec.capacity.as_ref().and_then(|c| c.get("storage"));
        let phase = match &volume.metadata.deletion_timestamp {
            Some(_) => "Terminating",
            None => text(status.phase.as_ref()),
        };
        let annotations = volume.metadata.annotations.as_ref();
        let class = annotations.and_then(|a| a.get(CLASS));
        let claim = spec.claim_ref.as_ref().map(claim_name);
        vec![
            Cell::name(volume),
            Cell::text(capacity.map_or("0", |q| q.0.as_str())),
            Cell::text(format_access_modes(list(spec.access_modes.as_ref()))),
            Cell::text(text(spec.persistent_volume_reclaim_policy.as_ref())),
            Cell::text(phase),
            Cell::text(claim.unwrap_or_default()),
            Cell::text(text(class.or(spec.storage_class_name.as_ref()))),
            Cell::text(text(status.reason.as_ref())),
            Cell::age(volume),
            Cell::text(text(spec.volume_mode.as_ref())),
        ]
    }
}

/// Defaults that volumes inside other objects get, too.
pub(super) fn default_parts(spec: &mut PersistentVolumeSpec) {
    if let Some(capacity) = &mut spec.capacity {
        round_up(capacity);
    }
    sources::default_source(spec);
}

fn claim_name(claim: &ObjectReference) -> String {
    let (namespace, name) = (text(claim.namespace.as_ref()), text(claim.name.as_ref()));
    format!("{namespace}/{name}")
}

/// Upstream: `ValidatePersistentVolumeSpec` in `pkg/apis/core/validation/validation.go`.
fn validate_spec(spec: &PersistentVolumeSpec, name: &str, path: &Path, errors: &mut ErrorList) {
    let modes = list(spec.access_modes.as_ref());
    let modes_path = path.child("accessModes");
    if modes.is_empty() {
        errors.push(FieldError::required(&modes_path, ""));
    }
    validate_access_modes(modes, &modes_path, errors);
    validate_capacity(spec, &path.child("capacity"), errors);
    let policy = text(spec.persistent_volume_reclaim_policy.as_ref());
    let policy_path = path.child("persistentVolumeReclaimPolicy");
    if !policy.is_empty() {
        one_of(policy, &RECLAIM_POLICIES, &policy_path, errors);
    }
    if let Some(affinity) = &spec.node_affinity {
        let path = path.child("nodeAffinity").child("required");
        match &affinity.required {
            Some(required) => validate_node_selector(required, &path, errors),
            None => {
                let detail = "must specify required node constraints";
                errors.push(FieldError::required(&path, detail));
            }
        }
    }
    sources::validate_source(spec, name, path, errors);
    validate_recycling(spec, path, errors);
    let class = text(spec.storage_class_name.as_ref());
    if !class.is_empty() {
        let path = path.child("storageClassName");
        invalid_each(&path, class, dns1123_subdomain(class), errors);
    }
    if let Some(mode) = &spec.volume_mode {
        one_of(mode, &VOLUME_MODES, &path.child("volumeMode"), errors);
    }
}

/// A volume inside another object has only a CSI source and access modes.
pub(super) fn validate_inline(spec: &PersistentVolumeSpec, path: &Path, errors: &mut ErrorList) {
    let forbid = |field: &str, set: bool, detail: &str, errors: &mut ErrorList| {
        if set {
            let detail = format!("{detail} in the context of inline volumes");
            errors.push(FieldError::forbidden(&path.child(field), detail));
        }
    };
    let unused = "may not be specified";
    forbid("claimRef", spec.claim_ref.is_some(), unused, errors);
    let capacity = spec.capacity.as_ref().is_some_and(|c| !c.is_empty());
    forbid("capacity", capacity, unused, errors);
    if spec.csi.is_none() {
        let detail = "has to be specified in the context of inline volumes";
        errors.push(FieldError::required(&path.child("csi"), detail));
    }
    let modes = list(spec.access_modes.as_ref());
    let modes_path = path.child("accessModes");
    if modes.is_empty() {
        errors.push(FieldError::required(&modes_path, ""));
    }
    validate_access_modes(modes, &modes_path, errors);
    let policy = text(spec.persistent_volume_reclaim_policy.as_ref());
    let odd = !matches!(policy, "" | "Retain");
    let policy_field = "persistentVolumeReclaimPolicy";
    forbid(policy_field, odd, "may only be Retain", errors);
    forbid("nodeAffinity", spec.node_affinity.is_some(), unused, errors);
    sources::validate_source(spec, "", path, errors);
    validate_recycling(spec, path, errors);
    let class = !text(spec.storage_class_name.as_ref()).is_empty();
    forbid("storageClassName", class, unused, errors);
    let odd = spec.volume_mode.as_ref().is_some_and(|m| m != "Filesystem");
    let detail = "may not specify volumeMode other than Filesystem";
    forbid("volumeMode", odd, detail, errors);
}

/// The root of a host cannot be recycled.
fn validate_recycling(spec: &PersistentVolumeSpec, path: &Path, errors: &mut ErrorList) {
    let host_path = spec.host_path.as_ref().map(|h| h.path.as_str());
    let policy = text(spec.persistent_volume_reclaim_policy.as_ref());
    if host_path.is_some_and(is_root) && policy == "Recycle" {
        let detail = "may not be 'recycle' for a hostPath mount of '/'";
        let path = path.child("persistentVolumeReclaimPolicy");
        errors.push(FieldError::forbidden(&path, detail));
    }
}

/// Whether a cleaned path is the root.
fn is_root(path: &str) -> bool {
    path.starts_with('/') && path.split('/').all(|step| matches!(step, "" | "." | ".."))
}

/// The capacity must have storage, and nothing else.
fn validate_capacity(spec: &PersistentVolumeSpec, path: &Path, errors: &mut ErrorList) {
    let none = Amounts::new();
    let capacity = spec.capacity.as_ref().unwrap_or(&none);
    if capacity.is_empty() {
        errors.push(FieldError::required(path, ""));
    }
    if !capacity.contains_key("storage") || capacity.len() > 1 {
        let value = go_amounts(spec.capacity.as_ref());
        errors.push(FieldError::not_supported(path, value, &["storage"]));
    }
    for (resource, text) in capacity {
        let path = path.key(resource);
        validate_basic(text, &path, errors);
        let value = amount(text);
        if value <= Quantity::ZERO {
            let detail = "must be greater than zero";
            errors.push(FieldError::invalid(&path, &text.0, detail));
        }
    }
}

/// Amounts in Go's notation, as far as users read it.
fn go_amounts(amounts: Option<&Amounts>) -> BadValue {
    let Some(amounts) = amounts else {
        return BadValue::go("core.ResourceList(nil)");
    };
    let pairs: Vec<_> = amounts
        .iter()
        .map(|(name, Text(amount))| format!("{}:{}", go_quote(name), go_quote(amount)))
        .collect();
    BadValue::go(format!("core.ResourceList{{{}}}", pairs.join(", ")))
}

/// The source of a volume is immutable (upstream: `ValidatePersistentVolumeUpdate`).
fn validate_change(
    spec: &PersistentVolumeSpec,
    old: &PersistentVolumeSpec,
    errors: &mut ErrorList,
) {
    let mut source = sources::only_source(spec);
    let old_source = sources::only_source(old);
    if let (Some(csi), Some(old_csi)) = (&mut source.csi, &old_source.csi)
        && old_csi.controller_expand_secret_ref.is_none()
    {
        csi.controller_expand_secret_ref = None;
    }
    if source != old_source {
        let path = Path::new("spec").child("persistentvolumesource");
        let detail = "spec.persistentvolumesource is immutable after creation";
        errors.push(FieldError::forbidden(&path, detail));
    }
    let mut immutable = |field: &str, value: BadValue| {
        errors.push(FieldError::invalid(&Path::new(field), value, IMMUTABLE));
    };
    if spec.volume_mode != old.volume_mode {
        let mode = spec.volume_mode.as_ref();
        immutable(
            "volumeMode",
            mode.map_or_else(BadValue::null, BadValue::from),
        );
    }
    if old.node_affinity.is_some() && spec.node_affinity != old.node_affinity {
        let value = match &spec.node_affinity {
            Some(_) => BadValue::go("core.VolumeNodeAffinity{}"),
            None => BadValue::null(),
        };
        immutable("nodeAffinity", value);
    }
}

static COLUMNS: [Column; 10] = [
    Column::NAME,
    Column::text("Capacity", "How much fits."),
    Column::text("Access Modes", "How it can be mounted."),
    Column::text(
        "Reclaim Policy",
        "What becomes of it when its claim is gone.",
    ),
    Column::text("Status", "Whether it is free, bound or released."),
    Column::text("Claim", "The claim it is bound to."),
    Column::text("StorageClass", "The class of the claims it is for."),
    Column::text("Reason", "Why it failed."),
    Column::AGE,
    Column::text("VolumeMode", "Whether it shows a file system or a device.").wide(),
];

#[cfg(test)]
mod tests;
