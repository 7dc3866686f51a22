//! The volumes of a pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, EphemeralVolumeSource, FlexVolumeSource,
    HostPathVolumeSource, SecretVolumeSource, Volume,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use portcullis_api::field_error::go_quote;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::claims::validate_claim_spec;
use super::super::labels::validate_labels;
use super::super::names::validate_csi_driver_name;
use super::super::object_meta::validate_annotations;
use super::super::profiles::validate_no_backsteps;
use super::super::resources::amount;
use super::super::{OneOf, invalid_each, list, one_of, required, text};
use super::projections::{self, validate_projected};
use super::volume_items::{validate_items, validate_mode};
use super::{iscsi, volume_sources as sources};

const HOST_PATH_TYPES: [&str; 8] = [
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
];

/// The volumes of a pod that containers can mount: those without errors.
pub struct Volumes<'a>(BTreeMap<&'a str, &'a Volume>);

impl<'a> Volumes<'a> {
    /// Validates the volumes of the pod with this name, if any, and keeps the valid ones.
    pub fn validate(
        volumes: Option<&'a Vec<Volume>>,
        pod: &str,
        path: &Path,
        errors: &mut ErrorList,
    ) -> Self {
        let mut good = BTreeMap::new();
        for (i, volume) in list(volumes).iter().enumerate() {
            let path = path.index(i);
            let found = errors.len();
            validate_source(volume, &path, errors);
            validate_claim_name(volume, pod, &path, errors);
            let name_path = path.child("name");
            if volume.name.is_empty() {
                errors.push(FieldError::required(&name_path, ""));
            } else {
                let sentences = name::dns1123_label(&volume.name);
                invalid_each(&name_path, &volume.name, sentences, errors);
            }
            if good.contains_key(volume.name.as_str()) {
                errors.push(FieldError::duplicate(&name_path, &volume.name));
            }
            if errors.len() == found {
                good.insert(volume.name.as_str(), volume);
            }
        }
        Self(good)
    }

    /// The volume of that name.
    pub fn get(&self, name: &str) -> Option<&'a Volume> {
        self.0.get(name).copied()
    }
}

