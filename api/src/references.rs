//! The names in references of pods and volumes.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, PersistentVolume, PodSpec, Volume};

/// The environments of all containers of a pod: init, ordinary and ephemeral ones.
fn environments(spec: &PodSpec) -> impl Iterator<Item = (&[EnvVar], &[EnvFromSource])> {
    macro_rules! environments_of {
        ($containers:expr) => {
            $containers.map(|container| {
                (
                    container.env.as_deref().unwrap_or_default(),
                    container.env_from.as_deref().unwrap_or_default(),
                )
            })
        };
    }
    environments_of!(spec.init_containers.iter().flatten())
        .chain(environments_of!(spec.containers.iter()))
        .chain(environments_of!(spec.ephemeral_containers.iter().flatten()))
}

/// The secrets that a pod refers to, possibly with duplicates (upstream: `VisitPodSecretNames` in
/// `pkg/api/v1/pod/util.go`).
pub fn secrets_of_pod(spec: &PodSpec) -> impl Iterator<Item = &str> {
    let pulls = spec.image_pull_secrets.iter().flatten();
    let environments = environments(spec).flat_map(|(variables, sources)| {
        let variables = variables.iter().filter_map(|variable| {
            let source = variable.value_from.as_ref()?.secret_key_ref.as_ref()?;
            Some(source.name.as_str())
        });
        let sources = sources
            .iter()
            .filter_map(|source| source.secret_ref.as_ref());
        variables.chain(sources.map(|source| source.name.as_str()))
    });
    let volumes = spec.volumes.iter().flatten().flat_map(secrets_of_source);
    pulls
        .map(|secret| secret.name.as_str())
        .chain(environments)
        .chain(volumes)
}

fn secrets_of_source(volume: &Volume) -> impl Iterator<Item = &str> {
    macro_rules! referred {
        ($($source:ident)*) => {
            [$(volume.$source.as_ref().and_then(|v| v.secret_ref.as_ref()).map(|s| s.name.as_str())),*]
        };
    }
    let secret = volume.secret.as_ref();
    let csi = volume.csi.as_ref();
    let named = [
        secret.map(|secret| secret.secret_name.as_deref().unwrap_or_default()),
        volume.azure_file.as_ref().map(|v| v.secret_name.as_str()),
        volume.scale_io.as_ref().map(|v| v.secret_ref.name.as_str()),
        csi.and_then(|csi| csi.node_publish_secret_ref.as_ref())
            .map(|secret| secret.name.as_str()),
    ];
    let referred = referred!(cephfs cinder flex_volume rbd iscsi storageos);
    let projected = volume.projected.iter();
    let projected = projected
        .flat_map(|projected| projected.sources.iter().flatten())
        .filter_map(|source| source.secret.as_ref())
        .map(|secret| secret.name.as_str());
    named.into_iter().chain(referred).flatten().chain(projected)
}

/// The config maps that a pod refers to, possibly with duplicates (upstream: `VisitPodConfigmapNames`).
pub fn config_maps_of_pod(spec: &PodSpec) -> impl Iterator<Item = &str> {
    let environments = environments(spec).flat_map(|(variables, sources)| {
        let variables = variables.iter().filter_map(|variable| {
            let source = variable.value_from.as_ref()?.config_map_key_ref.as_ref()?;
            Some(source.name.as_str())
        });
        let sources = sources
            .iter()
            .filter_map(|source| source.config_map_ref.as_ref());
        variables.chain(sources.map(|source| source.name.as_str()))
    });
    let volumes = spec.volumes.iter().flatten().flat_map(|volume| {
        let whole = volume.config_map.iter().map(|map| map.name.as_str());
        let projected = volume.projected.iter();
        let projected = projected
            .flat_map(|projected| projected.sources.iter().flatten())
            .filter_map(|source| source.config_map.as_ref())
            .map(|map| map.name.as_str());
        whole.chain(projected)
    });
    environments.chain(volumes)
}

/// The secrets that a kubelet needs to mount a persistent volume, as namespaces and names.
///
/// A reference without a namespace means the claim's (upstream: `VisitPVSecretNames` in
/// `pkg/api/v1/persistentvolume/util.go`).
pub fn secrets_of_volume(volume: &PersistentVolume) -> Vec<(String, String)> {
    let Some(spec) = &volume.spec else {
        return Vec::new();
    };
    let claim = spec.claim_ref.as_ref();
    let of_claim = claim.and_then(|claim| claim.namespace.as_deref());
    let mut secrets = Vec::new();
    let mut add = |namespace: Option<&str>, name: &str| {
        let namespace = namespace.filter(|namespace| !namespace.is_empty());
        let namespace = namespace.or(of_claim).unwrap_or_default();
        secrets.push((namespace.to_owned(), name.to_owned()));
    };
    macro_rules! add_references {
        ($($reference:expr),*) => {
            $(if let Some(secret) = $reference {
                add(secret.namespace.as_deref(), secret.name.as_deref().unwrap_or_default());
            })*
        };
    }
    if let Some(azure) = &spec.azure_file {
        add(azure.secret_namespace.as_deref(), &azure.secret_name);
    }
    let csi = spec.csi.as_ref();
    add_references!(
        spec.cephfs.as_ref().and_then(|v| v.secret_ref.as_ref()),
        spec.cinder.as_ref().and_then(|v| v.secret_ref.as_ref()),
        spec.flex_volume
            .as_ref()
            .and_then(|v| v.secret_ref.as_ref()),
        spec.rbd.as_ref().and_then(|v| v.secret_ref.as_ref()),
        spec.scale_io.as_ref().map(|v| &v.secret_ref),
        spec.iscsi.as_ref().and_then(|v| v.secret_ref.as_ref()),
        spec.storageos.as_ref().and_then(|v| v.secret_ref.as_ref()),
        csi.and_then(|csi| csi.node_publish_secret_ref.as_ref()),
        csi.and_then(|csi| csi.node_stage_secret_ref.as_ref()),
        csi.and_then(|csi| csi.node_expand_secret_ref.as_ref())
    );
    secrets
}
