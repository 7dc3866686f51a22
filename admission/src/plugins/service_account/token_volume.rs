//! The projected volume with a pod's token, the cluster's CA and the pod's namespace.

use k8s_openapi::api::core::v1::{
    ConfigMapProjection, Container, DownwardAPIProjection, DownwardAPIVolumeFile, KeyToPath,
    ObjectFieldSelector, PodSpec, ProjectedVolumeSource, ServiceAccountTokenProjection, Volume,
    VolumeMount, VolumeProjection,
};

const PREFIX: &str = "kube-api-access-";
const MOUNT_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
/// An hour and seven seconds: upstream recognizes injected tokens by this unusual lifetime.
const EXPIRATION_SECONDS: i64 = 60 * 60 + 7;
const MODE: i32 = 0o644;

/// Mounts the volume in every container that does not mount another at the same path.
pub(super) fn mount(spec: &mut PodSpec, generate_name: fn(&str) -> String) {
    let volumes = spec.volumes.iter().flatten();
    let existing = volumes
        .map(|v| &v.name)
        .find(|name| name.starts_with(PREFIX));
    let name = existing.cloned();
    let exists = name.is_some();
    let name = name.unwrap_or_else(|| generate_name(PREFIX));
    let containers = spec.init_containers.iter_mut().flatten();
    let mut needed = false;
    for container in containers.chain(&mut spec.containers) {
        needed |= mount_in(container, &name);
    }
    if needed && !exists {
        spec.volumes.get_or_insert_default().push(volume(name));
    }
}

fn mount_in(container: &mut Container, volume: &str) -> bool {
    let mut mounts = container.volume_mounts.iter().flatten();
    if mounts.any(|mount| mount.mount_path == MOUNT_PATH) {
        return false;
    }
    container
        .volume_mounts
        .get_or_insert_default()
        .push(VolumeMount {
            name: volume.to_owned(),
            read_only: Some(true),
            mount_path: MOUNT_PATH.to_owned(),
            ..VolumeMount::default()
        });
    true
}

fn volume(name: String) -> Volume {
    let token = ServiceAccountTokenProjection {
        path: "token".to_owned(),
        expiration_seconds: Some(EXPIRATION_SECONDS),
        ..ServiceAccountTokenProjection::default()
    };
    let certificate = KeyToPath {
        key: "ca.crt".to_owned(),
        path: "ca.crt".to_owned(),
        ..KeyToPath::default()
    };
    let root_ca = ConfigMapProjection {
        name: "kube-root-ca.crt".to_owned(),
        items: Some(vec![certificate]),
        ..ConfigMapProjection::default()
    };
    let namespace = DownwardAPIVolumeFile {
        path: "namespace".to_owned(),
        field_ref: Some(ObjectFieldSelector {
            api_version: Some("v1".to_owned()),
            field_path: "metadata.namespace".to_owned(),
        }),
        ..DownwardAPIVolumeFile::default()
    };
    let sources = vec![
        VolumeProjection {
            service_account_token: Some(token),
            ..VolumeProjection::default()
        },
        VolumeProjection {
            config_map: Some(root_ca),
            ..VolumeProjection::default()
        },
        VolumeProjection {
            downward_api: Some(DownwardAPIProjection {
                items: Some(vec![namespace]),
            }),
            ..VolumeProjection::default()
        },
    ];
    Volume {
        name,
        projected: Some(ProjectedVolumeSource {
            default_mode: Some(MODE),
            sources: Some(sources),
            ..ProjectedVolumeSource::default()
        }),
        ..Volume::default()
    }
}
