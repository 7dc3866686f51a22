//! Defaults of volumes.

use k8s_openapi::api::core::v1::{
    AzureDiskVolumeSource, DownwardAPIVolumeFile, PersistentVolumeClaimSpec, ProjectedVolumeSource,
    RBDVolumeSource, Volume,
};

use super::{default_references, set};

/// The mode of projected files, `0644`.
const FILE_MODE: i32 = 0o644;

pub(super) fn default_volume(volume: &mut Volume) {
    if has_no_source(volume) {
        volume.empty_dir = Some(Default::default());
    }
    if let Some(source) = &mut volume.secret {
        source.default_mode.get_or_insert(FILE_MODE);
    }
    if let Some(source) = &mut volume.config_map {
        source.default_mode.get_or_insert(FILE_MODE);
    }
    if let Some(source) = &mut volume.downward_api {
        source.default_mode.get_or_insert(FILE_MODE);
        default_files(source.items.as_mut());
    }
    if let Some(source) = &mut volume.projected {
        default_projected(source);
    }
    if let Some(source) = &mut volume.host_path {
        source.type_.get_or_insert_default();
    }
    if let Some(source) = &mut volume.iscsi {
        set(&mut source.iscsi_interface, "default");
    }
    if let Some(source) = &mut volume.rbd {
        default_rbd(source);
    }
    if let Some(source) = &mut volume.azure_disk {
        default_azure_disk(source);
    }
    if let Some(source) = &mut volume.scale_io {
        set(&mut source.storage_mode, "ThinProvisioned");
        set(&mut source.fs_type, "xfs");
    }
    let claim = volume.ephemeral.as_mut();
    if let Some(template) = claim.and_then(|e| e.volume_claim_template.as_mut()) {
        default_claim_spec(&mut template.spec);
    }
}

/// A volume without a source is an empty directory, as is one whose source is null.
fn has_no_source(volume: &Volume) -> bool {
    let named = Volume {
        name: volume.name.clone(),
        ..Volume::default()
    };
    *volume == named
}

fn default_projected(source: &mut ProjectedVolumeSource) {
    source.default_mode.get_or_insert(FILE_MODE);
    for projection in source.sources.iter_mut().flatten() {
        if let Some(token) = &mut projection.service_account_token {
            token.expiration_seconds.get_or_insert(60 * 60);
        }
        if let Some(files) = &mut projection.downward_api {
            default_files(files.items.as_mut());
        }
    }
}

fn default_files(files: Option<&mut Vec<DownwardAPIVolumeFile>>) {
    for file in files.into_iter().flatten() {
        default_references(file.field_ref.as_mut(), file.resource_field_ref.as_mut());
    }
}

fn default_rbd(source: &mut RBDVolumeSource) {
    set(&mut source.pool, "rbd");
    set(&mut source.user, "admin");
    set(&mut source.keyring, "/etc/ceph/keyring");
}

/// Defaults of a disk.
pub(crate) fn default_azure_disk(source: &mut AzureDiskVolumeSource) {
    source
        .caching_mode
        .get_or_insert_with(|| "ReadWrite".into());
    source.kind.get_or_insert_with(|| "Shared".into());
    source.fs_type.get_or_insert_with(|| "ext4".into());
    source.read_only.get_or_insert(false);
}

/// The defaults of a claim, alone or as a template.
pub(crate) fn default_claim_spec(spec: &mut PersistentVolumeClaimSpec) {
    spec.resources.get_or_insert_default();
    spec.volume_mode.get_or_insert_with(|| "Filesystem".into());
}
