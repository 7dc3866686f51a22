//! The volumes of a pod.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{
    ConfigMapVolumeSource, EmptyDirVolumeSource, EphemeralVolumeSource, FlexVolumeSource,
    HostPathVolumeSource, KeyToPath, SecretVolumeSource, Volume,
};
use portcullis_api::{ErrorList, FieldError, Path, name};

use super::super::claims::validate_claim_spec;
use super::super::labels::validate_labels;
use super::super::names::validate_csi_driver_name;
use super::super::profiles::{validate_descending_path, validate_no_backsteps};
use super::super::resources::amount;
use super::super::{OneOf, invalid_each, list, one_of, required, text};
use super::{projections, volume_sources};

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

/// The volumes of a pod that containers can mount: those with nothing wrong.
pub struct Volumes<'a>(BTreeMap<&'a str, &'a Volume>);

impl<'a> Volumes<'a> {
    /// Checks volumes and keeps the good ones.
    pub fn validate(volumes: Option<&'a Vec<Volume>>, path: &Path, errors: &mut ErrorList) -> Self {
        let mut good = BTreeMap::new();
        for (i, volume) in list(volumes).iter().enumerate() {
            let path = path.index(i);
            let found = errors.len();
            validate_source(volume, &path, errors);
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

/// The sources that volumes of the cluster have too.
pub fn validate_persistent_source(v: &Volume, source: &mut OneOf<'_>) {
    source.field("hostPath", v.host_path.as_ref(), validate_host_path);
    source.field("flexVolume", v.flex_volume.as_ref(), validate_flex);
    volume_sources::validate_block_storage(v, source);
    volume_sources::validate_file_storage(v, source);
    volume_sources::validate_software_storage(v, source);
}

/// A volume is of exactly one type.
fn validate_source(v: &Volume, path: &Path, errors: &mut ErrorList) {
    let mut source = OneOf::new(path, "volume type", errors);
    source.field("emptyDir", v.empty_dir.as_ref(), validate_empty_dir);
    source.field("hostPath", v.host_path.as_ref(), validate_host_path);
    source.field("secret", v.secret.as_ref(), validate_secret);
    source.field("configMap", v.config_map.as_ref(), validate_config_map);
    source.field("downwardAPI", v.downward_api.as_ref(), |d, path, errors| {
        validate_mode(d.default_mode, &path.child("defaultMode"), errors);
        projections::validate_files(d.items.as_ref(), path, errors);
    });
    source.field(
        "projected",
        v.projected.as_ref(),
        projections::validate_projected,
    );
    source.field(
        "persistentVolumeClaim",
        v.persistent_volume_claim.as_ref(),
        |claim, path, errors| {
            required(Some(&claim.claim_name), &path.child("claimName"), errors);
        },
    );
    source.field("ephemeral", v.ephemeral.as_ref(), validate_ephemeral);
    source.field("flexVolume", v.flex_volume.as_ref(), validate_flex);
    source.field("csi", v.csi.as_ref(), |csi, path, errors| {
        validate_csi_driver_name(&csi.driver, &path.child("driver"), errors);
        if let Some(secret) = &csi.node_publish_secret_ref {
            let path = path.child("nodePublishSecretRef").child("name");
            required(Some(&secret.name), &path, errors);
        }
    });
    source.field("image", v.image.as_ref(), |_, _, _| {});
    volume_sources::validate_block_storage(v, &mut source);
    volume_sources::validate_file_storage(v, &mut source);
    volume_sources::validate_software_storage(v, &mut source);
    if !source.is_chosen() {
        let detail = "must specify a volume type";
        errors.push(FieldError::required(path, detail));
    }
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
        let path = path.child("metadata").child("labels");
        validate_labels(meta.labels.as_ref(), &path, errors);
    }
    validate_claim_spec(&template.spec, &path.child("spec"), errors);
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

/// The permissions of a file.
pub(super) fn validate_mode(mode: Option<i32>, path: &Path, errors: &mut ErrorList) {
    if let Some(mode) = mode.filter(|m| !(0..=0o777).contains(m)) {
        let detail = "must be a number between 0 and 0777 (octal), both inclusive";
        errors.push(FieldError::invalid(path, mode, detail));
    }
}

/// Which key becomes which file.
pub(super) fn validate_items(items: Option<&Vec<KeyToPath>>, path: &Path, errors: &mut ErrorList) {
    for (i, item) in list(items).iter().enumerate() {
        let path = path.index(i);
        required(Some(&item.key), &path.child("key"), errors);
        required(Some(&item.path), &path.child("path"), errors);
        validate_file_path(&item.path, &path.child("path"), errors);
        validate_mode(item.mode, &path.child("mode"), errors);
    }
}

/// A path below the volume's root, whose name is not one the kubelet uses itself.
pub(super) fn validate_file_path(file: &str, path: &Path, errors: &mut ErrorList) {
    validate_descending_path(file, path, errors);
    if file.starts_with("..") && !file.starts_with("../") {
        let detail = "must not start with '..'";
        errors.push(FieldError::invalid(path, file, detail));
    }
}
