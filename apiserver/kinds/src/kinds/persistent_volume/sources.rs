//! The source of a volume.

use k8s_openapi::api::core::v1::{
    CSIPersistentVolumeSource, LocalVolumeSource, PersistentVolumeSpec, SecretReference, Volume,
};
use portcullis_api::decode::decode;
use portcullis_api::encode::encode_part;
use portcullis_api::{ErrorList, FieldError, Path, name};
use serde_json::Value;

use crate::kinds::pod::defaults::{default_azure_disk, set};
use crate::validation::names::validate_csi_driver_name;
use crate::validation::pod_spec::{validate_persistent_source, validate_storage_os};
use crate::validation::profiles::validate_no_backsteps;
use crate::validation::{OneOf, invalid_each, required, text};

/// The fields of a volume that are not a source.
const OTHERS: [&str; 9] = [
    "accessModes",
    "capacity",
    "claimRef",
    "mountOptions",
    "nodeAffinity",
    "persistentVolumeReclaimPolicy",
    "storageClassName",
    "volumeAttributesClassName",
    "volumeMode",
];

/// Defaults of sources.
pub(super) fn default_source(spec: &mut PersistentVolumeSpec) {
    if let Some(source) = &mut spec.host_path {
        source.type_.get_or_insert_default();
    }
    if let Some(source) = &mut spec.iscsi {
        set(&mut source.iscsi_interface, "default");
    }
    if let Some(source) = &mut spec.rbd {
        set(&mut source.pool, "rbd");
        set(&mut source.user, "admin");
        set(&mut source.keyring, "/etc/ceph/keyring");
    }
    if let Some(source) = &mut spec.azure_disk {
        default_azure_disk(source);
    }
    if let Some(source) = &mut spec.scale_io {
        set(&mut source.storage_mode, "ThinProvisioned");
        set(&mut source.fs_type, "xfs");
    }
}

/// The spec with only its source.
pub(super) fn only_source(spec: &PersistentVolumeSpec) -> PersistentVolumeSpec {
    PersistentVolumeSpec {
        access_modes: None,
        capacity: None,
        claim_ref: None,
        mount_options: None,
        node_affinity: None,
        persistent_volume_reclaim_policy: None,
        storage_class_name: None,
        volume_attributes_class_name: None,
        volume_mode: None,
        ..spec.clone()
    }
}

/// A volume is of exactly one type.
pub(super) fn validate_source(
    spec: &PersistentVolumeSpec,
    name: &str,
    path: &Path,
    errors: &mut ErrorList,
) {
    let volume = as_pod_volume(spec, name);
    let mut source = OneOf::new(path, "volume type", errors);
    validate_persistent_source(&volume, &mut source);
    let pinned = spec.node_affinity.is_some();
    source.field("local", spec.local.as_ref(), |local, _, errors| {
        validate_local(local, pinned, path, errors);
    });
    validate_storage_os(&volume, &mut source);
    source.field("csi", spec.csi.as_ref(), validate_csi);
    if !source.is_chosen() {
        errors.push(FieldError::required(path, "must specify a volume type"));
    }
    validate_references(&only_first(spec), path, errors);
}

/// Most sources have the names of pods' sources and equal them, except for the namespaces of secrets.
fn as_pod_volume(spec: &PersistentVolumeSpec, name: &str) -> Volume {
    let json = serde_json::from_slice(&encode_part(&only_source(spec)));
    let mut json: Value = json.unwrap_or_default();
    if let Some(fields) = json.as_object_mut() {
        fields.retain(|field, _| !OTHERS.contains(&field.as_str()) && field != "csi");
        fields.insert("name".into(), name.into());
    }
    decode::<Volume>(&json).map(|d| d.value).unwrap_or_default()
}

fn validate_local(local: &LocalVolumeSource, pinned: bool, path: &Path, errors: &mut ErrorList) {
    let local_path = path.child("local").child("path");
    if local.path.is_empty() {
        required(None, &local_path, errors);
    } else {
        validate_no_backsteps(&local.path, &local_path, errors);
    }
    if !pinned {
        let detail = "Local volume requires node affinity";
        errors.push(FieldError::required(&path.child("nodeAffinity"), detail));
    }
}

