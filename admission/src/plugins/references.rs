//! References of a pod to secrets and config maps.

use k8s_openapi::api::core::v1::{EnvFromSource, EnvVar, PodSpec, Volume};

/// The environment of a container of any of the three lists.
pub(crate) struct Environment<'p> {
    pub(crate) kind: &'static str,
    pub(crate) name: &'p str,
    env: &'p [EnvVar],
    env_from: &'p [EnvFromSource],
}

impl<'p> Environment<'p> {
    /// The secrets it references, as (description of the referencing field, name of the secret).
    pub(crate) fn secrets(&self) -> impl Iterator<Item = (String, &'p str)> + use<'p> {
        let variables = self.env.iter().filter_map(|variable| {
            let source = variable.value_from.as_ref()?.secret_key_ref.as_ref()?;
            Some((format!("envVar {}", variable.name), source.name.as_str()))
        });
        let whole = self.env_from.iter().filter_map(|source| {
            let source = source.secret_ref.as_ref()?;
            Some(("envFrom".to_owned(), source.name.as_str()))
        });
        variables.chain(whole)
    }

    fn references_config_map(&self) -> bool {
        let mut variables = self.env.iter().filter_map(|v| v.value_from.as_ref());
        variables.any(|source| source.config_map_key_ref.is_some())
            || self.env_from.iter().any(|s| s.config_map_ref.is_some())
    }
}

/// The environments of init containers, containers and ephemeral containers.
pub(crate) fn environments(spec: &PodSpec) -> Vec<Environment<'_>> {
    let mut all = Vec::new();
    macro_rules! add {
        ($kind:literal, $containers:expr) => {
            all.extend($containers.map(|c| Environment {
                kind: $kind,
                name: &c.name,
                env: c.env.as_deref().unwrap_or_default(),
                env_from: c.env_from.as_deref().unwrap_or_default(),
            }));
        };
    }
    add!("init container", spec.init_containers.iter().flatten());
    add!("container", spec.containers.iter());
    all.extend(ephemeral_environments(spec));
    all
}

/// The environments of ephemeral containers.
pub(crate) fn ephemeral_environments(spec: &PodSpec) -> Vec<Environment<'_>> {
    let containers = spec.ephemeral_containers.iter().flatten();
    let environments = containers.map(|c| Environment {
        kind: "ephemeral container",
        name: &c.name,
        env: c.env.as_deref().unwrap_or_default(),
        env_from: c.env_from.as_deref().unwrap_or_default(),
    });
    environments.collect()
}

/// Upstream: `VisitPodSecretNames` in `pkg/api/pod/util.go`.
pub(crate) fn references_secrets(spec: &PodSpec) -> bool {
    let pull_secrets = spec.image_pull_secrets.as_deref().unwrap_or_default();
    let mut volumes = spec.volumes.iter().flatten();
    !pull_secrets.is_empty()
        || environments(spec)
            .iter()
            .any(|e| e.secrets().next().is_some())
        || volumes.any(volume_references_secret)
}

/// Upstream: `VisitPodConfigmapNames` in `pkg/api/pod/util.go`.
pub(crate) fn references_config_maps(spec: &PodSpec) -> bool {
    let mut volumes = spec.volumes.iter().flatten();
    environments(spec)
        .iter()
        .any(Environment::references_config_map)
        || volumes.any(|volume| {
            let projected = volume.projected.iter();
            let mut projected = projected.flat_map(|p| p.sources.iter().flatten());
            volume.config_map.is_some() || projected.any(|source| source.config_map.is_some())
        })
}

fn volume_references_secret(volume: &Volume) -> bool {
    macro_rules! has_secret {
        ($($source:ident)*) => {
            $(volume.$source.as_ref().is_some_and(|v| v.secret_ref.is_some()))||*
        };
    }
    let projected = volume.projected.iter();
    let mut projected = projected.flat_map(|p| p.sources.iter().flatten());
    let csi = volume.csi.as_ref();
    volume.secret.is_some()
        || volume.azure_file.is_some()
        || volume.scale_io.is_some()
        || projected.any(|source| source.secret.is_some())
        || has_secret!(cephfs cinder flex_volume rbd iscsi storageos)
        || csi.is_some_and(|v| v.node_publish_secret_ref.is_some())
}