/// Validates one of the types of volumes.
type Look = fn(&Volume, &mut OneOf<'_>);

/// The types of pods' volumes, in upstream's order: the first that is set counts (`validateVolumeSource`).
const TYPES: [Look; 30] = [
    |v, of| of.field("emptyDir", v.empty_dir.as_ref(), validate_empty_dir),
    host_path,
    sources::git_repo,
    sources::gce_disk,
    sources::aws_disk,
    |v, of| of.field("secret", v.secret.as_ref(), validate_secret),
    sources::nfs,
    iscsi::iscsi,
    sources::glusterfs,
    sources::flocker,
    claim,
    sources::rbd,
    sources::cinder,
    sources::cephfs,
    sources::quobyte,
    downward_api,
    sources::fc,
    |v, of| of.field("flexVolume", v.flex_volume.as_ref(), validate_flex),
    |v, of| of.field("configMap", v.config_map.as_ref(), validate_config_map),
    sources::azure_file,
    sources::vsphere,
    sources::photon,
    sources::portworx,
    sources::azure_disk,
    sources::storage_os,
    |v, of| of.field("projected", v.projected.as_ref(), validate_projected),
    sources::scale_io,
    csi,
    |v, of| of.field("ephemeral", v.ephemeral.as_ref(), validate_ephemeral),
    |v, of| of.field("image", v.image.as_ref(), |_, _, _| {}),
];

/// The types that persistent volumes have too (`ValidatePersistentVolumeSpec`).
const PERSISTENT_TYPES: [Look; 19] = [
    host_path,
    sources::gce_disk,
    sources::aws_disk,
    sources::glusterfs,
    sources::flocker,
    sources::nfs,
    sources::rbd,
    sources::quobyte,
    sources::cephfs,
    iscsi::persistent_iscsi,
    sources::cinder,
    sources::fc,
    // as upstream, which does not reject this one
    |v, of| of.further_field("flexVolume", v.flex_volume.as_ref(), validate_flex),
    sources::azure_file,
    sources::vsphere,
    sources::photon,
    sources::portworx,
    sources::azure_disk,
    sources::scale_io,
];

/// The sources that persistent volumes have too, except for the last in their order.
pub fn validate_persistent_source(v: &Volume, of: &mut OneOf<'_>) {
    for look in PERSISTENT_TYPES {
        look(v, of);
    }
}

/// The last but one.
pub fn validate_storage_os(v: &Volume, of: &mut OneOf<'_>) {
    sources::storage_os(v, of);
}

/// A volume has exactly one type.
fn validate_source(v: &Volume, path: &Path, errors: &mut ErrorList) {
    let mut of = OneOf::new(path, "volume type", errors);
    for look in TYPES {
        look(v, &mut of);
    }
    if !of.is_chosen() {
        let detail = "must specify a volume type";
        errors.push(FieldError::required(path, detail));
    }
}

/// The name of a claim made for a volume consists of the pod's and the volume's.
fn validate_claim_name(v: &Volume, pod: &str, path: &Path, errors: &mut ErrorList) {
    if v.ephemeral.is_none() || pod.is_empty() || v.name.is_empty() {
        return;
    }
    let claim = format!("{pod}-{}", v.name);
    for sentence in name::dns1123_subdomain(&claim) {
        let detail = format!("PVC name {}: {sentence}", go_quote(&claim));
        errors.push(FieldError::invalid(&path.child("name"), &v.name, detail));
    }
}

fn host_path(v: &Volume, of: &mut OneOf<'_>) {
    of.field("hostPath", v.host_path.as_ref(), validate_host_path);
}

fn claim(v: &Volume, of: &mut OneOf<'_>) {
    let claim = v.persistent_volume_claim.as_ref();
    of.field("persistentVolumeClaim", claim, |claim, path, errors| {
        required(Some(&claim.claim_name), &path.child("claimName"), errors);
    });
}

/// Upstream misspells the name in its rejection.
fn downward_api(v: &Volume, of: &mut OneOf<'_>) {
    let names = ("downwarAPI", "downwardAPI");
    of.field_also_called(names, v.downward_api.as_ref(), |d, path, errors| {
        validate_mode(d.default_mode, &path.child("defaultMode"), errors);
        projections::validate_files(d.items.as_ref(), path, errors);
    });
}

/// As upstream, the path of a secret's invalid name lacks its field, and that of a missing name has a space.
fn csi(v: &Volume, of: &mut OneOf<'_>) {
    of.field("csi", v.csi.as_ref(), |csi, path, errors| {
        validate_csi_driver_name(&csi.driver, &path.child("driver"), errors);
        let Some(secret) = &csi.node_publish_secret_ref else {
            return;
        };
        if secret.name.is_empty() {
            let path = path.child("nodePublishSecretRef ").child("name");
            required(None, &path, errors);
        } else {
            let sentences = name::dns1123_subdomain(&secret.name);
            invalid_each(&path.child("name"), &secret.name, sentences, errors);
        }
    });
}

fn validate_empty_dir(source: &EmptyDirVolumeSource, path: &Path, errors: &mut ErrorList) {
    let limit = source.size_limit.as_ref();
    if limit.is_some_and(|limit| amount(limit).is_negative()) {
        let detail = "SizeLimit field must be a valid resource quantity";
        errors.push(FieldError::forbidden(&path.child("sizeLimit"), detail));
    }
}

fn validate_host_path(source: &HostPathVolumeSource, path: &Path, errors: &mut ErrorList) {
    let path_path = path.child("path");
    if source.path.is_empty() {
        errors.push(FieldError::required(&path_path, ""));
        return;
    }
    validate_no_backsteps(&source.path, &path_path, errors);
    let kind = text(source.type_.as_ref());
    one_of(kind, &HOST_PATH_TYPES, &path.child("type"), errors);
}

fn validate_secret(source: &SecretVolumeSource, path: &Path, errors: &mut ErrorList) {
    required(
        source.secret_name.as_deref(),
        &path.child("secretName"),
        errors,
    );
    validate_mode(source.default_mode, &path.child("defaultMode"), errors);
    validate_items(source.items.as_ref(), &path.child("items"), errors);
}

fn validate_config_map(source: &ConfigMapVolumeSource, path: &Path, errors: &mut ErrorList) {
    required(Some(&source.name), &path.child("name"), errors);
    validate_mode(source.default_mode, &path.child("defaultMode"), errors);
    validate_items(source.items.as_ref(), &path.child("items"), errors);
}

fn validate_ephemeral(source: &EphemeralVolumeSource, path: &Path, errors: &mut ErrorList) {
    let path = path.child("volumeClaimTemplate");
    let Some(template) = &source.volume_claim_template else {
        errors.push(FieldError::required(&path, ""));
        return;
    };
    if let Some(meta) = &template.metadata {
        validate_template_meta(meta, &path.child("metadata"), errors);
    }
    validate_claim_spec(&template.spec, &path.child("spec"), errors);
}

/// Only labels and annotations are allowed (upstream:
/// `validatePersistentVolumeClaimTemplateObjectMeta`).
fn validate_template_meta(meta: &ObjectMeta, path: &Path, errors: &mut ErrorList) {
    validate_annotations(meta, &path.child("annotations"), errors);
    validate_labels(meta.labels.as_ref(), &path.child("labels"), errors);
    for (field, set) in [
        ("name", meta.name.is_some()),
        ("generateName", meta.generate_name.is_some()),
        ("namespace", meta.namespace.is_some()),
        ("selfLink", meta.self_link.is_some()),
        ("uID", meta.uid.is_some()),
        ("resourceVersion", meta.resource_version.is_some()),
        ("generation", meta.generation.is_some_and(|g| g != 0)),
        ("creationTimestamp", meta.creation_timestamp.is_some()),
        ("deletionTimestamp", meta.deletion_timestamp.is_some()),
        (
            "deletionGracePeriodSeconds",
            meta.deletion_grace_period_seconds.is_some(),
        ),
        ("ownerReferences", meta.owner_references.is_some()),
        ("finalizers", meta.finalizers.is_some()),
        ("managedFields", meta.managed_fields.is_some()),
    ] {
        if set {
            let detail = "cannot be set for an ephemeral volume";
            errors.push(FieldError::forbidden(&path.child(field), detail));
        }
    }
}

fn validate_flex(source: &FlexVolumeSource, path: &Path, errors: &mut ErrorList) {
    required(Some(&source.driver), &path.child("driver"), errors);
    for (key, _) in source.options.iter().flatten() {
        let domain = key
            .split_once('/')
            .map_or(key.as_str(), |(domain, _)| domain);
        let domain = format!(".{}", domain.to_lowercase());
        if domain.ends_with(".kubernetes.io") || domain.ends_with(".k8s.io") {
            let detail = "kubernetes.io and k8s.io namespaces are reserved";
            let path = path.child("options").key(key);
            errors.push(FieldError::invalid(&path, key, detail));
        }
    }
}