fn validate_csi(csi: &CSIPersistentVolumeSource, path: &Path, errors: &mut ErrorList) {
    validate_csi_driver_name(&csi.driver, &path.child("driver"), errors);
    required(
        Some(&csi.volume_handle),
        &path.child("volumeHandle"),
        errors,
    );
    for (field, secret) in [
        (
            "controllerPublishSecretRef",
            &csi.controller_publish_secret_ref,
        ),
        (
            "controllerExpandSecretRef",
            &csi.controller_expand_secret_ref,
        ),
        // with a space, as upstream
        ("nodePublishSecretRef ", &csi.node_publish_secret_ref),
        ("nodeExpandSecretRef", &csi.node_expand_secret_ref),
    ] {
        let Some(secret) = secret else { continue };
        let (secret_name, namespace) = names(secret);
        for (part, value) in [("name", secret_name), ("namespace", namespace)] {
            if value.is_empty() {
                required(None, &path.child(field).child(part), errors);
            } else {
                // as upstream, the path does not say which secret it is
                let sentences = name::dns1123_label(value);
                invalid_each(&path.child(part), value, sentences, errors);
            }
        }
    }
}

fn names(secret: &SecretReference) -> (&str, &str) {
    (text(secret.name.as_ref()), text(secret.namespace.as_ref()))
}

/// The sources that have references to validate, and those before them in upstream's order: if several are
/// set, only the first is validated.
const ORDER: [&str; 21] = [
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "glusterfs",
    "flocker",
    "nfs",
    "rbd",
    "quobyte",
    "cephfs",
    "iscsi",
    "cinder",
    "fc",
    "flexVolume",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "scaleIO",
    "local",
    "storageos",
];

/// The spec with at most one source of those with references.
fn only_first(spec: &PersistentVolumeSpec) -> PersistentVolumeSpec {
    let json = serde_json::from_slice(&encode_part(&only_source(spec)));
    let json: Value = json.unwrap_or_default();
    let is_first = |field: &str| ORDER.iter().find(|f| json.get(f).is_some()) == Some(&field);
    PersistentVolumeSpec {
        cinder: spec.cinder.clone().filter(|_| is_first("cinder")),
        storageos: spec.storageos.clone().filter(|_| is_first("storageos")),
        azure_file: spec.azure_file.clone().filter(|_| is_first("azureFile")),
        glusterfs: spec.glusterfs.clone().filter(|_| is_first("glusterfs")),
        ..PersistentVolumeSpec::default()
    }
}

/// The namespaces, which pods' sources do not have.
fn validate_references(spec: &PersistentVolumeSpec, path: &Path, errors: &mut ErrorList) {
    let cinder = spec.cinder.as_ref().and_then(|s| s.secret_ref.as_ref());
    let storageos = spec.storageos.as_ref().and_then(|s| s.secret_ref.as_ref());
    let storageos = storageos.map(|s| text(s.namespace.as_ref()));
    for (field, namespace) in [
        ("cinder", cinder.map(|s| names(s).1)),
        ("storageos", storageos),
    ] {
        if namespace == Some("") {
            let path = path.child(field).child("secretRef").child("namespace");
            required(None, &path, errors);
        }
    }
    let azure = spec.azure_file.as_ref();
    if azure.is_some_and(|s| s.secret_namespace.as_deref() == Some("")) {
        required(
            None,
            &path.child("azureFile").child("secretNamespace"),
            errors,
        );
    }
    let gluster = spec.glusterfs.as_ref();
    if let Some(namespace) = gluster.and_then(|s| s.endpoints_namespace.as_ref()) {
        let path = path.child("glusterfs").child("endpointsNamespace");
        if namespace.is_empty() {
            let detail = "if the endpointnamespace is set, it must be a valid namespace name";
            errors.push(FieldError::invalid(&path, namespace, detail));
        } else {
            invalid_each(&path, namespace, name::dns1123_label(namespace), errors);
        }
    }
}
