//! Mounts of volumes in containers.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Container, VolumeDevice, VolumeMount};
use portcullis_api::{ErrorList, FieldError, Path};

use super::super::profiles::validate_descending_path;
use super::super::{list, one_of, required, text};
use super::Volumes;

const PROPAGATIONS: [&str; 3] = ["Bidirectional", "HostToContainer", "None"];

pub(super) fn validate_mounts(
    container: &Container,
    volumes: &Volumes<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let mut paths = BTreeSet::new();
    let list_path = path.child("volumeMounts");
    for (i, mount) in list(container.volume_mounts.as_ref()).iter().enumerate() {
        let path = list_path.index(i);
        validate_mount(mount, volumes, &path, errors);
        if !paths.insert(&mount.mount_path) {
            not_unique(&mount.mount_path, &path.child("mountPath"), errors);
        }
        no_device_too(mount, container, &path, errors);
        // as upstream: these paths name the list, not the element
        validate_sub_path(mount, &list_path, &path, errors);
        validate_propagation(
            mount,
            container,
            &list_path.child("mountPropagation"),
            errors,
        );
    }
    validate_devices(container, volumes, &path.child("volumeDevices"), errors);
}

fn not_unique(value: &str, path: &Path, errors: &mut ErrorList) {
    errors.push(FieldError::invalid(path, value, "must be unique"));
}

fn validate_mount(mount: &VolumeMount, volumes: &Volumes<'_>, path: &Path, errors: &mut ErrorList) {
    let name_path = path.child("name");
    required(Some(&mount.name), &name_path, errors);
    if volumes.get(&mount.name).is_none() {
        errors.push(FieldError::not_found(&name_path, &mount.name));
    }
    required(Some(&mount.mount_path), &path.child("mountPath"), errors);
}

/// A volume is mounted or used as a device, never both.
fn no_device_too(mount: &VolumeMount, container: &Container, path: &Path, errors: &mut ErrorList) {
    let devices = list(container.volume_devices.as_ref());
    if devices.iter().any(|d| d.name == mount.name) {
        let detail = "must not already exist in volumeDevices";
        errors.push(FieldError::invalid(
            &path.child("name"),
            &mount.name,
            detail,
        ));
    }
    if devices.iter().any(|d| d.device_path == mount.mount_path) {
        let detail = "must not already exist as a path in volumeDevices";
        let path = path.child("mountPath");
        errors.push(FieldError::invalid(&path, &mount.mount_path, detail));
    }
}

fn validate_sub_path(mount: &VolumeMount, path: &Path, element: &Path, errors: &mut ErrorList) {
    let (sub_path, expression) = (
        text(mount.sub_path.as_ref()),
        text(mount.sub_path_expr.as_ref()),
    );
    if !sub_path.is_empty() {
        validate_descending_path(sub_path, &path.child("subPath"), errors);
    }
    if !expression.is_empty() {
        if !sub_path.is_empty() {
            let detail = "subPathExpr and subPath are mutually exclusive";
            let path = element.child("subPathExpr");
            errors.push(FieldError::invalid(&path, expression, detail));
        }
        let path = path.child("subPathExpr");
        validate_descending_path(expression, &path, errors);
    }
}

fn validate_propagation(
    mount: &VolumeMount,
    container: &Container,
    path: &Path,
    errors: &mut ErrorList,
) {
    let Some(propagation) = &mount.mount_propagation else {
        return;
    };
    one_of(propagation, &PROPAGATIONS, path, errors);
    let context = container.security_context.as_ref();
    let privileged = context.and_then(|c| c.privileged).unwrap_or_default();
    if propagation == "Bidirectional" && !privileged {
        let detail = "Bidirectional mount propagation is available only to privileged containers";
        errors.push(FieldError::forbidden(path, detail));
    }
}

fn validate_devices(
    container: &Container,
    volumes: &Volumes<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    let (mut names, mut paths) = (BTreeSet::new(), BTreeSet::new());
    for (i, device) in list(container.volume_devices.as_ref()).iter().enumerate() {
        let path = path.index(i);
        let (name_path, device_path) = (path.child("name"), path.child("devicePath"));
        required(Some(&device.name), &name_path, errors);
        if !device.name.is_empty() && !names.insert(&device.name) {
            not_unique(&device.name, &name_path, errors);
        }
        validate_device_volume(device, volumes, &name_path, errors);
        required(Some(&device.device_path), &device_path, errors);
        if device.device_path.split('/').any(|step| step == "..") {
            let detail = "can not contain backsteps ('..')";
            errors.push(FieldError::invalid(
                &device_path,
                &device.device_path,
                detail,
            ));
        } else if !paths.insert(&device.device_path) {
            not_unique(&device.device_path, &device_path, errors);
        }
        let mounts = list(container.volume_mounts.as_ref());
        if mounts.iter().any(|m| m.name == device.name) {
            let detail = "must not already exist in volumeMounts";
            errors.push(FieldError::invalid(&name_path, &device.name, detail));
        }
        if mounts.iter().any(|m| m.mount_path == device.device_path) {
            let detail = "must not already exist as a path in volumeMounts";
            errors.push(FieldError::invalid(
                &device_path,
                &device.device_path,
                detail,
            ));
        }
    }
}

/// Only claims can be used as devices.
fn validate_device_volume(
    device: &VolumeDevice,
    volumes: &Volumes<'_>,
    path: &Path,
    errors: &mut ErrorList,
) {
    match volumes.get(&device.name) {
        None => errors.push(FieldError::not_found(path, &device.name)),
        Some(v) if v.persistent_volume_claim.is_some() || v.ephemeral.is_some() => {}
        Some(_) => {
            let detail = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
            errors.push(FieldError::invalid(path, &device.name, detail));
        }
    }
}
