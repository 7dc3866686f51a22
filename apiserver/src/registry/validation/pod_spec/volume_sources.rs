//! Volumes that other machines and other software provide.

use k8s_openapi::api::core::v1::{
    AzureDiskVolumeSource, FCVolumeSource, FlockerVolumeSource, GitRepoVolumeSource,
    ISCSIVolumeSource, NFSVolumeSource, QuobyteVolumeSource, StorageOSVolumeSource, Volume,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::{OneOf, go_strings, invalid_each, list, one_of, required, text};
use super::volumes::validate_file_path;

const TENANT_MAX: usize = 64;

fn validate_partition(partition: Option<i32>, path: &Path, errors: &mut ErrorList) {
    in_range(partition, 255, &path.child("partition"), errors);
}

/// Upstream names the bound 1 for partitions, and lets 0 pass for "unset".
fn in_range(value: Option<i32>, max: i32, path: &Path, errors: &mut ErrorList) {
    if let Some(value) = value.filter(|v| !(0..=max).contains(v)) {
        let detail = format!("must be between 1 and {max}, inclusive");
        errors.push(FieldError::invalid(path, value, detail));
    }
}

fn validate_lun(lun: i32, path: &Path, errors: &mut ErrorList) {
    if !(0..=255).contains(&lun) {
        let detail = "must be between 0 and 255, inclusive";
        errors.push(FieldError::invalid(&path.child("lun"), lun, detail));
    }
}

/// Disks.
pub(super) fn validate_block_storage(v: &Volume, source: &mut OneOf<'_>) {
    let disk = v.gce_persistent_disk.as_ref();
    source.field("gcePersistentDisk", disk, |disk, path, errors| {
        required(Some(&disk.pd_name), &path.child("pdName"), errors);
        validate_partition(disk.partition, path, errors);
    });
    let disk = v.aws_elastic_block_store.as_ref();
    source.field("awsElasticBlockStore", disk, |disk, path, errors| {
        required(Some(&disk.volume_id), &path.child("volumeID"), errors);
        validate_partition(disk.partition, path, errors);
    });
    source.field("iscsi", v.iscsi.as_ref(), |iscsi, path, errors| {
        validate_iscsi(iscsi, path, errors);
    });
    source.field("rbd", v.rbd.as_ref(), |rbd, path, errors| {
        required_list(&rbd.monitors, &path.child("monitors"), errors);
        required(Some(&rbd.image), &path.child("image"), errors);
    });
    source.field("cinder", v.cinder.as_ref(), |disk, path, errors| {
        required(Some(&disk.volume_id), &path.child("volumeID"), errors);
        if let Some(secret) = &disk.secret_ref {
            let path = path.child("secretRef").child("name");
            required(Some(&secret.name), &path, errors);
        }
    });
    source.field("fc", v.fc.as_ref(), validate_fc);
    source.field("azureDisk", v.azure_disk.as_ref(), validate_azure_disk);
    source.field(
        "vsphereVolume",
        v.vsphere_volume.as_ref(),
        |disk, path, errors| {
            required(Some(&disk.volume_path), &path.child("volumePath"), errors);
        },
    );
    let disk = v.photon_persistent_disk.as_ref();
    source.field("photonPersistentDisk", disk, |disk, path, errors| {
        required(Some(&disk.pd_id), &path.child("pdID"), errors);
    });
}

/// Directories of other machines.
pub(super) fn validate_file_storage(v: &Volume, source: &mut OneOf<'_>) {
    source.field("gitRepo", v.git_repo.as_ref(), validate_git_repo);
    source.field("nfs", v.nfs.as_ref(), validate_nfs);
    source.field(
        "glusterfs",
        v.glusterfs.as_ref(),
        |gluster, path, errors| {
            required(Some(&gluster.endpoints), &path.child("endpoints"), errors);
            required(Some(&gluster.path), &path.child("path"), errors);
        },
    );
    source.field("cephfs", v.cephfs.as_ref(), |ceph, path, errors| {
        required_list(&ceph.monitors, &path.child("monitors"), errors);
    });
    source.field("quobyte", v.quobyte.as_ref(), validate_quobyte);
    source.field("azureFile", v.azure_file.as_ref(), |share, path, errors| {
        required(Some(&share.secret_name), &path.child("secretName"), errors);
        required(Some(&share.share_name), &path.child("shareName"), errors);
    });
}

/// What clusters of storage software provide.
pub(super) fn validate_software_storage(v: &Volume, source: &mut OneOf<'_>) {
    source.field("flocker", v.flocker.as_ref(), validate_flocker);
    source.field(
        "portworxVolume",
        v.portworx_volume.as_ref(),
        |disk, path, errors| {
            required(Some(&disk.volume_id), &path.child("volumeID"), errors);
        },
    );
    source.field("storageos", v.storageos.as_ref(), validate_storage_os);
    source.field("scaleIO", v.scale_io.as_ref(), |scale, path, errors| {
        required(Some(&scale.gateway), &path.child("gateway"), errors);
        required(Some(&scale.system), &path.child("system"), errors);
        let volume = scale.volume_name.as_deref();
        required(volume, &path.child("volumeName"), errors);
    });
}

fn required_list(values: &[String], path: &Path, errors: &mut ErrorList) {
    if values.is_empty() {
        errors.push(FieldError::required(path, ""));
    }
}

fn validate_iscsi(source: &ISCSIVolumeSource, path: &Path, errors: &mut ErrorList) {
    required(
        Some(&source.target_portal),
        &path.child("targetPortal"),
        errors,
    );
    let iqn_path = path.child("iqn");
    required(Some(&source.iqn), &iqn_path, errors);
    let known = ["iqn", "eui", "naa"]
        .iter()
        .any(|p| source.iqn.starts_with(p));
    if !source.iqn.is_empty() && !known {
        let detail = "must be valid format starting with iqn, eui, or naa";
        errors.push(FieldError::invalid(&iqn_path, &source.iqn, detail));
    }
    validate_lun(source.lun, path, errors);
    let authenticated =
        source.chap_auth_discovery == Some(true) || source.chap_auth_session == Some(true);
    if authenticated && source.secret_ref.is_none() {
        errors.push(FieldError::required(&path.child("secretRef"), ""));
    }
}

fn validate_fc(source: &FCVolumeSource, path: &Path, errors: &mut ErrorList) {
    let names = list(source.target_wwns.as_ref());
    let ids = list(source.wwids.as_ref());
    let names_path = path.child("targetWWNs");
    match (names.is_empty(), ids.is_empty()) {
        (true, true) => {
            let detail = "must specify either targetWWNs or wwids, but not both";
            errors.push(FieldError::required(&names_path, detail));
        }
        (false, false) => {
            let detail = "targetWWNs and wwids can not be specified simultaneously";
            errors.push(FieldError::invalid(&names_path, go_strings(names), detail));
        }
        _ => {}
    }
    match (names.is_empty(), source.lun) {
        (false, Some(lun)) => validate_lun(lun, path, errors),
        (false, None) => {
            let detail = "lun is required if targetWWNs is specified";
            errors.push(FieldError::required(&path.child("lun"), detail));
        }
        (true, _) => {}
    }
}

fn validate_azure_disk(source: &AzureDiskVolumeSource, path: &Path, errors: &mut ErrorList) {
    required(Some(&source.disk_name), &path.child("diskName"), errors);
    let uri_path = path.child("diskURI");
    required(Some(&source.disk_uri), &uri_path, errors);
    if let Some(mode) = &source.caching_mode {
        let modes = ["None", "ReadOnly", "ReadWrite"];
        one_of(mode, &modes, &path.child("cachingMode"), errors);
    }
    let kind = text(source.kind.as_ref());
    let kinds = ["Dedicated", "Managed", "Shared"];
    if source.kind.is_some() {
        one_of(kind, &kinds, &path.child("kind"), errors);
    }
    let uri = source.disk_uri.as_str();
    let (prefix, example) = if kind == "Managed" {
        (
            "/subscriptions",
            "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
        )
    } else {
        (
            "https://",
            "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",
        )
    };
    if !uri.is_empty() && !uri.starts_with(prefix) {
        errors.push(FieldError::not_supported(&uri_path, uri, &[example]));
    }
}

fn validate_git_repo(source: &GitRepoVolumeSource, path: &Path, errors: &mut ErrorList) {
    required(Some(&source.repository), &path.child("repository"), errors);
    let directory = text(source.directory.as_ref());
    validate_file_path(directory, &path.child("directory"), errors);
}

fn validate_nfs(source: &NFSVolumeSource, path: &Path, errors: &mut ErrorList) {
    required(Some(&source.server), &path.child("server"), errors);
    let path = path.child("path");
    required(Some(&source.path), &path, errors);
    if !source.path.starts_with('/') {
        let detail = "must be an absolute path";
        errors.push(FieldError::invalid(&path, &source.path, detail));
    }
}

fn validate_quobyte(source: &QuobyteVolumeSource, path: &Path, errors: &mut ErrorList) {
    let registry = source.registry.as_str();
    let registry_path = path.child("registry");
    let is_pair = |part: &str| {
        part.rsplit_once(':')
            .is_some_and(|(host, port)| !port.is_empty() && !host.ends_with(':'))
    };
    if registry.is_empty() {
        let detail = "must be a host:port pair or multiple pairs separated by commas";
        errors.push(FieldError::required(&registry_path, detail));
    } else if text(source.tenant.as_ref()).len() > TENANT_MAX {
        let detail = "must be a UUID and may not exceed a length of 64 characters";
        errors.push(FieldError::required(&path.child("tenant"), detail));
    } else if !registry.split(',').all(is_pair) {
        let detail = "must be a host:port pair or multiple pairs separated by commas";
        errors.push(FieldError::invalid(&registry_path, registry, detail));
    }
    required(Some(&source.volume), &path.child("volume"), errors);
}

fn validate_flocker(source: &FlockerVolumeSource, path: &Path, errors: &mut ErrorList) {
    let name = text(source.dataset_name.as_ref());
    let uuid = text(source.dataset_uuid.as_ref());
    match (name, uuid) {
        ("", "") => {
            let detail = "one of datasetName and datasetUUID is required";
            errors.push(FieldError::required(path, detail));
        }
        ("", _) | (_, "") => {}
        _ => {
            let value = BadValue::from("resource");
            let detail = "datasetName and datasetUUID can not be specified simultaneously";
            errors.push(FieldError::invalid(path, value, detail));
        }
    }
    if name.contains('/') {
        let path = path.child("datasetName");
        errors.push(FieldError::invalid(&path, name, "must not contain '/'"));
    }
}

fn validate_storage_os(source: &StorageOSVolumeSource, path: &Path, errors: &mut ErrorList) {
    let volume = text(source.volume_name.as_ref());
    let volume_path = path.child("volumeName");
    if volume.is_empty() {
        errors.push(FieldError::required(&volume_path, ""));
    } else {
        invalid_each(&volume_path, volume, name::dns1123_label(volume), errors);
    }
    let namespace = text(source.volume_namespace.as_ref());
    if !namespace.is_empty() {
        let path = path.child("volumeNamespace");
        invalid_each(&path, namespace, name::dns1123_label(namespace), errors);
    }
    if let Some(secret) = &source.secret_ref {
        let path = path.child("secretRef").child("name");
        required(Some(&secret.name), &path, errors);
    }
}
