//! `volumes`, `allowedFlexVolumes`, `allowedCSIDrivers` (upstream: `podsecuritypolicy/provider.go`
//! and `util/util.go`).

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{ProjectedVolumeSource, Volume, VolumeProjection};
use portcullis_api::psp::PodSecurityPolicySpec;
use portcullis_api::{FieldError, Path};

use super::findings::Findings;
use super::host_paths::HostPathRule;
use super::pod_view::PodView;

/// The volumes that a pod may have.
#[derive(Debug)]
pub(super) struct VolumeRule {
    types: BTreeSet<String>,
    host_paths: HostPathRule,
    /// Empty means any.
    flex_drivers: Vec<String>,
    /// Empty means any.
    csi_drivers: Vec<String>,
}

impl VolumeRule {
    pub(super) fn compile(spec: &PodSecurityPolicySpec) -> Self {
        let flex = spec.allowed_flex_volumes.iter().flatten();
        let csi = spec.allowed_csi_drivers.iter().flatten();
        Self {
            types: spec.volumes.iter().flatten().cloned().collect(),
            host_paths: HostPathRule::compile(spec.allowed_host_paths.as_deref()),
            flex_drivers: flex.map(|v| v.driver.clone()).collect(),
            csi_drivers: csi.map(|v| v.name.clone()).collect(),
        }
    }

    pub(super) fn validate(&self, pod: &PodView<'_>, findings: &mut Findings) {
        for (index, volume) in pod.spec.volumes.iter().flatten().enumerate() {
            let path = || Path::new("spec").child("volumes").index(index);
            let kind = type_of(volume);
            if !self.allows(kind, volume) {
                findings.add(|| {
                    let detail = format!("{kind} volumes are not allowed to be used");
                    FieldError::invalid(&path(), kind, detail)
                });
            } else if let Some(source) = &volume.host_path {
                let name = &volume.name;
                self.host_paths
                    .validate(path, name, &source.path, pod, findings);
            } else if let Some(source) = &volume.flex_volume {
                if !any_or_listed(&self.flex_drivers, &source.driver) {
                    let detail = "Flexvolume driver is not allowed to be used";
                    findings.add(|| {
                        FieldError::invalid(&path().child("driver"), &source.driver, detail)
                    });
                }
            } else if let Some(source) = &volume.csi
                && !any_or_listed(&self.csi_drivers, &source.driver)
            {
                findings.add(|| {
                    let path = path().child("csi").child("driver");
                    let detail = "Inline CSI driver is not allowed to be used";
                    FieldError::invalid(&path, &source.driver, detail)
                });
            }
        }
    }

    fn allows(&self, kind: &str, volume: &Volume) -> bool {
        let listed = |kind| self.types.contains(kind);
        listed("*")
            || listed(kind)
            || listed("secret") && volume.projected.as_ref().is_some_and(is_token_volume)
    }
}

fn any_or_listed(list: &[String], name: &str) -> bool {
    list.is_empty() || list.iter().any(|listed| listed == name)
}

/// The type of a volume in policies: the name of the field that is set.
///
/// Of several, which validation rejects later, it is the first in upstream's order. If none is set,
/// it is `emptyDir`, as API defaulting sets that.
fn type_of(volume: &Volume) -> &'static str {
    macro_rules! first {
        ($($field:ident => $name:literal),* $(,)?) => {
            $(if volume.$field.is_some() {
                return $name;
            })*
        };
    }
    first! {
        host_path => "hostPath", empty_dir => "emptyDir",
        gce_persistent_disk => "gcePersistentDisk",
        aws_elastic_block_store => "awsElasticBlockStore", git_repo => "gitRepo",
        secret => "secret", nfs => "nfs", iscsi => "iscsi", glusterfs => "glusterfs",
        persistent_volume_claim => "persistentVolumeClaim", rbd => "rbd",
        flex_volume => "flexVolume", cinder => "cinder", cephfs => "cephFS",
        flocker => "flocker", downward_api => "downwardAPI", fc => "fc",
        azure_file => "azureFile", config_map => "configMap",
        vsphere_volume => "vsphereVolume", quobyte => "quobyte", azure_disk => "azureDisk",
        photon_persistent_disk => "photonPersistentDisk", storageos => "storageos",
        projected => "projected", portworx_volume => "portworxVolume", scale_io => "scaleIO",
        csi => "csi", ephemeral => "ephemeral", image => "image",
    }
    "emptyDir"
}

/// Whether this is the volume of a service account's token and nothing else, which a policy that
/// allows secrets also allows.
fn is_token_volume(volume: &ProjectedVolumeSource) -> bool {
    volume.sources.iter().flatten().all(is_token_source)
}

fn is_token_source(source: &VolumeProjection) -> bool {
    let known = source.service_account_token.is_some()
        || source.config_map.is_some()
        || source.downward_api.is_some();
    let token = source.service_account_token.as_ref().is_none_or(|token| {
        token.path == "token" && token.audience.as_deref().unwrap_or_default().is_empty()
    });
    let root_ca = source.config_map.as_ref();
    let root_ca = root_ca.is_none_or(|map| map.name == "kube-root-ca.crt");
    let files = source
        .downward_api
        .iter()
        .flat_map(|d| d.items.iter().flatten());
    let namespace = files.into_iter().all(|file| {
        file.path == "namespace"
            && file.field_ref.as_ref().is_some_and(|field| {
                field.api_version.as_deref() == Some("v1")
                    && field.field_path == "metadata.namespace"
            })
    });
    known && token && root_ca && namespace
}
