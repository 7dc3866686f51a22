//! Volumes provided over the network or by drivers.

use k8s_openapi::api::core::v1::{
    AzureDiskVolumeSource, FCVolumeSource, FlockerVolumeSource, GitRepoVolumeSource,
    NFSVolumeSource, QuobyteVolumeSource, StorageOSVolumeSource, Volume,
};
use portcullis_api::field_error::BadValue;
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::profiles::validate_descending_path;
use super::super::{OneOf, go_strings, invalid_each, list, one_of, required, text};

const TENANT_MAX: usize = 64;

fn validate_partition(partition: Option<i32>, path: &Path, errors: &mut ErrorList) {
    in_range(partition, 255, &path.child("partition"), errors);
}

/// Upstream's text has the bound 1 for partitions, and accepts 0 for "unset".
fn in_range(value: Option<i32>, max: i32, path: &Path, errors: &mut ErrorList) {
    if let Some(value) = value.filter(|v| !(0..=max).contains(v)) {
        let detail = format!("must be between 1 and {max}, inclusive");
        errors.push(FieldError::invalid(path, value, detail));
    }
}

pub(super) fn validate_lun(lun: i32, path: &Path, errors: &mut ErrorList) {
    if !(0..=255).contains(&lun) {
        let detail = "must be between 0 and 255, inclusive";
        errors.push(FieldError::invalid(&path.child("lun"), lun, detail));
    }
}

pub(super) fn gce_disk(v: &Volume, of: &mut OneOf<'_>) {
    let names = ("gcePersistentDisk", "persistentDisk");
    of.field_also_called(names, v.gce_persistent_disk.as_ref(), |d, path, errors| {
        required(Some(&d.pd_name), &path.child("pdName"), errors);
        validate_partition(d.partition, path, errors);
    });
}

pub(super) fn aws_disk(v: &Volume, of: &mut OneOf<'_>) {
    let disk = v.aws_elastic_block_store.as_ref();
    of.field("awsElasticBlockStore", disk, |d, path, errors| {
        required(Some(&d.volume_id), &path.child("volumeID"), errors);
        validate_partition(d.partition, path, errors);
    });
}

pub(super) fn rbd(v: &Volume, of: &mut OneOf<'_>) {
    of.field("rbd", v.rbd.as_ref(), |rbd, path, errors| {
        required_list(&rbd.monitors, &path.child("monitors"), errors);
        required(Some(&rbd.image), &path.child("image"), errors);
    });
}

pub(super) fn cinder(v: &Volume, of: &mut OneOf<'_>) {
    of.field("cinder", v.cinder.as_ref(), |disk, path, errors| {
        required(Some(&disk.volume_id), &path.child("volumeID"), errors);
        if let Some(secret) = &disk.secret_ref {
            let path = path.child("secretRef").child("name");
            required(Some(&secret.name), &path, errors);
        }
    });
}

pub(super) fn fc(v: &Volume, of: &mut OneOf<'_>) {
    of.field("fc", v.fc.as_ref(), validate_fc);
}

pub(super) fn azure_disk(v: &Volume, of: &mut OneOf<'_>) {
    of.field("azureDisk", v.azure_disk.as_ref(), validate_azure_disk);
}

pub(super) fn vsphere(v: &Volume, of: &mut OneOf<'_>) {
    let disk = v.vsphere_volume.as_ref();
    of.field("vsphereVolume", disk, |disk, path, errors| {
        required(Some(&disk.volume_path), &path.child("volumePath"), errors);
    });
}

pub(super) fn photon(v: &Volume, of: &mut OneOf<'_>) {
    let disk = v.photon_persistent_disk.as_ref();
    of.field("photonPersistentDisk", disk, |disk, path, errors| {
        required(Some(&disk.pd_id), &path.child("pdID"), errors);
    });
}

pub(super) fn git_repo(v: &Volume, of: &mut OneOf<'_>) {
    of.field("gitRepo", v.git_repo.as_ref(), validate_git_repo);
}

pub(super) fn nfs(v: &Volume, of: &mut OneOf<'_>) {
    of.field("nfs", v.nfs.as_ref(), validate_nfs);
}

pub(super) fn glusterfs(v: &Volume, of: &mut OneOf<'_>) {
    of.field("glusterfs", v.glusterfs.as_ref(), |g, path, errors| {
        required(Some(&g.endpoints), &path.child("endpoints"), errors);
        required(Some(&g.path), &path.child("path"), errors);
    });
}

pub(super) fn cephfs(v: &Volume, of: &mut OneOf<'_>) {
    let names = ("cephFS", "cephfs");
    of.field_also_called(names, v.cephfs.as_ref(), |ceph, path, errors| {
        required_list(&ceph.monitors, &path.child("monitors"), errors);
    });
}

pub(super) fn quobyte(v: &Volume, of: &mut OneOf<'_>) {
    of.field("quobyte", v.quobyte.as_ref(), validate_quobyte);
}

pub(super) fn azure_file(v: &Volume, of: &mut OneOf<'_>) {
    of.field("azureFile", v.azure_file.as_ref(), |share, path, errors| {
        required(Some(&share.secret_name), &path.child("secretName"), errors);
        required(Some(&share.share_name), &path.child("shareName"), errors);
    });
}

pub(super) fn flocker(v: &Volume, of: &mut OneOf<'_>) {
    of.field("flocker", v.flocker.as_ref(), validate_flocker);
}

pub(super) fn portworx(v: &Volume, of: &mut OneOf<'_>) {
    let disk = v.portworx_volume.as_ref();
    of.field("portworxVolume", disk, |disk, path, errors| {
        required(Some(&disk.volume_id), &path.child("volumeID"), errors);
    });
}

pub(super) fn storage_os(v: &Volume, of: &mut OneOf<'_>) {
    of.field("storageos", v.storageos.as_ref(), validate_storage_os);
}

pub(super) fn scale_io(v: &Volume, of: &mut OneOf<'_>) {
    of.field("scaleIO", v.scale_io.as_ref(), |scale, path, errors| {
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
            "/subscriptions/",
            "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
        )
    } else {
        (
            "https://",
            "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd",
        )
    };
    if source.kind.is_some() && !uri.starts_with(prefix) {
        errors.push(FieldError::not_supported(&uri_path, uri, &[example]));
    }
}

fn validate_git_repo(source: &GitRepoVolumeSource, path: &Path, errors: &mut ErrorList) {
    required(Some(&source.repository), &path.child("repository"), errors);
    let directory = text(source.directory.as_ref());
    validate_descending_path(directory, &path.child("directory"), errors);
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
    } else {
        for _ in registry.split(',').filter(|part| !is_pair(part)) {
            let detail = "must be a host:port pair or multiple pairs separated by commas";
            errors.push(FieldError::invalid(&registry_path, registry, detail));
        }
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
